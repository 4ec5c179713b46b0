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

  function show(text) {
    const notice = document.createElement("div");
    notice.className = "easel-notice";
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", t("Close"));
    close.textContent = "×";
    close.addEventListener("click", () => notice.remove());
    notice.append(words, close);
    const all = place();
    all.append(notice);
    while (all.children.length > MOST) all.firstChild.remove();
    setTimeout(() => notice.remove(), STAYS);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelector(".easel-notice:last-child")?.remove();
  });

  window.EaselNotices = { show };
})();
