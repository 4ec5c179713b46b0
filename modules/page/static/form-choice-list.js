/* The list of options below a combobox: drawn when it opens, in a window of a few hundred rows over
 * what may be thousands; placed where there is room, over everything else.
 *
 * Knows rows of words and which is marked; what a choice means is its caller's business.
 */
(() => {
  "use strict";
  const { make } = window.EaselDom;
  const WHOLE = 200; // as many rows are drawn at once
  const PART = 120; // rows drawn of a longer list
  const HIGHEST = 380; // px
  const EDGE = 8; // px that stay free beside the list

  class List {
    /** pick(place): somebody clicked the row at that place. */
    constructor(pick) {
      this.element = make("ul", "ef-list", { id: "ef-list", role: "listbox", popover: "manual", tabindex: "-1" });
      this.element.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
      this.element.addEventListener("click", (event) => {
        const row = event.target.closest("[role=option]");
        if (row) pick(Number(row.dataset.at));
      });
      this.element.addEventListener("mousemove", (event) => {
        const row = event.target.closest("[role=option]");
        if (row) this.mark(Number(row.dataset.at));
      });
      this.element.addEventListener("scroll", () => this.follow(), { passive: true });
    }

    get isOpen() {
      return this.element.isConnected;
    }

    /** Below `box`. label: of the list; several: more than one row may be chosen. */
    open(box, label, several) {
      this.box = box;
      this.high = 0;
      this.element.setAttribute("aria-label", t(label));
      this.element.setAttribute("aria-multiselectable", several);
      this.element.style.cssText = "";
      box.append(this.element);
      this.element.showPopover?.();
    }

    close() {
      this.element.remove();
      this.element.replaceChildren();
      this.rows = [];
    }

    /** Other rows: {words, isChosen}, of which the one at `marked` (or -1) is in sight. */
    fill(rows, marked) {
      this.rows = rows;
      this.marked = -1;
      this.element.hidden = rows.length === 0;
      this.draw(marked - PART / 2);
      this.place();
      this.element.scrollTop = 0;
      if (marked >= 0) this.mark(marked, "center");
    }

    draw(from) {
      const { length } = this.rows;
      const count = length <= WHOLE ? length : PART;
      this.first = Math.max(0, Math.min(from, length - count));
      const drawn = document.createDocumentFragment();
      for (let at = this.first; at < this.first + count; at += 1) drawn.append(this.row(at));
      this.element.replaceChildren(drawn);
      this.drawn = count;
      if (count && !this.high) this.high = this.element.firstChild.offsetHeight;
      // Rows that are not drawn take their room all the same.
      if (count === length) return;
      this.element.firstChild.style.marginTop = `${this.first * this.high}px`;
      this.element.lastChild.style.marginBottom = `${(length - this.first - count) * this.high}px`;
    }

    row(at) {
      const { words, isChosen } = this.rows[at];
      const row = make("li", at === this.marked ? "ef-marked" : "", {
        role: "option", id: `ef-option-${at}`, "data-at": at, "aria-selected": isChosen,
      });
      if (this.rows.length > WHOLE) {
        row.setAttribute("aria-setsize", this.rows.length);
        row.setAttribute("aria-posinset", at + 1);
      }
      row.textContent = words;
      return row;
    }

    /** After a scroll: the rows in sight are drawn. */
    follow() {
      if (!this.isOpen || this.rows.length <= WHOLE) return;
      const top = Math.floor(this.element.scrollTop / this.high);
      const seen = Math.ceil(this.element.clientHeight / this.high);
      const isDrawn = top >= this.first && top + seen <= this.first + this.drawn;
      if (!isDrawn) this.draw(top - Math.floor((this.drawn - seen) / 2));
    }

    /** Mark the row; scroll it into sight where block says how ("nearest" or "center"). */
    mark(at, block = "") {
      this.element.querySelector(".ef-marked")?.classList.remove("ef-marked");
      this.marked = at;
      if (block) {
        const { scrollTop, clientHeight } = this.element;
        const top = at * this.high + 4;
        if (block === "center") this.element.scrollTop = top - (clientHeight - this.high) / 2;
        else if (top < scrollTop) this.element.scrollTop = top - 4;
        else if (top + this.high > scrollTop + clientHeight) this.element.scrollTop = top + this.high + 4 - clientHeight;
        this.follow();
      }
      this.element.querySelector(`#ef-option-${at}`)?.classList.add("ef-marked");
      this.onMark?.(at);
    }

    /** Below the box, or above where there is more room; not beyond the window's edges. */
    place() {
      if (!this.isOpen || this.element.hidden) return;
      const box = this.box.getBoundingClientRect();
      const { style } = this.element;
      const seen = window.visualViewport; // less than the window while a phone shows its keys
      const below = seen.offsetTop + seen.height - box.bottom - EDGE;
      const above = box.top - seen.offsetTop - EDGE;
      const wanted = Math.min(HIGHEST, this.rows.length * this.high + 10);
      const isAbove = below < wanted && above > below;
      style.maxHeight = `${Math.max(80, Math.min(HIGHEST, isAbove ? above : below))}px`;
      style.top = isAbove ? "auto" : `${box.bottom + 2}px`;
      style.bottom = isAbove ? `${innerHeight - box.top + 2}px` : "auto";
      style.minWidth = `${box.width}px`;
      if (!style.width) style.width = `${this.element.offsetWidth}px`; // else it would change on a scroll
      const width = this.element.offsetWidth;
      const start = getComputedStyle(this.box).direction === "rtl" ? box.right - width : box.left;
      style.left = `${Math.max(EDGE, Math.min(start, innerWidth - width - EDGE))}px`;
    }
  }

  window.EaselFormList = List;
})();
