/* Short messages in a corner: they stay long enough to be read, and go by a click or Escape. */
(() => {
  "use strict";
  const STAYS = 20_000; // ms
  const MOST = 3;

  function place() {
    let found = document.querySelector(".easel-notices");
    if (!found) {
      found = document.createElement("div");
      found.className = "easel-notices";
      found.setAttribute("role", "alert");
      document.body.append(found);
    }
    return found;
  }

  /** action: {label, run()}, a button beside the text; a notice with one is no alarm. `stays`: until
   * somebody closes it. */
  function show(text, action = null, { stays = false } = {}) {
    const notice = document.createElement("div");
    notice.className = action ? "easel-notice easel-notice-calm" : "easel-notice";
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", t("Close"));
    close.textContent = "×";
    close.addEventListener("click", () => notice.remove());
    notice.append(words, ...(action ? [button(notice, action)] : []), close);
    const all = place();
    all.append(notice);
    while (all.children.length > MOST) all.firstChild.remove();
    if (!stays) setTimeout(() => notice.remove(), STAYS);
  }

  function button(notice, { label, run }) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "easel-notice-action";
    made.textContent = label;
    made.addEventListener("click", () => {
      notice.remove();
      run();
    });
    return made;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelector(".easel-notice:last-child")?.remove();
  });

  /** Once in this browser tab. */
  function once(text) {
    try {
      const seen = JSON.parse(sessionStorage.getItem("easel-seen") ?? "[]");
      if (seen.includes(text)) return;
      sessionStorage.setItem("easel-seen", JSON.stringify([...seen.slice(-50), text]));
    } catch {} // forbidden: then it is shown each time
    show(text);
  }

  window.EaselNotices = { show, once };
})();
