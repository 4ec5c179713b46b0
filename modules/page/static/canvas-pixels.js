/* Arithmetic on straight-alpha RGBA bytes: brush coverage, painting, flattening, flood fill.
 *
 * Everything is integer pixels in typed arrays, so results are the same in every browser.
 * Rectangles are {x, y, w, h} in pixels. Knows nothing of canvases, events or undo.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  /** [r, g, b] of "#rgb", "#rrggbb" or the same without "#"; null when it is no colour. */
  function parseColour(text) {
    const match = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(String(text).trim());
    if (!match) return null;
    const digits = match[1].length === 3 ? match[1].replace(/./g, "$&$&") : match[1];
    const number = parseInt(digits, 16);
    return [number >> 16, (number >> 8) & 255, number & 255];
  }

  function formatColour(rgb) {
    return "#" + rgb.map((value) => value.toString(16).padStart(2, "0")).join("");
  }

  function intersect(rect, width, height) {
    const x = Math.max(0, rect.x);
    const y = Math.max(0, rect.y);
    const w = Math.min(width, rect.x + rect.w) - x;
    const h = Math.min(height, rect.y + rect.h) - y;
    return w > 0 && h > 0 ? { x, y, w, h } : null;
  }

  function unite(a, b) {
    if (!a || !b) return a || b;
    const x = Math.min(a.x, b.x);
    const y = Math.min(a.y, b.y);
    return {
      x,
      y,
      w: Math.max(a.x + a.w, b.x + b.w) - x,
      h: Math.max(a.y + a.h, b.y + b.h) - y,
    };
  }

  /** Coverage 0..1 at `distance` from the middle of a dab; 1 up to half a pixel inside the edge. */
  function edge(distance, radius, softness) {
    const outer = radius + 0.5;
    if (distance >= outer) return 0;
    const width = Math.max(1, softness * radius);
    const t = Math.min(1, (outer - distance) / width);
    return softness > 0 ? t * t * (3 - 2 * t) : t;
  }

  /** Raise mask (width * height bytes) to the coverage of a capsule between two dabs {x, y, r}.
   *
   * Taking the maximum, not the sum, is what keeps a stroke's opacity from doubling where it
   * crosses itself. Returns the touched rectangle or null.
   */
  function coverCapsule(mask, width, height, from, to, softness) {
    const reach = Math.max(from.r, to.r) + 1;
    const left = Math.floor(Math.min(from.x, to.x) - reach);
    const top = Math.floor(Math.min(from.y, to.y) - reach);
    const right = Math.ceil(Math.max(from.x, to.x) + reach);
    const bottom = Math.ceil(Math.max(from.y, to.y) + reach);
    const rect = intersect({ x: left, y: top, w: right - left, h: bottom - top }, width, height);
    if (!rect) return null;
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const inverse = dx || dy ? 1 / (dx * dx + dy * dy) : 0;
    for (let y = rect.y; y < rect.y + rect.h; y++) {
      const py = y + 0.5 - from.y;
      for (let x = rect.x, at = y * width + rect.x; x < rect.x + rect.w; x++, at++) {
        if (mask[at] === 255) continue;
        const px = x + 0.5 - from.x;
        const t = Math.min(1, Math.max(0, (px * dx + py * dy) * inverse));
        const qx = px - t * dx;
        const qy = py - t * dy;
        const squared = qx * qx + qy * qy;
        const radius = from.r + (to.r - from.r) * t;
        if (squared >= (radius + 0.5) * (radius + 0.5)) continue;
        const value = Math.round(255 * edge(Math.sqrt(squared), radius, softness));
        if (value > mask[at]) mask[at] = value;
      }
    }
    return rect;
  }

  /** out[o..] = colour with `alpha` (1..255) laid over the straight pixel base[b..]. */
  function paintPixel(out, o, base, b, rgb, alpha) {
    const under = base ? base[b + 3] : 0;
    if (alpha === 255 || under === 0) {
      out[o] = rgb[0];
      out[o + 1] = rgb[1];
      out[o + 2] = rgb[2];
      out[o + 3] = alpha;
      return;
    }
    const above = alpha * 255;
    const below = under * (255 - alpha);
    const whole = above + below;
    for (let c = 0; c < 3; c++) {
      out[o + c] = Math.round((rgb[c] * above + base[b + c] * below) / whole);
    }
    out[o + 3] = Math.round(whole / 255);
  }

  /** out[o..] = the straight pixel base[b..] with `alpha` (1..255) of it taken away. */
  function erasePixel(out, o, base, b, alpha) {
    const rest = base ? Math.round((base[b + 3] * (255 - alpha)) / 255) : 0;
    out[o + 3] = rest;
    for (let c = 0; c < 3; c++) out[o + c] = rest ? base[b + c] : 0;
  }

  /** out[o..] = ink over ground, both straight RGBA; bit for bit PIL's Image.alpha_composite. */
  function overPixel(out, o, ink, i, r, g, b, a) {
    const alpha = ink[i + 3];
    const blend = a * (255 - alpha);
    const whole = alpha * 255 + blend;
    const top = Math.floor((alpha * 8323200) / whole);
    const bottom = 32640 - top;
    const red = ink[i] * top + r * bottom + 16384;
    const green = ink[i + 1] * top + g * bottom + 16384;
    const blue = ink[i + 2] * top + b * bottom + 16384;
    out[o] = (((red >> 8) + red) >> 8) >> 7;
    out[o + 1] = (((green >> 8) + green) >> 8) >> 7;
    out[o + 2] = (((blue >> 8) + blue) >> 8) >> 7;
    const total = whole + 128;
    out[o + 3] = ((total >> 8) + total) >> 8;
  }

  /** Write ink over the ground into `out` within rect.
   *
   * ground: {rgb} for a plain colour or {pixels} for a picture of the same size.
   * tint: null, or {rgb, strength 0..1} to show the ink's alpha as a coloured veil (mask modes).
   */
  function flatten(out, ink, ground, width, rect, tint = null) {
    const { pixels, rgb } = ground;
    const veil = new Uint8ClampedArray(4);
    for (let y = rect.y; y < rect.y + rect.h; y++) {
      const start = (y * width + rect.x) * 4;
      for (let at = start; at < start + rect.w * 4; at += 4) {
        const r = pixels ? pixels[at] : rgb[0];
        const g = pixels ? pixels[at + 1] : rgb[1];
        const b = pixels ? pixels[at + 2] : rgb[2];
        const a = pixels ? pixels[at + 3] : 255;
        if (ink[at + 3] === 0) {
          out[at] = r;
          out[at + 1] = g;
          out[at + 2] = b;
          out[at + 3] = a;
        } else if (tint) {
          veil.set(tint.rgb);
          veil[3] = Math.round(ink[at + 3] * tint.strength);
          overPixel(out, at, veil, 0, r, g, b, a);
        } else {
          overPixel(out, at, ink, at, r, g, b, a);
        }
      }
    }
  }

  function differs(pixels, at, seed, tolerance) {
    for (let c = 0; c < 4; c++) {
      if (Math.abs(pixels[at + c] - seed[c]) > tolerance) return true;
    }
    return false;
  }

  /** Connected region around (x, y) whose pixels differ from that one by at most tolerance.
   *
   * Returns {mask: width * height bytes of 0 or 255, rect}.
   */
  function floodRegion(pixels, width, height, x, y, tolerance) {
    const mask = new Uint8Array(width * height);
    const seed = pixels.slice((y * width + x) * 4, (y * width + x) * 4 + 4);
    const inside = (at) => mask[at] === 0 && !differs(pixels, at * 4, seed, tolerance);
    const rows = [y * width + x];
    let [left, top, right, bottom] = [x, y, x, y];
    while (rows.length) {
      const start = rows.pop();
      if (!inside(start)) continue;
      const row = start - (start % width);
      let first = start;
      let last = start;
      while (first > row && inside(first - 1)) first--;
      while (last < row + width - 1 && inside(last + 1)) last++;
      mask.fill(255, first, last + 1);
      for (const next of [row - width, row + width]) {
        if (next < 0 || next >= mask.length) continue;
        for (let at = next + first - row, open = false; at <= next + last - row; at++) {
          const hit = inside(at);
          if (hit && !open) rows.push(at);
          open = hit;
        }
      }
      left = Math.min(left, first - row);
      right = Math.max(right, last - row);
      top = Math.min(top, row / width);
      bottom = Math.max(bottom, row / width);
    }
    return { mask, rect: { x: left, y: top, w: right - left + 1, h: bottom - top + 1 } };
  }

  /** True where every byte of straight RGBA is zero, as ink is where nothing was drawn. */
  function isBlank(pixels) {
    const words = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4);
    for (let i = 0; i < words.length; i++) if (words[i]) return false;
    return true;
  }

  Object.assign(EaselCanvas, {
    parseColour,
    formatColour,
    intersect,
    unite,
    coverCapsule,
    paintPixel,
    erasePixel,
    flatten,
    floodRegion,
    isBlank,
  });
})();
