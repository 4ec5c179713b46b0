/* The Settings tab: the menu of sections, a search that leaves what holds the words, the way back to
 * each setting's default, the list of what is changed, and the page's own defaults.
 *
 * What settings there are and what they hold is the server's business (`settings_state.py`).
 */
(() => {
  "use strict";
  const { make } = EaselDom;
  const BACK = "M4 11a8 8 0 1 1 2 6M4 5v6h6";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const rows = () => all('.easel-section-rows [id^="setting_"]');
  const keyOf = (row) => row.id.replace(/^setting_/, "").replace(/_in_settings$/, "");

  const labelOf = (row) => row.querySelector("label span, [data-testid=block-info]")?.textContent.trim() ?? keyOf(row);

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
      if (!section.querySelector(".easel-section-rows") && words.every((word) => title.includes(word))) found = 1;
      section.classList.toggle("easel-filtered", !found);
      document.querySelector(`#settings_menu a[href="#${section.id}"]`)
        ?.classList.toggle("easel-filtered", !found);
      shown += found;
    }
    for (const heading of all("#settings_menu h2")) {
      let next = heading.nextElementSibling;
      let left = false;
      for (; next?.matches("a"); next = next.nextElementSibling) left ||= !next.classList.contains("easel-filtered");
      heading.classList.toggle("easel-filtered", !left);
    }
    for (const note of all(".easel-none")) note.hidden = shown > 0;
  }

  /* Gradio gathers hundreds of values before anything can be drawn: that the button is pressed is seen
   * first. */
  const SLOW = "#settings_submit, #settings_show_changes";
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(SLOW);
    if (!button || !event.isTrusted) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.classList.add("easel-busy");
    requestAnimationFrame(() => setTimeout(() => {
      button.click();
      button.classList.remove("easel-busy");
    }));
  }, true);

  /** A cell of a table, its text as it is. */
  function cell(tag, text, attributes = {}) {
    const made = make(tag, "", attributes);
    made.textContent = text;
    return made;
  }

  function table(heads, lines) {
    const made = make("table", "easel-changes");
    const head = make("tr");
    head.append(...heads.map((words) => cell("th", t(words), { scope: "col" })));
    const body = make("tbody");
    body.append(...lines);
    const top = make("thead");
    top.append(head);
    made.append(top, body);
    return made;
  }

  /* ---- settings ---- */
  class Board {
    constructor(root, trigger) {
      this.root = root;
      this.trigger = trigger;
      this.drawn = null;
    }

    reset(names) {
      for (const row of rows()) if (names.includes(keyOf(row))) touched.set(keyOf(row), labelOf(row));
      this.trigger("reset", { names });
    }

    /** A button in each row that leads back to its default, and a mark where the row is off it. */
    mark({ defaults = {}, changed = [] }) {
      const off = new Set(changed);
      for (const row of rows()) {
        const key = keyOf(row);
        row.classList.toggle("easel-changed", off.has(key));
        if (!(key in defaults) || row.querySelector(":scope > .easel-reset")) continue;
        const label = labelOf(row);
        const button = make("button", "easel-reset", { type: "button" });
        button.title = t("Back to the default: {value}", { value: defaults[key] });
        button.setAttribute("aria-label", `${label}: ${button.title}`);
        button.append(EaselDom.svg(BACK));
        button.addEventListener("click", () => this.reset([key]));
        row.append(button);
      }
    }

    list(lines, n) {
      if (!lines || n === this.drawn) return;
      this.drawn = n;
      const head = make("div", "easel-board-head");
      const title = make("h2");
      title.textContent = t("Changed settings");
      const close = EaselDom.tool("Close", "M6 6l12 12M18 6 6 18", () => this.root.replaceChildren());
      head.append(title);
      if (lines.length) {
        const back = make("button", "easel-board-back", { type: "button" });
        back.textContent = t("Set all back");
        back.addEventListener("click", () => this.reset(lines.map((line) => line.key)));
        head.append(back);
      }
      head.append(close);
      const none = make("p");
      none.textContent = t("Every setting has its default.");
      this.root.replaceChildren(head, lines.length
        ? table(["Setting", "Stored", "On this page", "Default"], lines.map((line) => this.line(line))) : none);
      window.scrollTo({ top: 0 });
    }

    line({ key, label, stored, page, default: usual }) {
      const row = make("tr");
      const name = make("td");
      const link = make("a", "", { href: `#setting_${key}` });
      link.textContent = t(label);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        filter("");
        const place = document.getElementById(`setting_${key}_in_settings`) ?? document.getElementById(`setting_${key}`);
        place?.scrollIntoView({ block: "center" });
        place?.querySelector("input, textarea, button")?.focus({ preventScroll: true });
      });
      name.append(link);
      row.append(name, ...[stored, page, usual].map((words) => cell("td", words)));
      return row;
    }
  }

  /* ---- what was changed here and not applied ---- */
  const touched = new Map(); // labels by key

  function touch(event) {
    const row = event.target.closest?.('.easel-section-rows [id^="setting_"]');
    if (row && !event.target.closest(".easel-reset")) touched.set(keyOf(row), labelOf(row));
  }

  for (const kind of ["input", "change"]) document.addEventListener(kind, touch, true);
  document.addEventListener("pointerdown", (event) => { if (event.target.closest?.('[role="option"]')) touch(event); });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#settings_menu a");
    if (!link) return;
    event.preventDefault();
    document.querySelector(link.getAttribute("href"))?.scrollIntoView({ block: "start" });
  });

  window.EaselSettings = {
    filter,
    /** Labels of the settings that were changed on this page and are not stored. */
    unapplied: () => [...touched.values()],
    mount(element, props, trigger, watch) {
      const board = new Board(element.querySelector(".easel-board"), trigger);
      const follow = () => {
        if (!props.value?.table) touched.clear(); // all that was changed is stored
        // The rows are made at the same time as this, or a little later.
        requestAnimationFrame(() => setTimeout(() => board.mark(props.value ?? {}), 30));
        board.list(props.value?.table, props.value?.n);
      };
      watch("value", follow);
      follow();
    },
    mountDefaults(element, props, watch) {
      const place = element.querySelector(".easel-defaults-board");
      const follow = () => {
        const { line, rows: lines = [] } = props.value ?? {};
        const told = make("p", "", { role: "status" });
        told.textContent = t(line ?? "");
        const body = lines.map(({ place: name, old, new: now }) => {
          const row = make("tr");
          row.append(...[name, old, now].map((words) => cell("td", words)));
          return row;
        });
        place.replaceChildren(...(line ? [told] : []), ...(body.length ? [table(["Field", "Now", "New"], body)] : []));
      };
      watch("value", follow);
      follow();
    },
  };
})();
