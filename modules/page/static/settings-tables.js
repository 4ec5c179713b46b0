/* Tables of the Settings tab: what is changed, with the way back, and the forms' own defaults.
 *
 * Draws what it is given; stores nothing. Text from outside goes in by textContent alone.
 */
(() => {
  "use strict";
  const { make, tool } = EaselDom;
  const { said } = EaselFormParts;
  const CLOSE = "M6 6l12 12M18 6 6 18";

  function worded(tag, text, attributes = {}) {
    const made = make(tag, "", attributes);
    made.textContent = text;
    return made;
  }

  function table(heads, lines) {
    const made = make("table", "easel-changes");
    const head = make("tr");
    head.append(...heads.map((words) => worded("th", t(words), { scope: "col" })));
    const body = make("tbody");
    body.append(...lines);
    const top = make("thead");
    top.append(head);
    made.append(top, body);
    return made;
  }

  /** Scroll there; once more when what comes in sight on the way has been measured. */
  function goTo(element, block, frames = 3) {
    element.scrollIntoView({ block });
    if (frames) requestAnimationFrame(() => goTo(element, block, frames - 1));
  }

  /** What is not at its default. lines(): {key, id, label, stored, page, usual} of each; back(keys):
   * to the defaults; clearSearch(): so that any setting is in sight. */
  class Board {
    constructor(root, does) {
      this.root = root;
      this.does = does;
      root.classList.add("easel-board");
    }

    open() {
      this.draw();
      window.scrollTo({ top: 0 });
    }

    /** Where it is open: others values may be stored now. */
    refresh() {
      if (this.root.firstChild) this.draw();
    }

    draw() {
      const lines = this.does.lines();
      const head = make("div", "easel-board-head");
      head.append(worded("h2", t("Changed settings")));
      if (lines.length) {
        const back = make("button", "easel-board-back", { type: "button" });
        back.textContent = t("Set all back");
        back.addEventListener("click", () => this.does.back(lines.map((line) => line.key)));
        head.append(back);
      }
      head.append(tool("Close", CLOSE, () => this.root.replaceChildren()));
      this.root.replaceChildren(head, lines.length
        ? table(["Setting", "Stored", "On this page", "Default"], lines.map((line) => this.line(line)))
        : worded("p", t("Every setting has its default.")));
    }

    line({ id, label, stored, page, usual }) {
      const row = make("tr");
      const name = make("td");
      const link = worded("a", t(label), { href: `#${id}` });
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.does.clearSearch();
        const place = document.getElementById(id);
        goTo(place, "center");
        place.querySelector("input, textarea, button")?.focus({ preventScroll: true });
      });
      name.append(link);
      const now = page === undefined ? "" : said(page);
      row.append(name, ...[said(stored), now, said(usual)].map((words) => worded("td", words)));
      return row;
    }

    static goTo = goTo;

    /** What of the forms is not as in a fresh one: `line` in words, `rows` of {place, old, new}. */
    static drawDefaults(root, { line, rows }) {
      const body = rows.map(({ place, old, new: now }) => {
        const row = make("tr");
        row.append(...[place, old, now].map((words) => worded("td", words)));
        return row;
      });
      const told = line ? [worded("p", t(line), { role: "status" })] : [];
      root.replaceChildren(...told, ...(body.length ? [table(["Field", "Now", "New"], body)] : []));
    }
  }

  window.EaselSettingsBoard = Board;
})();
