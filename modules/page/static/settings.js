/* The Settings tab: the menu of sections, and a search that leaves what holds the words. */
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /** Each word must occur in a setting's label, help or key, or in its section's title. */
  function filter(text) {
    const words = String(text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const section of all(".easel-section")) {
      const title = section.querySelector("h2")?.textContent.toLowerCase() ?? "";
      let found = 0;
      for (const row of all('.easel-section-rows [id^="setting_"]', section)) {
        const place = `${title} ${row.textContent} ${row.id}`.toLowerCase();
        const hit = words.every((word) => place.includes(word));
        row.classList.toggle("easel-filtered", !hit);
        if (hit) found += 1;
      }
      section.classList.toggle("easel-filtered", !found);
      document.querySelector(`#settings_menu a[href="#${section.id}"]`)
        ?.classList.toggle("easel-filtered", !found);
      shown += found;
    }
    for (const note of all(".easel-none")) note.hidden = shown > 0;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#settings_menu a");
    if (!link) return;
    event.preventDefault();
    document.querySelector(link.getAttribute("href"))?.scrollIntoView({ block: "start" });
  });

  window.EaselSettings = { filter };
})();
