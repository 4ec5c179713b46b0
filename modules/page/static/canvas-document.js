/* A drawing: its size, its background (a colour or a picture with its original bytes) and its ink.
 *
 * The ink is straight-alpha RGBA of the same size; the original file of a picture is kept as it
 * came, so that whoever composites later starts from the untouched bytes. Knows nothing of tools.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const MAX_SIDE = 8192;
  const MAX_PIXELS = 4096 * 4096;

  function checkSize(width, height) {
    const whole = Number.isInteger(width) && Number.isInteger(height);
    if (whole && width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE) {
      if (width * height <= MAX_PIXELS) return;
    }
    throw new Error(
      `a picture of ${width} x ${height} does not fit: at most ${MAX_SIDE} a side ` +
        `and ${MAX_PIXELS / 2 ** 20} megapixels`,
    );
  }

  function document_(width, height, background) {
    checkSize(width, height);
    return { width, height, background, ink: new Uint8ClampedArray(width * height * 4) };
  }

  /** A plain document; `untouched` says that nobody asked for this background. */
  function blankDocument(width, height, colour, untouched = false) {
    const rgb = EaselCanvas.parseColour(colour);
    if (!rgb) throw new Error(`"${colour}" is no colour; write it as #rrggbb`);
    const background = { kind: "colour", colour: EaselCanvas.formatColour(rgb), rgb, untouched };
    return document_(width, height, background);
  }

  /** Pixels of any picture the browser reads; transparent ones lose a little to its canvas. */
  async function decodeByBrowser(blob) {
    let bitmap;
    try {
      const raw = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
      bitmap = await createImageBitmap(blob, raw);
    } catch {
      throw new Error("this file is no picture that the browser can read");
    }
    const { width, height } = bitmap;
    checkSize(width, height);
    const surface = Object.assign(document.createElement("canvas"), { width, height });
    const context = surface.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return { width, height, pixels: context.getImageData(0, 0, width, height).data };
  }

  async function decodePicture(blob) {
    if (!blob.size) throw new Error("the picture is empty");
    let exact = null;
    try {
      exact = await EaselCanvas.decodePng(blob, checkSize);
    } catch (error) {
      if (error.message?.startsWith("a picture of")) throw error;
    }
    return exact ?? (await decodeByBrowser(blob));
  }

  /** Bytes of a file, a Blob or a same-origin, data: or blob: address. */
  async function fetchPicture(source) {
    if (source instanceof Blob) return source;
    const url = new URL(source, document.baseURI);
    const local = url.origin === location.origin || ["data:", "blob:"].includes(url.protocol);
    if (!local) throw new Error(`pictures from ${url.host} are not fetched; save and open the file`);
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`the picture could not be fetched: HTTP ${answer.status}`);
    return answer.blob();
  }

  /** A document over a picture, which keeps its original bytes and true size. */
  async function pictureDocument(source, name = "") {
    const original = await fetchPicture(source);
    const { width, height, pixels } = await decodePicture(original);
    const vector = original.type.startsWith("image/svg"); // what no server composites
    const file = vector ? await EaselCanvas.encodePng(pixels, width, height) : original;
    const label = name || original.name || "picture";
    return document_(width, height, { kind: "image", original: file, name: label, pixels });
  }

  /** The same drawing on a plain canvas of another size, kept at the top left. */
  function resizedDocument(doc, width, height) {
    const resized = document_(width, height, doc.background);
    const columns = Math.min(width, doc.width) * 4;
    for (let y = 0; y < Math.min(height, doc.height); y++) {
      const start = y * doc.width * 4;
      resized.ink.set(doc.ink.subarray(start, start + columns), y * width * 4);
    }
    return resized;
  }

  /** Straight RGBA of the picture itself: ink over background, or the background alone. */
  function compositePixels(doc, withInk = true) {
    const out = new Uint8ClampedArray(doc.width * doc.height * 4);
    const rect = { x: 0, y: 0, w: doc.width, h: doc.height };
    const ink = withInk ? doc.ink : new Uint8ClampedArray(out.length);
    EaselCanvas.flatten(out, ink, doc.background, doc.width, rect);
    return out;
  }

  Object.assign(EaselCanvas, {
    blankDocument,
    pictureDocument,
    resizedDocument,
    decodePicture,
    compositePixels,
  });
})();
