/* PNG in and out with exact, straight-alpha pixels.
 *
 * A browser's own canvas stores premultiplied colours and may add noise against fingerprinting, so
 * pixels that must stay exact never pass through one: they are written and read here.
 * Source: PNG specification, third edition (W3C 2025). Knows nothing of the page or of drawing.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
  const UP = 2; // the row filter "difference to the row above": cheap, and doodles become zeros
  const SLICE = 2 ** 17; // bytes filtered and deflated at a time
  const PATIENCE = 8; // milliseconds after which the page gets its turn

  const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });

  function crc32(bytes) {
    let crc = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  }

  function chunk(name, body) {
    const bytes = new Uint8Array(12 + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
    bytes.set(body, 8);
    view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
    return bytes;
  }

  async function through(transform, bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(transform);
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function isOpaque(pixels) {
    for (let i = 3; i < pixels.length; i += 4) if (pixels[i] !== 255) return false;
    return true;
  }

  /** Let the page go on: events, drawing, frames. (A timer would be slowed in a hidden tab.) */
  function breathe() {
    return new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
  }

  /** Rows first..end of straight RGBA as PNG scan lines: a filter byte, then differences. */
  function scanLines(pixels, width, channels, first, end) {
    const raw = new Uint8Array((end - first) * (width * channels + 1));
    const stride = width * 4;
    for (let y = first, out = 0; y < end; y++) {
      raw[out++] = UP;
      const skip = 4 - channels;
      const above = y ? stride : 0;
      for (let at = y * stride, stop = at + stride; at < stop; at += skip) {
        for (const last = at + channels; at < last; at++) {
          raw[out++] = above ? pixels[at] - pixels[at - above] : pixels[at];
        }
      }
    }
    return raw;
  }

  /** Deflated scan lines, made in slices of a few milliseconds so that drawing never stutters. */
  async function deflate(pixels, width, height, channels) {
    const stream = new CompressionStream("deflate");
    const writer = stream.writable.getWriter();
    const packed = new Response(stream.readable).arrayBuffer();
    const rows = Math.max(1, Math.floor(SLICE / (width * channels)));
    let since = performance.now();
    for (let y = 0; y < height; y += rows) {
      await writer.write(scanLines(pixels, width, channels, y, Math.min(height, y + rows)));
      if (performance.now() - since > PATIENCE) {
        await breathe();
        since = performance.now();
      }
    }
    await writer.close();
    return new Uint8Array(await packed);
  }

  /** PNG Blob of straight RGBA bytes (width * height * 4); RGB where every pixel is opaque. */
  async function encodePng(pixels, width, height) {
    const channels = isOpaque(pixels) ? 3 : 4;
    const header = new Uint8Array(13);
    const view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header[8] = 8;
    header[9] = channels === 4 ? 6 : 2;
    const parts = [
      Uint8Array.from(SIGNATURE),
      chunk("IHDR", header),
      chunk("IDAT", await deflate(pixels, width, height, channels)),
      chunk("IEND", new Uint8Array(0)),
    ];
    return new Blob(parts, { type: "image/png" });
  }

  function paeth(left, above, corner) {
    const p = left + above - corner;
    const a = Math.abs(p - left);
    const b = Math.abs(p - above);
    const c = Math.abs(p - corner);
    return a <= b && a <= c ? left : b <= c ? above : corner;
  }

  /** Undo the row filters in place; `raw` holds height rows of one filter byte and `row` bytes. */
  function unfilter(raw, row, height, channels) {
    for (let y = 0; y < height; y++) {
      const start = y * (row + 1) + 1;
      const filter = raw[start - 1];
      if (filter === 0) continue;
      for (let i = 0; i < row; i++) {
        const at = start + i;
        const left = i >= channels ? raw[at - channels] : 0;
        const above = y ? raw[at - row - 1] : 0;
        const corner = y && i >= channels ? raw[at - row - 1 - channels] : 0;
        if (filter === 1) raw[at] += left;
        else if (filter === UP) raw[at] += above;
        else if (filter === 3) raw[at] += (left + above) >> 1;
        else raw[at] += paeth(left, above, corner);
      }
    }
  }

  /** Header and compressed bytes of a PNG that we read exactly, or null for any other file. */
  function readChunks(bytes) {
    if (SIGNATURE.some((value, i) => bytes[i] !== value)) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packed = [];
    let header = null;
    for (let at = 8; at + 12 <= bytes.length; ) {
      const length = view.getUint32(at);
      const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      const body = bytes.subarray(at + 8, at + 8 + length);
      if (name === "IHDR") header = body;
      else if (name === "IDAT") packed.push(body);
      else if (name === "tRNS" || name === "eXIf") return null;
      else if (name === "IEND") break;
      at += 12 + length;
    }
    if (!header || header.length !== 13 || !packed.length) return null;
    const size = new DataView(header.buffer, header.byteOffset, 13);
    const channels = { 2: 3, 6: 4 }[header[9]];
    if (header[8] !== 8 || !channels || header[12] !== 0) return null;
    return { width: size.getUint32(0), height: size.getUint32(4), channels, packed };
  }

  /** {width, height, pixels} with straight RGBA of an 8-bit RGB(A) PNG; null for any other file. */
  async function decodePng(blob, checkSize = () => {}) {
    const found = readChunks(new Uint8Array(await blob.arrayBuffer()));
    if (!found) return null;
    const { width, height, channels, packed } = found;
    checkSize(width, height);
    const row = width * channels;
    const zipped = new Uint8Array(await new Blob(packed).arrayBuffer());
    const raw = await through(new DecompressionStream("deflate"), zipped);
    if (raw.length !== height * (row + 1)) return null;
    unfilter(raw, row, height, channels);
    const pixels = new Uint8ClampedArray(width * height * 4);
    for (let y = 0, out = 0; y < height; y++) {
      for (let x = 0, at = y * (row + 1) + 1; x < width; x++, at += channels, out += 4) {
        pixels[out] = raw[at];
        pixels[out + 1] = raw[at + 1];
        pixels[out + 2] = raw[at + 2];
        pixels[out + 3] = channels === 4 ? raw[at + 3] : 255;
      }
    }
    return { width, height, pixels };
  }

  Object.assign(EaselCanvas, { encodePng, decodePng });
})();
