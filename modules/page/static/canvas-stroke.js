/* One stroke of brush or eraser, one shape, one bucket: from pointer positions to a layer's tiles.
 *
 * A stroke collects its coverage apart and repaints the touched tiles from what was there before, so
 * an opacity below one is laid on once however often the stroke crosses itself. Every step answers
 * the numbers of the tiles that changed. Knows nothing of events or of the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const { TILE, FULL } = EaselCanvas;

  class Stroke {
    /** brush: {rgb, size in pixels, opacity 0..1, softness 0..1, erase, filled}. */
    constructor(doc, brush) {
      this.doc = doc;
      this.brush = brush;
      this.change = new EaselCanvas.TileChange(doc.layer);
      this.coverage = new EaselCanvas.Coverage(doc.width, doc.height);
      this.anchor = null; // the first dab
      this.last = null; // the last dab handed in
      this.tip = null; // where the painted line ends, half a step behind `last`
    }

    /** width and strength: what the pen's pressure makes of size and opacity, 0..1. */
    dab({ x, y, width = 1, strength = 1 }) {
      const whole = this.brush.size === 1; // a one-pixel pen fills whole pixels
      const place = whole ? { x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5 } : { x, y };
      return { ...place, r: (this.brush.size / 2) * width, a: strength };
    }

    cover(from, to) {
      EaselCanvas.coverCapsule(this.coverage, from, to, this.brush.softness);
    }

    /** Begin at a point. */
    start(point) {
      this.anchor = this.last = this.tip = this.dab(point);
      this.cover(this.anchor, this.anchor);
      return this.paint(this.coverage.take());
    }

    /** Go on through points, rounding the corners. */
    moveThrough(points) {
      for (const point of points) this.follow(this.dab(point));
      return this.paint(this.coverage.take());
    }

    follow(dab) {
      const { last, tip } = this;
      const step = Math.hypot(dab.x - last.x, dab.y - last.y);
      if (step < Math.max(0.5, dab.r / 24)) return; // finer steps change no pixel
      const middle = mix(last, dab, 0.5);
      const pieces = Math.min(12, Math.max(1, Math.ceil(step / Math.max(6, dab.r / 3))));
      let from = tip;
      for (let i = 1; i <= pieces; i++) {
        const t = i / pieces;
        const to = mix(mix(tip, last, t), mix(last, middle, t), t);
        this.cover(from, to);
        from = to;
      }
      this.last = dab;
      this.tip = middle;
    }

    /** Replace all so far by the shape "line", "rectangle" or "ellipse" from the start to a point. */
    shapeTo(shape, point) {
      const { coverage: before, brush, anchor } = this;
      const { width, height } = this.doc;
      const coverage = (this.coverage = new EaselCanvas.Coverage(width, height));
      this.last = this.tip = this.dab(point);
      if (shape === "line") this.cover(anchor, this.last);
      else if (shape === "ellipse") EaselCanvas.coverEllipse(coverage, anchor, point, brush);
      else EaselCanvas.coverRectangle(coverage, anchor, point, brush);
      const stale = [...before.tiles.keys()].filter((index) => !coverage.tiles.has(index));
      const fresh = coverage.take();
      return this.paint([
        ...stale,
        ...fresh.filter((i) => coverage.tiles.get(i) !== FULL || before.tiles.get(i) !== FULL),
      ]);
    }

    finish() {
      if (this.tip !== this.last) this.cover(this.tip, this.last);
      const changed = this.paint(this.coverage.take());
      this.change.settle();
      return changed;
    }

    abort() {
      const { indexes } = this.change;
      for (const index of indexes) this.change.restore(index);
      return indexes;
    }

    /** Repaint tiles: what was there before, with the coverage laid on it. */
    paint(indexes) {
      const { coverage, change, brush } = this;
      for (const index of indexes) {
        const mask = coverage.tiles.get(index);
        const base = change.before(index);
        if (!mask) change.restore(index);
        else if (mask === FULL && brush.opacity === 1) plain(change.writable(index), brush);
        else repaint(change.writable(index), base, mask, brush);
      }
      return indexes;
    }
  }

  function plain(tile, { rgb, erase }) {
    const colour = Uint8ClampedArray.of(...rgb, 255);
    EaselCanvas.words(tile).fill(erase ? 0 : EaselCanvas.words(colour)[0]);
  }

  function repaint(tile, base, mask, { rgb, opacity, erase }) {
    if (base) tile.set(base);
    else tile.fill(0);
    for (let at = 0; at < mask.length; at++) {
      const alpha = Math.round(mask[at] * opacity);
      if (!alpha) continue;
      if (erase) EaselCanvas.erasePixel(tile, at * 4, base, at * 4, alpha);
      else EaselCanvas.paintPixel(tile, at * 4, base, at * 4, rgb, alpha);
    }
  }

  function mix(a, b, t) {
    const between = (key) => a[key] + (b[key] - a[key]) * t;
    return { x: between("x"), y: between("y"), r: between("r"), a: between("a") };
  }

  /** Fill the region around (x, y) as seen in `flat`; answers its TileChange.
   *
   * Half-covered ink at the rim (the smooth edge of a drawn line) gets the colour laid *under*
   * it, so that no pale fringe stays between the line and the filling.
   */
  function fillRegion(doc, flat, x, y, brush, tolerance) {
    const { width, height } = doc;
    const { mask, rect } = EaselCanvas.floodRegion(flat, width, height, x, y, tolerance);
    const change = new EaselCanvas.TileChange(doc.layer);
    const alpha = Math.round(255 * brush.opacity);
    const grown = { x: rect.x - 1, y: rect.y - 1, w: rect.w + 2, h: rect.h + 2 };
    const inside = EaselCanvas.intersect(grown, width, height);
    const colour = Uint8ClampedArray.of(...brush.rgb, alpha);
    for (const index of alpha ? EaselCanvas.tilesIn(inside, width) : []) {
      const at = EaselCanvas.tileBounds(index, width, height);
      const touched = (px, py) => mask[py * width + px] || besides(mask, width, px, py * width + px);
      if (!somewhere(at, touched)) continue;
      fillTile(change.writable(index), change.before(index), at, { mask, width, brush, alpha, colour });
    }
    return change.settle();
  }

  function somewhere({ x, y, w, h }, test) {
    for (let py = y; py < y + h; py++) for (let px = x; px < x + w; px++) if (test(px, py)) return true;
    return false;
  }

  function fillTile(tile, base, bounds, { mask, width, brush, alpha, colour }) {
    for (let y = 0; y < bounds.h; y++) {
      for (let x = 0; x < bounds.w; x++) {
        const at = (bounds.y + y) * width + bounds.x + x;
        const b = (y * TILE + x) * 4;
        if (mask[at]) EaselCanvas.paintPixel(tile, b, base, b, brush.rgb, alpha);
        else if (base?.[b + 3] && base[b + 3] < 255 && besides(mask, width, bounds.x + x, at)) {
          const rim = [base[b], base[b + 1], base[b + 2]];
          EaselCanvas.paintPixel(tile, b, colour, 0, rim, base[b + 3]);
        }
      }
    }
  }

  function besides(mask, width, x, at) {
    const left = x > 0 && (mask[at - 1] || mask[at - 1 - width] || mask[at - 1 + width]);
    const right = x < width - 1 && (mask[at + 1] || mask[at + 1 - width] || mask[at + 1 + width]);
    return left || right || mask[at - width] || mask[at + width];
  }

  /** A mask turned over: what was covered is free, and the other way round; its TileChange. */
  function invertLayer(doc, rgb) {
    const { width, height, layer } = doc;
    const change = new EaselCanvas.TileChange(layer);
    for (const index of layer.tiles.list.keys()) {
      const at = EaselCanvas.tileBounds(index, width, height);
      const tile = change.writable(index);
      for (let y = 0; y < at.h; y++) {
        for (let b = y * TILE * 4; b < (y * TILE + at.w) * 4; b += 4) {
          const alpha = 255 - tile[b + 3];
          for (let c = 0; c < 3; c++) tile[b + c] = alpha ? rgb[c] : 0;
          tile[b + 3] = alpha;
        }
      }
    }
    return change.settle();
  }

  /** A layer emptied; its TileChange. */
  function clearLayer(doc) {
    const change = new EaselCanvas.TileChange(doc.layer);
    for (const [index] of doc.layer.tiles.entries()) {
      change.before(index);
      doc.layer.tiles.put(index, null);
    }
    return change;
  }

  Object.assign(EaselCanvas, { Stroke, fillRegion, invertLayer, clearLayer });
})();
