/* One stroke of brush or eraser, and the bucket, from pointer positions to ink.
 *
 * A stroke collects its coverage in a mask of its own and repaints the touched ink from what was
 * there before, so an opacity below one is laid on once however often the stroke crosses itself.
 * Knows nothing of events or of the screen.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  class Stroke {
    /** brush: {rgb, size in pixels, opacity 0..1, softness 0..1, erase}. mask: zeroed bytes. */
    constructor(doc, mask, brush) {
      this.doc = doc;
      this.mask = mask;
      this.brush = brush;
      this.snapshot = new EaselCanvas.TileSnapshot(doc);
      this.touched = null;
      this.anchor = null; // the first dab
      this.last = null; // the last dab handed in
      this.tip = null; // where the painted line ends, half a step behind `last`
    }

    dab({ x, y, pressure = 1 }) {
      const whole = this.brush.size === 1; // a one-pixel pen fills whole pixels
      const r = (this.brush.size / 2) * pressure;
      return whole ? { x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5, r } : { x, y, r };
    }

    cover(from, to) {
      const { width, height } = this.doc;
      const softness = this.brush.softness;
      const rect = EaselCanvas.coverCapsule(this.mask, width, height, from, to, softness);
      this.touched = EaselCanvas.unite(this.touched, rect);
      return rect;
    }

    /** Begin at a point; returns the rectangle that changed, as do the others, or null. */
    start(point) {
      this.anchor = this.last = this.tip = this.dab(point);
      return this.paint(this.cover(this.anchor, this.anchor));
    }

    /** Go on to a point, rounding the corner at the one before. */
    moveTo(point) {
      const dab = this.dab(point);
      const { last, tip } = this;
      const step = Math.hypot(dab.x - last.x, dab.y - last.y);
      if (step < Math.max(0.5, dab.r / 24)) return null; // finer steps change no pixel
      const middle = mix(last, dab, 0.5);
      const pieces = Math.min(12, Math.max(1, Math.ceil(step / 6)));
      let from = tip;
      let changed = null;
      for (let i = 1; i <= pieces; i++) {
        const t = i / pieces;
        const to = mix(mix(tip, last, t), mix(last, middle, t), t);
        changed = EaselCanvas.unite(changed, this.cover(from, to));
        from = to;
      }
      this.last = dab;
      this.tip = middle;
      return this.paint(changed);
    }

    /** Replace all so far by a straight line from the start to a point. */
    lineTo(point) {
      const before = this.clearMask();
      this.last = this.tip = this.dab(point);
      const line = this.cover(this.anchor, this.last);
      return EaselCanvas.unite(this.paint(before), this.paint(line));
    }

    finish() {
      const changed = this.paint(this.cover(this.tip, this.last));
      this.clearMask();
      return changed;
    }

    abort() {
      const before = this.clearMask();
      return this.paint(before);
    }

    clearMask() {
      const rect = this.touched;
      for (let y = rect ? rect.y : 0; rect && y < rect.y + rect.h; y++) {
        const start = y * this.doc.width + rect.x;
        this.mask.fill(0, start, start + rect.w);
      }
      this.touched = null;
      return rect;
    }

    /** Repaint the ink in rect: what was there before, with the mask laid on it. */
    paint(rect) {
      if (!rect) return null;
      const { mask, doc, brush } = this;
      const { ink, width } = doc;
      const change = brush.erase ? EaselCanvas.erasePixel : EaselCanvas.paintPixel;
      this.snapshot.within(rect, (part, tile, base) => {
        let painted = false;
        for (let y = part.y; y < part.y + part.h; y++) {
          for (let x = part.x; x < part.x + part.w; x++) {
            const o = (y * width + x) * 4;
            const b = ((y - tile.y) * tile.w + x - tile.x) * 4;
            const alpha = Math.round(mask[y * width + x] * brush.opacity);
            painted ||= alpha > 0;
            if (!alpha) {
              for (let c = 0; c < 4; c++) ink[o + c] = base ? base[b + c] : 0;
            } else if (brush.erase) {
              change(ink, o, base, b, alpha);
            } else {
              change(ink, o, base, b, brush.rgb, alpha);
            }
          }
        }
        return painted;
      });
      return rect;
    }
  }

  function mix(a, b, t) {
    return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t, r: a.r + (b.r - a.r) * t };
  }

  /** Fill the region around (x, y) as seen in `flat`; returns its TileSnapshot.
   *
   * Half-covered ink at the rim (the smooth edge of a drawn line) gets the colour laid *under*
   * it, so that no pale fringe stays between the line and the filling.
   */
  function fillRegion(doc, flat, x, y, brush, tolerance) {
    const { width, height, ink } = doc;
    const { mask, rect } = EaselCanvas.floodRegion(flat, width, height, x, y, tolerance);
    const snapshot = new EaselCanvas.TileSnapshot(doc);
    const alpha = Math.round(255 * brush.opacity);
    if (!alpha) return snapshot;
    const grown = { x: rect.x - 1, y: rect.y - 1, w: rect.w + 2, h: rect.h + 2 };
    const colour = Uint8ClampedArray.of(...brush.rgb, alpha);
    snapshot.within(EaselCanvas.intersect(grown, width, height), (part, tile, base) => {
      let painted = false;
      for (let py = part.y; py < part.y + part.h; py++) {
        for (let px = part.x; px < part.x + part.w; px++) {
          const at = py * width + px;
          const b = ((py - tile.y) * tile.w + px - tile.x) * 4;
          if (mask[at]) {
            painted = true;
            EaselCanvas.paintPixel(ink, at * 4, base, b, brush.rgb, alpha);
          } else if (base && base[b + 3] && base[b + 3] < 255 && besides(mask, width, px, at)) {
            painted = true;
            const rim = [base[b], base[b + 1], base[b + 2]];
            EaselCanvas.paintPixel(ink, at * 4, colour, 0, rim, base[b + 3]);
          }
        }
      }
      return painted;
    });
    return snapshot;
  }

  function besides(mask, width, x, at) {
    const left = x > 0 && (mask[at - 1] || mask[at - 1 - width] || mask[at - 1 + width]);
    const right = x < width - 1 && (mask[at + 1] || mask[at + 1 - width] || mask[at + 1 + width]);
    return left || right || mask[at - width] || mask[at + width];
  }

  Object.assign(EaselCanvas, { Stroke, fillRegion });
})();
