/* The colour canvas: EaselCanvas.mount(element, options) -> controller.
 *
 * Joins document, strokes, undo, view, controls and input; the parts know each other only through
 * the controller. Knows nothing of Gradio or of the server (see canvas-gradio.js).
 * The root element carries the state for tests and styles: data-rev, data-size, data-tool,
 * data-color, data-can-undo, data-can-redo, data-empty, data-zoom, data-saved, data-fullscreen;
 * after each change it sends a bubbling "easel-canvas" event {id, size, empty, revision}.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const instances = new Map();
  const MODES = ["sketch", "inpaint", "inpaint-sketch", "picture"];
  const VEIL = { rgb: [255, 45, 85], strength: 0.55 }; // how a mask is shown; never exported
  const DEFAULTS = {
    id: "canvas",
    mode: "sketch",
    width: 512,
    height: 512,
    colour: "#ffffff",
    label: "Drawing canvas",
    help: true, // a line of hints below the stage
    hotkeys: {},
    undoBytes: 256 * 2 ** 20,
    saveDelay: 400,
    onChange: () => {},
    save: null,
  };

  class Controller {
    constructor(element, options) {
      this.options = { ...DEFAULTS, ...options };
      const { id, mode, label, help, undoBytes, save, saveDelay } = this.options;
      if (!MODES.includes(mode)) throw new Error(`canvas mode "${mode}" is none of ${MODES}`);
      this.id = id;
      this.mode = mode;
      this.masks = mode === "inpaint";
      this.draws = mode !== "picture"; // that one only shows
      this.overPictures = mode !== "sketch"; // these modes need a picture to work on
      this.revision = 0;
      this.tool = this.draws ? "brush" : "pan";
      this.painter = "brush"; // the tool to return to after picking a colour
      this.colour = this.masks ? "#ffffff" : "#000000";
      this.second = this.masks ? "#000000" : "#ffffff";
      const size = this.masks ? 48 : 24;
      this.brush = { size, opacity: 1, softness: 0, tolerance: 32, pressure: true };
      this.tools = new EaselCanvas.Tools(this);
      this.fullscreen = false;
      this.history = new EaselCanvas.History(undoBytes);
      this.root = document.createElement("div");
      this.root.className = "easel-canvas";
      this.root.dataset.mode = mode;
      this.root.dataset.canvas = id;
      const look = { masks: this.masks, draws: this.draws, label, help };
      this.controls = new EaselCanvas.Controls(this.root, this, look);
      const { stage, canvas, cursor } = this.controls;
      const tint = this.masks ? VEIL : null;
      const onZoom = () => this.update();
      this.view = new EaselCanvas.View({ stage, canvas, cursor, tint, onZoom });
      this.input = new EaselCanvas.Input(this, this.root, stage, this.options.hotkeys);
      const { width, height, colour } = this.options;
      this.exchange(EaselCanvas.blankDocument(width, height, colour, true));
      element.replaceChildren(this.root);
      const onState = (state, error) => this.showSaving(state, error);
      this.saving = save
        ? new EaselCanvas.AutoSave({ controller: this, save, delay: saveDelay, onState })
        : null;
      this.update();
    }

    destroy() {
      this.input.destroy();
      this.view.destroy();
      this.saving?.destroy();
      this.root.remove();
      if (instances.get(this.id) === this) instances.delete(this.id);
    }

    // -- the document ------------------------------------------------------------------------

    get size() {
      return [this.doc.width, this.doc.height];
    }

    /** Nothing drawn, and nobody chose the background. */
    get isEmpty() {
      const { kind, untouched } = this.doc.background;
      return this.inkBlank && kind === "colour" && (untouched || this.overPictures);
    }

    /** Show another document; answers the one that was shown. */
    exchange(doc) {
      const before = this.doc;
      this.doc = doc;
      if (before?.ink.length !== doc.ink.length) this.mask = new Uint8Array(doc.ink.length / 4);
      this.tools.lineEnd = null;
      this.inkBlank = EaselCanvas.isBlank(doc.ink);
      this.view.show(doc);
      return before;
    }

    replace(doc, { undoable = true } = {}) {
      this.tools.abort();
      const before = this.exchange(doc);
      if (undoable) {
        this.history.add(new EaselCanvas.DocumentSwap(before, (other) => this.exchange(other)));
      }
      this.changed();
    }

    /** Put a picture under an empty drawing. Rejects with a plain message; the old one stays. */
    async loadImage(source, { name = "" } = {}) {
      const doc = await EaselCanvas.pictureDocument(source, name);
      this.replace(doc);
      this.view.fit();
      this.controls.say("");
    }

    /** loadImage for the controls: says what went wrong instead of rejecting. */
    async open(source) {
      try {
        await this.loadImage(source);
      } catch (error) {
        this.controls.say(error.message, true);
      }
    }

    /** An empty canvas with a plain background; false (and a message) when it cannot be. */
    newCanvas(width, height, colour = "#ffffff") {
      try {
        this.replace(EaselCanvas.blankDocument(width, height, colour));
      } catch (error) {
        this.controls.say(error.message, true);
        return false;
      }
      this.controls.say("");
      return true;
    }

    removePicture() {
      const { width, height, colour } = this.options;
      if (!this.isEmpty) this.replace(EaselCanvas.blankDocument(width, height, colour, true));
    }

    /** Resize a plain canvas around its drawing; false over a picture, whose size is its own. */
    setSize(width, height) {
      if (this.doc.background.kind === "image") return false;
      if (this.doc.width === width && this.doc.height === height) return true;
      this.replace(EaselCanvas.resizedDocument(this.doc, width, height), { undoable: !this.isEmpty });
      return true;
    }

    /** Put back a saved drawing: a background as in exportLayers and an ink PNG or null. */
    async restore({ size: [width, height], background, ink }) {
      const doc =
        background.kind === "image"
          ? await EaselCanvas.pictureDocument(background.original, background.name)
          : EaselCanvas.blankDocument(width, height, background.colour, background.untouched);
      if (ink) {
        const found = await EaselCanvas.decodePicture(ink);
        if (found.width !== doc.width || found.height !== doc.height) {
          throw new Error("its ink and its background differ in size");
        }
        doc.ink.set(found.pixels);
      }
      this.replace(doc, { undoable: false });
      return doc.background;
    }

    // -- drawing -----------------------------------------------------------------------------

    clear() {
      if (this.tools.stroke || this.inkBlank) return;
      const change = new EaselCanvas.TileSnapshot(this.doc);
      const all = { x: 0, y: 0, w: this.doc.width, h: this.doc.height };
      change.within(all, () => {});
      this.doc.ink.fill(0);
      this.commit(change);
    }

    /** A change of the ink is done: remember how to undo it, show it, tell of it. */
    commit(change) {
      this.history.add(change);
      this.view.damaged(change.rect);
      this.changed();
    }

    undo() {
      this.retrace(() => this.history.undo());
    }

    redo() {
      this.retrace(() => this.history.redo());
    }

    retrace(step) {
      if (this.tools.stroke) return;
      const change = step();
      if (!change) return;
      this.tools.lineEnd = null;
      if (change.rect) this.view.damaged(change.rect);
      this.changed();
    }

    // -- tools and view ----------------------------------------------------------------------

    setTool(tool) {
      if (this.tools.stroke || !this.draws || (this.masks && tool === "pick")) return;
      if (this.tool !== "pick" && this.tool !== "pan") this.painter = this.tool;
      this.tool = tool;
      if (tool !== "brush" && tool !== "eraser") this.hover(null);
      this.update();
    }

    setColour(text) {
      const rgb = EaselCanvas.parseColour(text);
      if (rgb) this.colour = EaselCanvas.formatColour(rgb);
      else this.controls.say(`"${text}" is no colour; write it as #rrggbb`, true);
      if (rgb && this.tool === "eraser") this.tool = "brush";
      this.controls.hex.value = this.colour;
      this.update();
    }

    swapColours() {
      [this.colour, this.second] = [this.second, this.colour];
      this.update();
    }

    /** Any of size (1..256 pixels), opacity, softness (0..1), tolerance (0..255), pressure. */
    setBrush(change) {
      this.brush = { ...this.brush, ...change };
      this.brush.size = Math.min(256, Math.max(1, Math.round(this.brush.size)));
      this.update();
      if (this.hovering) this.hover(this.hovering);
    }

    growBrush(way) {
      const { size } = this.brush;
      this.setBrush({ size: size + way * Math.max(1, Math.round(size / 10)) });
    }

    hover(event) {
      const draws = this.tool === "brush" || this.tool === "eraser";
      this.hovering = draws && !this.input?.moving ? event : null;
      this.view.outline(this.hovering, this.brush.size);
    }

    fit() {
      this.view.fit();
    }

    pan(dx, dy) {
      this.view.pan(dx, dy);
    }

    zoomTo(zoom, x, y) {
      this.view.zoomTo(zoom, x, y);
    }

    zoomBy(factor, x, y) {
      this.view.zoomTo(this.view.zoom * factor, x, y);
    }

    toggleFullscreen(on = !this.fullscreen) {
      this.fullscreen = on;
      this.root.dataset.fullscreen = String(on);
      document.documentElement.classList.toggle("easel-canvas-fullscreen", on);
      this.view.fit();
      this.update();
    }

    /** Escape: give up the stroke, else leave the full window; false when there is neither. */
    escape() {
      if (this.tools.abort()) return true;
      if (!this.fullscreen) return false;
      this.toggleFullscreen(false);
      return true;
    }

    // -- out ---------------------------------------------------------------------------------

    /** Straight RGBA of the picture: with the ink, but in mask mode without. */
    composite() {
      return EaselCanvas.compositePixels(this.doc, !this.masks);
    }

    /** {size, background, ink: PNG Blob or null, composite: PNG Blob}.
     *
     * background: {kind: "colour", colour, rgb, untouched} or {kind: "image", original, name}.
     */
    async exportLayers({ composite = true } = {}) {
      const { width, height, background } = this.doc;
      const ink = this.inkBlank ? null : this.doc.ink.slice();
      const flat = composite ? this.composite() : null;
      return {
        size: [width, height],
        background,
        empty: this.isEmpty,
        ink: ink && (await EaselCanvas.encodePng(ink, width, height)),
        composite: flat && (await EaselCanvas.encodePng(flat, width, height)),
      };
    }

    /** A promise of the token of the drawing as it is now; "" while it is empty. */
    async flush() {
      const token = this.saving ? await this.saving.flush() : "";
      return this.isEmpty ? "" : token;
    }

    // -- state -------------------------------------------------------------------------------

    changed() {
      this.revision++;
      this.inkBlank = EaselCanvas.isBlank(this.doc.ink);
      this.update();
      this.saving?.changed();
      const detail = { id: this.id, size: this.size, empty: this.isEmpty, revision: this.revision };
      this.root.dispatchEvent(new CustomEvent("easel-canvas", { bubbles: true, detail }));
      this.options.onChange(this);
    }

    showSaving(state, error) {
      this.root.dataset.saved = state;
      if (state === "error") this.controls.say(`Not saved: ${error.message}`, true);
      else if (state === "saved" && this.controls.message.textContent.startsWith("Not saved")) {
        this.controls.say("");
      }
    }

    update() {
      if (!this.view?.doc) return;
      const canUndo = this.history.past.length > 0;
      const canRedo = this.history.future.length > 0;
      const { tool, brush, colour, second, doc, fullscreen } = this;
      const { zoom } = this.view;
      const empty = this.isEmpty;
      const hint = empty && this.overPictures;
      const state = { tool, brush, colour, second, doc, canUndo, canRedo, zoom, fullscreen, hint };
      this.controls.update(state);
      Object.assign(this.root.dataset, {
        rev: this.revision,
        size: this.size.join("x"),
        tool,
        color: colour,
        canUndo,
        canRedo,
        empty,
        zoom: zoom.toFixed(3),
      });
    }
  }

  /** Build a canvas inside element; options: see DEFAULTS. One controller per id. */
  function mount(element, options = {}) {
    instances.get(options.id ?? DEFAULTS.id)?.destroy();
    const controller = new Controller(element, options);
    instances.set(controller.id, controller);
    return controller;
  }

  Object.assign(EaselCanvas, { mount, get: (id) => instances.get(id) });
})();
