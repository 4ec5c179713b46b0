/* Arithmetic on straight-alpha RGBA bytes: colours, painting, laying over, flood fill.
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

  /** out[o..] = the pixel ink[i..] with `alpha` (1..255) over what is there, both straight RGBA;
   * bit for bit PIL's Image.alpha_composite. */
  function overPixel(out, o, ink, i, alpha) {
    const under = out[o + 3];
    if (alpha === 255 || under === 0) {
      out[o] = ink[i];
      out[o + 1] = ink[i + 1];
      out[o + 2] = ink[i + 2];
      out[o + 3] = alpha;
      return;
    }
    const whole = alpha * 255 + under * (255 - alpha);
    const top = Math.floor((alpha * 8323200) / whole);
    const bottom = 32640 - top;
    for (let c = 0; c < 3; c++) {
      const sum = ink[i + c] * top + out[o + c] * bottom + 16384;
      out[o + c] = (((sum >> 8) + sum) >> 8) >> 7;
    }
    const total = whole + 128;
    out[o + 3] = ((total >> 8) + total) >> 8;
  }

  /** `alpha` (0..255) at an opacity in whole percent; the server's rule is the same. */
  const scaledAlpha = (alpha, percent) => Math.floor((alpha * percent + 50) / 100);

  /** Lay the tile `ink` (rows of `stride` pixels) over w x h pixels of `out`, which begin at
   * out[start] and have `width` pixels a row.
   *
   * tint: null, or {rgb, strength 0..1} to show the ink's alpha as a coloured veil (mask modes).
   */
  function layTile(out, start, width, ink, stride, { w, h }, percent, tint) {
    const veil = tint ? Uint8ClampedArray.of(...tint.rgb, 0) : null;
    for (let y = 0; y < h; y++) {
      let o = start + y * width * 4;
      let i = y * stride * 4;
      for (const end = i + w * 4; i < end; i += 4, o += 4) {
        let alpha = ink[i + 3];
        if (alpha === 0) continue;
        if (percent < 100) alpha = scaledAlpha(alpha, percent);
        if (tint) alpha = Math.round(alpha * tint.strength);
        if (alpha === 0) continue;
        if (tint) overPixel(out, o, veil, 0, alpha);
        else overPixel(out, o, ink, i, alpha);
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

  Object.assign(EaselCanvas, {
    parseColour,
    formatColour,
    intersect,
    unite,
    paintPixel,
    erasePixel,
    overPixel,
    layTile,
    floodRegion,
  });
})();
