/* The styles' dialog: opened over the page, closed by Escape or beside it, the focus kept inside.
 *
 * Gradio's elements must stay where they are, so it is no <dialog> but a layer that the style sheet
 * shows; what its buttons do is the server's business.
 */
(() => {
  "use strict";
  let opened = null;
  let before = null; // what had the focus

  const fields = () =>
    [...opened.querySelectorAll("button, input, textarea")].filter((node) => node.offsetParent && !node.disabled);

  function open(tab) {
    opened = document.querySelector(`#${tab}_styles_dialog`);
    before = document.activeElement;
    opened.setAttribute("role", "dialog");
    opened.setAttribute("aria-modal", "true");
    opened.setAttribute("aria-label", t("Edit styles"));
    opened.classList.add("easel-open");
    fields()[0]?.focus();
  }

  function close() {
    opened?.classList.remove("easel-open");
    opened = null;
    before?.focus?.();
  }

  function onKey(event) {
    if (!opened) return;
    if (event.key === "Escape") {
      if (event.target.closest('[aria-expanded="true"]')) return; // closes the list first
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") {
      const all = fields();
      const [first, last] = [all[0], all.at(-1)];
      const leaves = event.shiftKey ? document.activeElement === first : document.activeElement === last;
      if (!leaves && opened.contains(document.activeElement)) return;
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault(); // no job from within the dialog
      event.stopPropagation();
    }
  }

  window.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", (event) => { if (event.target === opened) close(); });

  window.EaselStyles = {
    open,
    close,
    /** The name of the style to delete; null where the answer is no. */
    confirmed: (name) => [name && confirm(t('Delete the style "{name}"?', { name })) ? name : null],
  };
})();
