/* A layer's pixels: straight-alpha RGBA in tiles of 64 x 64, nothing where nothing was drawn.
 *
 * A tile that is in a Tiles is never written again: whoever changes pixels puts a new array there.
 * So undo, saving and the journal share tiles with the drawing and copy none. Every tile is whole;
 * what lies beyond the picture's edge stays zero. Knows nothing of layers, tools or the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const TILE = 64;
  const AREA = TILE * TILE;

  const words = (pixels) => new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4);

  /** True where every byte of straight RGBA is zero. */
  function isBlank(pixels) {
    for (const word of words(pixels)) if (word) return false;
    return true;
  }

  const columnsOf = (width) => Math.ceil(width / TILE);

  /** {x, y, w, h} of a tile within a picture. */
  function tileBounds(index, width, height) {
    const columns = columnsOf(width);
    const x = (index % columns) * TILE;
    const y = Math.floor(index / columns) * TILE;
    return { x, y, w: Math.min(TILE, width - x), h: Math.min(TILE, height - y) };
  }

  /** Numbers of the tiles that a rectangle inside the picture touches, row by row. */
  function tilesIn(rect, width) {
    const columns = columnsOf(width);
    const found = [];
    const right = Math.floor((rect.x + rect.w - 1) / TILE);
    const bottom = Math.floor((rect.y + rect.h - 1) / TILE);
    for (let ty = Math.floor(rect.y / TILE); ty <= bottom; ty++) {
      for (let tx = Math.floor(rect.x / TILE); tx <= right; tx++) found.push(ty * columns + tx);
    }
    return found;
  }

  class Tiles {
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.columns = columnsOf(width);
      this.list = new Array(this.columns * Math.ceil(height / TILE)).fill(null);
      this.version = 0; // grows with each change, for whoever keeps a copy
    }

    bounds(index) {
      return tileBounds(index, this.width, this.height);
    }

    put(index, pixels) {
      this.list[index] = pixels;
      this.version++;
    }

    get blank() {
      return this.list.every((tile) => tile === null);
    }

    get bytes() {
      return this.list.reduce((sum, tile) => sum + (tile ? tile.length : 0), 0);
    }

    /** [[index, tile]] of the tiles that hold something. */
    entries() {
      const found = [];
      this.list.forEach((tile, index) => tile && found.push([index, tile]));
      return found;
    }

    /** The rectangle of the tiles that hold something; null where none does. */
    get box() {
      let box = null;
      for (const [index] of this.entries()) box = EaselCanvas.unite(box, this.bounds(index));
      return box;
    }

    /** The same tiles, to be changed apart from these. */
    clone() {
      const other = new Tiles(this.width, this.height);
      other.list = this.list.slice();
      return other;
    }

    /** Straight RGBA bytes of a rectangle of this size's own grid. */
    read(rect) {
      const out = new Uint8ClampedArray(rect.w * rect.h * 4);
      for (const index of tilesIn(rect, this.width)) {
        const tile = this.list[index];
        if (!tile) continue;
        const at = this.bounds(index);
        const x = Math.max(rect.x, at.x);
        const wide = Math.min(rect.x + rect.w, at.x + at.w) - x;
        for (let y = Math.max(rect.y, at.y); y < Math.min(rect.y + rect.h, at.y + at.h); y++) {
          const from = ((y - at.y) * TILE + x - at.x) * 4;
          out.set(tile.subarray(from, from + wide * 4), ((y - rect.y) * rect.w + x - rect.x) * 4);
        }
      }
      return out;
    }

    /** Put straight RGBA bytes of width * height at (left, top); what lies outside is left out. */
    write(pixels, width, height, left = 0, top = 0) {
      const rect = { x: left, y: top, w: width, h: height };
      const inside = EaselCanvas.intersect(rect, this.width, this.height);
      for (const index of inside ? tilesIn(inside, this.width) : []) {
        const at = this.bounds(index);
        const tile = this.list[index]?.slice() ?? new Uint8ClampedArray(AREA * 4);
        const x = Math.max(inside.x, at.x);
        const wide = Math.min(inside.x + inside.w, at.x + at.w) - x;
        const end = Math.min(inside.y + inside.h, at.y + at.h);
        for (let y = Math.max(inside.y, at.y); y < end; y++) {
          const from = ((y - top) * width + x - left) * 4;
          const to = ((y - at.y) * TILE + x - at.x) * 4;
          tile.set(pixels.subarray(from, from + wide * 4), to);
        }
        this.put(index, isBlank(tile) ? null : tile);
      }
      return this;
    }

    /** The same pixels on a grid of another size, kept at the top left. */
    resized(width, height) {
      const other = new Tiles(width, height);
      for (const [index, tile] of this.entries()) {
        const at = this.bounds(index);
        other.write(tile, TILE, TILE, at.x, at.y);
      }
      return other;
    }
  }

  Object.assign(EaselCanvas, { TILE, Tiles, isBlank, tileBounds, tilesIn, words });
})();
