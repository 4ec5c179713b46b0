/* Undo and redo: what a change replaced, kept as 64-pixel tiles, without end within a byte budget.
 *
 * A change is either a set of ink tiles or a whole document (size, background and ink at once);
 * undoing swaps what is kept with what is there, so redo is the same step again.
 * Knows documents as {width, height, ink} only; nothing of tools or of the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const TILE = 64;

  /** Copies of the ink as it was before one change, taken tile by tile on first touch. */
  class TileSnapshot {
    constructor(doc) {
      this.doc = doc;
      this.columns = Math.ceil(doc.width / TILE);
      this.tiles = new Map();
    }

    get rect() {
      let all = null;
      for (const index of this.tiles.keys()) all = EaselCanvas.unite(all, this.bounds(index));
      return all;
    }

    get bytes() {
      let sum = 0;
      for (const pixels of this.tiles.values()) sum += pixels ? pixels.length : 64;
      return sum;
    }

    bounds(index) {
      const x = (index % this.columns) * TILE;
      const y = Math.floor(index / this.columns) * TILE;
      const { width, height } = this.doc;
      return { x, y, w: Math.min(TILE, width - x), h: Math.min(TILE, height - y) };
    }

    read({ x, y, w, h }) {
      const pixels = new Uint8ClampedArray(w * h * 4);
      for (let row = 0; row < h; row++) {
        const start = ((y + row) * this.doc.width + x) * 4;
        pixels.set(this.doc.ink.subarray(start, start + w * 4), row * w * 4);
      }
      return EaselCanvas.isBlank(pixels) ? null : pixels; // an empty tile costs nothing to keep
    }

    write({ x, y, w, h }, pixels) {
      for (let row = 0; row < h; row++) {
        const start = ((y + row) * this.doc.width + x) * 4;
        if (pixels) this.doc.ink.set(pixels.subarray(row * w * 4, (row + 1) * w * 4), start);
        else this.doc.ink.fill(0, start, start + w * 4);
      }
    }

    /** Call visit(part, tile bounds, tile pixels or null) for each piece of rect, by tile.
     *
     * A visitor that answers false changed nothing there, so the tile need not be kept.
     */
    within(rect, visit) {
      for (let ty = Math.floor(rect.y / TILE); ty * TILE < rect.y + rect.h; ty++) {
        for (let tx = Math.floor(rect.x / TILE); tx * TILE < rect.x + rect.w; tx++) {
          const index = ty * this.columns + tx;
          const tile = this.bounds(index);
          const isNew = !this.tiles.has(index);
          if (isNew) this.tiles.set(index, this.read(tile));
          const x = Math.max(rect.x, tile.x);
          const y = Math.max(rect.y, tile.y);
          const w = Math.min(rect.x + rect.w, tile.x + tile.w) - x;
          const h = Math.min(rect.y + rect.h, tile.y + tile.h) - y;
          const changed = visit({ x, y, w, h }, tile, this.tiles.get(index));
          if (isNew && changed === false) this.tiles.delete(index);
        }
      }
    }

    /** Put the kept tiles back and keep what they replace. */
    swap() {
      for (const [index, pixels] of this.tiles) {
        const tile = this.bounds(index);
        const current = this.read(tile);
        this.write(tile, pixels);
        this.tiles.set(index, current);
      }
    }
  }

  /** A replaced document; `exchange(doc)` shows it and answers the one that was shown. */
  class DocumentSwap {
    constructor(doc, exchange) {
      this.doc = doc;
      this.exchange = exchange;
      this.rect = null;
    }

    get bytes() {
      return this.doc.width * this.doc.height * (this.doc.background.pixels ? 8 : 4);
    }

    swap() {
      this.doc = this.exchange(this.doc);
    }
  }

  class History {
    constructor(budget) {
      this.budget = budget;
      this.past = [];
      this.future = [];
    }

    add(change) {
      this.future = [];
      this.past.push(change);
      let sum = 0;
      for (let i = this.past.length - 1; i >= 0; i--) {
        sum += this.past[i].bytes;
        if (sum > this.budget && i < this.past.length - 1) {
          this.past.splice(0, i + 1);
          break;
        }
      }
    }

    step(from, to) {
      const change = from.pop();
      if (!change) return null;
      change.swap();
      to.push(change);
      return change;
    }

    undo() {
      return this.step(this.past, this.future);
    }

    redo() {
      return this.step(this.future, this.past);
    }
  }

  Object.assign(EaselCanvas, { TileSnapshot, DocumentSwap, History });
})();
