/* A drawing: its size, its background (a colour or a picture with its original bytes), its layers.
 *
 * The original file of a picture is kept as it came, so that whoever composites later starts from
 * the untouched bytes. `active` is the number of the layer that is drawn on. Knows nothing of tools.
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
    const values = { width, height, side: MAX_SIDE, most: MAX_PIXELS / 2 ** 20 };
    const words = "a picture of {width} x {height} does not fit: at most {side} a side and {most} megapixels";
    throw Object.assign(new Error(EaselCanvas.translate(words, values)), { isTooLarge: true });
  }

  class Drawing {
    constructor(width, height, background, layers = null, active = 0) {
      checkSize(width, height);
      Object.assign(this, { width, height, background, active });
      this.layers = layers ?? [EaselCanvas.emptyLayer(width, height)];
    }

    get layer() {
      return this.layers[this.active];
    }

    /** Nothing is drawn on any layer. */
    get blank() {
      return this.layers.every((layer) => layer.tiles.blank);
    }

    /** Show other layers (and background); answers those that were shown. */
    exchange({ layers, active, background }) {
      const before = { layers: this.layers, active: this.active, background: this.background };
      Object.assign(this, { layers, active, background });
      return before;
    }
  }

  /** A plain background; `untouched` says that nobody asked for it. */
  function plainBackground(colour, untouched = false) {
    const rgb = EaselCanvas.parseColour(colour);
    if (!rgb) throw new Error(EaselCanvas.translate("{colour} is no colour; write it as #rrggbb", { colour }));
    return { kind: "colour", colour: EaselCanvas.formatColour(rgb), rgb, untouched };
  }

  const blankDocument = (width, height, colour, untouched = false) =>
    new Drawing(width, height, plainBackground(colour, untouched));

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
      if (error.isTooLarge) throw error;
    }
    return exact ?? (await decodeByBrowser(blob));
  }

  /** Bytes of a file, a Blob or a same-origin, data: or blob: address. */
  async function fetchPicture(source) {
    if (source instanceof Blob) return source;
    const url = new URL(source, document.baseURI);
    const local = url.origin === location.origin || ["data:", "blob:"].includes(url.protocol);
    if (!local) throw new Error(EaselCanvas.translate(
      "pictures from {host} are not fetched; save and open the file", { host: url.host }));
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(EaselCanvas.translate(
      "the picture could not be fetched: HTTP {status}", { status: answer.status }));
    return answer.blob();
  }

  /** A document over a picture, which keeps its original bytes and true size. */
  async function pictureDocument(source, name = "") {
    const original = await fetchPicture(source);
    const { width, height, pixels } = await decodePicture(original);
    const vector = original.type.startsWith("image/svg"); // what no server composites
    const file = vector ? await EaselCanvas.encodePng(pixels, width, height) : original;
    const label = name || original.name || "picture";
    return new Drawing(width, height, { kind: "image", original: file, name: label, pixels });
  }

  /** Read a picture's pixels again where undo let go of them. */
  async function wakeBackground(background) {
    if (background.kind !== "image" || background.pixels) return;
    background.pixels = (await decodePicture(background.original)).pixels;
  }

  /** A drawing from its saved parts: see Controller.restore. */
  async function savedDocument({ size: [width, height], background, layers, active }) {
    const plain = background.kind === "colour";
    const ground = plain
      ? plainBackground(background.colour, background.untouched)
      : (await pictureDocument(background.original, background.name)).background;
    const parts = layers.map(async ({ box, file, ...layer }) => {
      const tiles = new EaselCanvas.Tiles(width, height);
      const found = file && (await decodePicture(file));
      if (found) tiles.write(found.pixels, found.width, found.height, box.x, box.y);
      return EaselCanvas.makeLayer({ ...layer, tiles });
    });
    const made = await Promise.all(parts);
    return new Drawing(width, height, ground, made.length ? made : null, active);
  }

  /** The same drawing on a plain canvas of another size, kept at the top left. */
  function resizedDocument(doc, width, height) {
    checkSize(width, height);
    const layers = doc.layers.map((layer) =>
      EaselCanvas.makeLayer({ ...layer, tiles: layer.tiles.resized(width, height) }),
    );
    return new Drawing(width, height, doc.background, layers, doc.active);
  }

  /** Write one tile of the flattened drawing into `out`, straight RGBA of the whole picture.
   *
   * layers: those to lay over the background. tint: see layTile.
   */
  function flattenTile(out, doc, index, layers, tint = null) {
    const { width, height, background } = doc;
    const at = EaselCanvas.tileBounds(index, width, height);
    const start = (at.y * width + at.x) * 4;
    const { pixels, rgb } = background;
    const target = EaselCanvas.words(out);
    const plain = pixels ? 0 : EaselCanvas.words(Uint8ClampedArray.of(...rgb, 255))[0];
    for (let y = 0; y < at.h; y++) {
      const row = start + y * width * 4;
      if (pixels) out.set(pixels.subarray(row, row + at.w * 4), row);
      else target.fill(plain, row / 4, row / 4 + at.w);
    }
    for (const { tiles, opacity, hidden } of layers) {
      const tile = tiles.list[index];
      if (!tile || hidden || !opacity) continue;
      EaselCanvas.layTile(out, start, width, tile, EaselCanvas.TILE, at, opacity, tint);
    }
  }

  /** Straight RGBA of the picture itself: ink over background, or the background alone. */
  function compositePixels(doc, withInk = true) {
    const out = new Uint8ClampedArray(doc.width * doc.height * 4);
    const layers = withInk ? doc.layers : [];
    for (const index of doc.layer.tiles.list.keys()) flattenTile(out, doc, index, layers);
    return out;
  }

  /** Straight RGBA of all that was drawn, over nothing; null where nothing shows. */
  function inkPixels(doc) {
    const { width, height } = doc;
    const merged = EaselCanvas.flattenLayers(doc.layers, width, height);
    return merged.blank ? null : merged.read({ x: 0, y: 0, w: width, h: height });
  }

  Object.assign(EaselCanvas, {
    Drawing,
    plainBackground,
    blankDocument,
    pictureDocument,
    savedDocument,
    wakeBackground,
    resizedDocument,
    decodePicture,
    flattenTile,
    compositePixels,
    inkPixels,
  });
})();
