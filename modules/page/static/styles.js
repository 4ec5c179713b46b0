/* The styles' dialog: opened over the page, closed by Escape or beside it, the focus kept inside.
 *
 * It is drawn when it is first opened; what its buttons do is mostly the server's business.
 */
(() => {
  "use strict";
  let opened = null;
  let before = null; // what had the focus

  const fields = () =>
    [...opened.querySelectorAll("button, input, textarea")].filter((node) => node.offsetParent && !node.disabled);

  function drawn(tab) {
    const place = EaselDom.make("div", "easel-dialog", {
      id: `${tab}_styles_dialog`, role: "dialog", "aria-modal": "true", "aria-label": "Edit styles",
    });
    // Within it the style sheet's rules for the page's controls hold.
    document.querySelector(".gradio-container").append(place);
    EaselForm.draw(`${tab}_styles`, "dialog", place);
    return place;
  }

  function open(tab) {
    opened = document.querySelector(`#${tab}_styles_dialog`) ?? drawn(tab);
    before = document.activeElement;
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

  /* ---- its buttons ---- */
  const ownerOf = (tab) => tab.replace("_styles", "");
  const toServer = (event) => ({ tab }) => EaselForm.trigger(ownerOf(tab), event, {});

  function copied({ tab }) {
    const from = ownerOf(tab);
    EaselForm.set(tab, "style_prompt", EaselForm.value(from, "prompt"));
    EaselForm.set(tab, "style_negative", EaselForm.value(from, "negative_prompt"));
  }

  function remove({ tab }) {
    const name = EaselForm.value(tab, "style_name");
    if (name && confirm(t('Delete the style "{name}"?', { name }))) toServer("style-delete")({ tab });
  }

  EaselForm.action("edit-styles", ({ tab }) => open(tab));
  EaselForm.action("apply-styles", toServer("apply-styles"));
  EaselForm.action("style-refresh", toServer("style-refresh"));
  EaselForm.action("style-save", toServer("style-save"));
  EaselForm.action("style-copy", copied);
  EaselForm.action("style-delete", remove);
  EaselForm.action("style-close", close);
})();
