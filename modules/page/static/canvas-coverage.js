/* How much of each pixel a brush or a shape covers, 0..255, in the tiles it touches.
 *
 * Covering takes the maximum, not the sum: that is what keeps a stroke's opacity from doubling where
 * it crosses itself. Points are in picture pixels, fractions and all. Knows no colours and no layers.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const { TILE } = EaselCanvas;
  const FULL = new Uint8Array(TILE * TILE).fill(255); // shared; never written to

  /** 0..1 at `inside` pixels (negative: outside) from a rim that fades over `fade` pixels. */
  function ramp(inside, fade) {
    const t = Math.min(1, Math.max(0, (inside + 0.5) / Math.max(1, fade)));
    return fade > 1 ? t * t * (3 - 2 * t) : t;
  }

  class Coverage {
    constructor(width, height) {
      Object.assign(this, { width, height });
      this.tiles = new Map();
      this.raised = new Set(); // tiles that changed since they were last asked for
    }

    /** Tiles that changed since the last call. */
    take() {
      const raised = [...this.raised];
      this.raised.clear();
      return raised;
    }

    /** Raise by value(x, y) (0..1 at a pixel's middle) within a rectangle of each tile.
     *
     * kind(left, top, right, bottom): "none" or "full" where a whole tile is known to be so.
     */
    raise(rect, value, kind = () => "part") {
      const inside = EaselCanvas.intersect(rect, this.width, this.height);
      for (const index of inside ? EaselCanvas.tilesIn(inside, this.width) : []) {
        const at = EaselCanvas.tileBounds(index, this.width, this.height);
        const what = kind(at.x, at.y, at.x + at.w, at.y + at.h);
        let mask = this.tiles.get(index);
        if (what === "none" || mask === FULL) continue;
        if (what === "full" && at.w === TILE && at.h === TILE) {
          this.tiles.set(index, FULL);
          this.raised.add(index);
          continue;
        }
        const fresh = !mask;
        if (fresh) mask = new Uint8Array(TILE * TILE);
        if (!raiseTile(mask, at, inside, value)) continue;
        if (fresh) this.tiles.set(index, mask);
        this.raised.add(index);
      }
    }
  }

  /** Raise one tile's mask; false where nothing rose. */
  function raiseTile(mask, tile, rect, value) {
    const right = Math.min(tile.x + tile.w, rect.x + rect.w);
    const bottom = Math.min(tile.y + tile.h, rect.y + rect.h);
    let rose = false;
    for (let y = Math.max(tile.y, rect.y); y < bottom; y++) {
      const left = Math.max(tile.x, rect.x);
      for (let x = left, at = (y - tile.y) * TILE + left - tile.x; x < right; x++, at++) {
        const before = mask[at];
        if (before === 255) continue;
        const now = Math.round(255 * value(x + 0.5, y + 0.5));
        if (now <= before) continue;
        mask[at] = now;
        rose = true;
      }
    }
    return rose;
  }

  const outer = (left, top, right, bottom) => ({
    x: Math.floor(left),
    y: Math.floor(top),
    w: Math.ceil(right) - Math.floor(left),
    h: Math.ceil(bottom) - Math.floor(top),
  });

  /** Cover a capsule between two dabs {x, y, r: radius, a: strength 0..1}. */
  function coverCapsule(coverage, from, to, softness) {
    const reach = Math.max(from.r, to.r) + 1;
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const inverse = dx || dy ? 1 / (dx * dx + dy * dy) : 0;
    const along = (x, y) => Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) * inverse));
    const growth = to.r - from.r;
    const value = (x, y) => {
      const t = along(x, y);
      const qx = x - from.x - t * dx;
      const qy = y - from.y - t * dy;
      const squared = qx * qx + qy * qy;
      const radius = from.r + growth * t;
      if (squared >= (radius + 0.5) * (radius + 0.5)) return 0;
      const strength = from.a + (to.a - from.a) * t;
      return strength * ramp(radius - Math.sqrt(squared), softness * radius);
    };
    const kind = (left, top, right, bottom) => {
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      const t = along(x, y);
      const away = Math.hypot(x - from.x - t * dx, y - from.y - t * dy);
      const half = Math.hypot(right - left, bottom - top) / 2;
      return away - half > reach ? "none" : "part";
    };
    const x = [Math.min(from.x, to.x) - reach, Math.max(from.x, to.x) + reach];
    const y = [Math.min(from.y, to.y) - reach, Math.max(from.y, to.y) + reach];
    coverage.raise(outer(x[0], y[0], x[1], y[1]), value, kind);
  }

  /** Corners of a box between two points: whole pixels, or their middles for odd outlines. */
  function cornersOf(from, to, filled, size) {
    const middle = !filled && size % 2 ? 0.5 : 0;
    const snap = (value) => Math.round(value - middle) + middle;
    const [left, right] = [snap(from.x), snap(to.x)].sort((a, b) => a - b);
    const [top, bottom] = [snap(from.y), snap(to.y)].sort((a, b) => a - b);
    return { left, top, right, bottom };
  }

  /** Pixels inside the rim of a box with sharp corners; negative outside. */
  const insideBox = (x, y, { left, top, right, bottom }) =>
    Math.min(x - left, right - x, y - top, bottom - y);

  const grown = ({ left, top, right, bottom }, by) => ({
    left: left - by,
    top: top - by,
    right: right + by,
    bottom: bottom + by,
  });

  /** Cover a rectangle between two corners, filled or as an outline of `size` pixels. */
  function coverRectangle(coverage, from, to, { size, softness, filled }) {
    const box = cornersOf(from, to, filled, size);
    const fade = (softness * size) / 2;
    const rim = filled ? box : grown(box, size / 2);
    const hole = filled ? null : grown(box, -size / 2);
    const value = (x, y) => {
      const full = ramp(insideBox(x, y, rim), fade);
      return hole ? Math.min(full, ramp(-insideBox(x, y, hole), fade)) : full;
    };
    const kind = (left, top, right, bottom) => {
      const near = [insideBox(left, top, rim), insideBox(right, bottom, rim)];
      if (!hole) return Math.min(...near) > fade + 1 ? "full" : "part";
      const hollow = [insideBox(left, top, hole), insideBox(right, bottom, hole)];
      return Math.min(...hollow) > 1 ? "none" : "part";
    };
    coverage.raise(outer(rim.left - 1, rim.top - 1, rim.right + 1, rim.bottom + 1), value, kind);
  }

  /** Pixels inside an ellipse's rim, near that rim; negative outside. */
  function insideEllipse(x, y, middle, rx, ry) {
    if (rx <= 0 || ry <= 0) return -Infinity;
    const px = (x - middle.x) / rx;
    const py = (y - middle.y) / ry;
    const long = Math.hypot(px, py);
    if (long === 0) return Math.min(rx, ry);
    return ((1 - long) * long) / Math.hypot(px / rx, py / ry);
  }

  /** Least and greatest distance of a box to an ellipse's middle, in radii. */
  function reachOf(left, top, right, bottom, middle, rx, ry) {
    const near = (low, high, at, r) => Math.max(0, low - at, at - high) / r;
    const far = (low, high, at, r) => Math.max(Math.abs(low - at), Math.abs(high - at)) / r;
    return {
      near: Math.hypot(near(left, right, middle.x, rx), near(top, bottom, middle.y, ry)),
      far: Math.hypot(far(left, right, middle.x, rx), far(top, bottom, middle.y, ry)),
    };
  }

  /** Cover the ellipse inside a box between two corners, filled or as an outline. */
  function coverEllipse(coverage, from, to, { size, softness, filled }) {
    const { left, top, right, bottom } = cornersOf(from, to, filled, size);
    const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
    const fade = (softness * size) / 2;
    const by = filled ? 0 : size / 2;
    const [rx, ry] = [(right - left) / 2 + by, (bottom - top) / 2 + by];
    const [hx, hy] = filled ? [0, 0] : [rx - size, ry - size];
    const value = (x, y) => {
      const full = ramp(insideEllipse(x, y, middle, rx, ry), fade);
      if (hx <= 0 || hy <= 0 || !full) return full;
      return Math.min(full, ramp(-insideEllipse(x, y, middle, hx, hy), fade));
    };
    const slack = fade + 2;
    const kind = (...box) => {
      if (reachOf(...box, middle, rx + slack, ry + slack).near > 1) return "none";
      if (filled) {
        const core = rx > slack && ry > slack;
        return core && reachOf(...box, middle, rx - slack, ry - slack).far < 1 ? "full" : "part";
      }
      const hollow = hx > slack && hy > slack;
      return hollow && reachOf(...box, middle, hx - slack, hy - slack).far < 1 ? "none" : "part";
    };
    const rect = outer(middle.x - rx - 1, middle.y - ry - 1, middle.x + rx + 1, middle.y + ry + 1);
    coverage.raise(rect, value, kind);
  }

  Object.assign(EaselCanvas, { Coverage, FULL, coverCapsule, coverRectangle, coverEllipse });
})();
