/* A grid of very many cells, of which only those near the visible part exist.
 *
 * Asks its caller for records by place and for what is in a cell; knows nothing of searches, servers
 * and what a click means.
 */
(() => {
  "use strict";
  const { make } = EaselDom;
  const GAP = 6;
  const OVER = 2; // rows beyond each edge of the visible part

  class Grid {
    /** asked: {recordAt(place) -> record or undefined, want(first, last), fill(cell, record),
     * select(place), open(place), label; least: px, the narrowest cell; ratio: height by width;
     * height: px, in the place of ratio where it is not 0}. */
    constructor(root, asked) {
      this.root = root;
      this.asked = asked;
      this.total = 0;
      this.selected = -1;
      this.cells = new Map(); // by place
      this.floor = make("div", "ez-grid-floor");
      root.append(this.floor);
      root.tabIndex = 0;
      root.setAttribute("role", "listbox");
      root.setAttribute("aria-label", asked.label);
      let asleep = true;
      root.addEventListener("scroll", () => {
        if (!asleep) return;
        asleep = false;
        requestAnimationFrame(() => { asleep = true; this.draw(); });
      }, { passive: true });
      root.addEventListener("click", (event) => {
        const cell = event.target.closest(".ez-grid-cell");
        if (cell) this.select(Number(cell.dataset.place));
      });
      root.addEventListener("dblclick", (event) => {
        if (event.target.closest(".ez-grid-cell")) asked.open(this.selected);
      });
      root.addEventListener("keydown", (event) => this.key(event));
      new ResizeObserver(() => this.resized()).observe(root);
    }

    /** From the beginning, or (with keep) where it is: `total` pictures. */
    show(total, keep = false) {
      this.total = total;
      if (!keep) {
        this.root.scrollTop = 0;
        this.selected = -1;
      }
      this.draw(true);
    }

    measure() {
      const width = this.root.clientWidth - 2 * GAP;
      this.columns = Math.max(2, Math.floor((width + GAP) / (this.asked.least + GAP)));
      this.side = (width + GAP) / this.columns - GAP;
      this.step = (this.asked.height || this.side * this.asked.ratio) + GAP;
      this.across = this.side + GAP;
    }

    /** anew: what is drawn may be of another search or size. */
    draw(anew = false) {
      if (!this.root.clientWidth) return; // its tab is not open
      if (anew) {
        this.measure();
        this.cells.forEach((cell) => cell.remove());
        this.cells.clear();
        this.floor.style.height = `${Math.ceil(this.total / this.columns) * this.step + GAP}px`;
      }
      const top = Math.floor(this.root.scrollTop / this.step) - OVER;
      const rows = Math.ceil(this.root.clientHeight / this.step) + 2 * OVER;
      const first = Math.max(0, top * this.columns);
      const last = Math.min(this.total, (top + rows + 1) * this.columns);
      for (const [place, cell] of this.cells) {
        if (place >= first && place < last) continue;
        cell.remove();
        this.cells.delete(place);
      }
      this.asked.want(first, last);
      for (let place = first; place < last; place += 1) this.place(place);
    }

    place(place) {
      const record = this.asked.recordAt(place);
      let cell = this.cells.get(place);
      if (cell && (cell.dataset.id || !record)) return;
      if (!cell) {
        cell = make("div", "ez-grid-cell", { role: "option", "data-place": place });
        cell.style.width = `${this.side}px`;
        cell.style.height = `${this.step - GAP}px`;
        cell.style.insetInlineStart = `${GAP + (place % this.columns) * this.across}px`;
        cell.style.top = `${GAP + Math.floor(place / this.columns) * this.step}px`;
        this.floor.append(cell);
        this.cells.set(place, cell);
      }
      cell.setAttribute("aria-selected", String(place === this.selected));
      if (!record) return;
      cell.dataset.id = record.id;
      this.asked.fill(cell, record);
    }

    /** The record at `place` has changed. */
    renew(place) {
      const [cell, record] = [this.cells.get(place), this.asked.recordAt(place)];
      if (!cell || !record) return;
      cell.replaceChildren();
      this.asked.fill(cell, record);
    }

    select(place) {
      if (place < 0 || place >= this.total) return;
      this.cells.get(this.selected)?.setAttribute("aria-selected", "false");
      this.selected = place;
      this.reveal(place);
      this.draw();
      this.cells.get(place)?.setAttribute("aria-selected", "true");
      this.asked.select(place);
    }

    reveal(place) {
      const top = Math.floor(place / this.columns) * this.step;
      const [above, below] = [this.root.scrollTop, this.root.scrollTop + this.root.clientHeight];
      if (top < above) this.root.scrollTop = top;
      else if (top + this.step + GAP > below)
        this.root.scrollTop = top + this.step + GAP - this.root.clientHeight;
    }

    /** With other columns, what was in sight stays so: the selected picture, else the first one. */
    resized() {
      const first = Math.floor(this.root.scrollTop / (this.step || 1)) * (this.columns || 1);
      const wasInSight = this.cells.has(this.selected);
      this.draw(true);
      if (!this.columns) return;
      if (wasInSight) this.reveal(this.selected);
      else this.root.scrollTop = Math.floor(first / this.columns) * this.step;
      this.draw();
    }

    key(event) {
      const page = this.columns * Math.max(1, Math.floor(this.root.clientHeight / this.step));
      const moves = {
        [EaselDom.BACK]: -1, [EaselDom.AHEAD]: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
        PageUp: -page, PageDown: page, Home: -this.total, End: this.total,
      };
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && this.selected >= 0) {
        this.asked.open(this.selected);
      } else if (event.key in moves && !event.ctrlKey && !event.altKey && !event.metaKey) {
        const isFirst = this.selected < 0 && event.key !== "End";
        const to = isFirst ? 0 : this.selected + moves[event.key];
        this.select(Math.min(this.total - 1, Math.max(0, to)));
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    }
  }

  window.EaselGrid = Grid;
})();
