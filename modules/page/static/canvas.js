/* The colour canvas: EaselCanvas.mount(element, options) -> controller.
 *
 * Joins document, strokes, undo, view, controls and input; the parts know each other only through
 * the controller, whose verbs on layers stand in canvas-verbs.js and
 * those of the hand (tool, colour, view) in canvas-hand.js. Knows nothing of Gradio or of the
 * server (see canvas-gradio.js).
 * The root element carries the state for tests and styles: data-rev, data-size, data-tool,
 * data-color, data-can-undo, data-can-redo, data-empty, data-zoom, data-saved, data-layers,
 * data-fullscreen; after each change it sends a bubbling "easel-canvas" event {id, size, empty,
 * revision}.
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
    brush: "", // the colour that it begins with; of a mask, the one that it is shown in
    stageHeight: 0, // px at most; 0: what fits the screen
    hotkeys: {},
    undoBytes: 96 * 2 ** 20, // of pixels in memory; what is beyond goes to the attic
    attic: null,
    saveDelay: 400,
    onChange: () => {},
    save: null,
    journal: null,
  };

  class Controller {
    constructor(element, options) {
      this.options = { ...DEFAULTS, ...options };
      const { id, mode, undoBytes, attic } = this.options;
      if (!MODES.includes(mode)) throw new Error(`canvas mode "${mode}" is none of ${MODES}`);
      this.id = id;
      this.mode = mode;
      this.masks = mode === "inpaint";
      this.draws = mode !== "picture"; // that one only shows
      this.layered = this.draws && !this.masks; // a mask is one thing of its own
      this.overPictures = mode !== "sketch"; // these modes need a picture to work on
      this.revision = 0;
      this.edit = 0; // number of the last change, see canvas-journal.js
      this.tool = this.draws ? "brush" : "pan";
      this.painter = "brush"; // the tool to return to after picking a colour
      this.shape = this.masks ? "rectangle" : "line"; // what the button of shapes chooses
      const { brush } = this.options;
      this.colour = this.masks ? "#ffffff" : brush || "#000000";
      this.second = this.colour === "#ffffff" ? "#000000" : "#ffffff";
      const size = this.masks ? 48 : 24;
      const looks = { opacity: 1, softness: 0, tolerance: 32, pressure: "size" };
      this.brush = { size, ...looks, filled: this.masks };
      this.veil = VEIL.strength;
      this.tools = new EaselCanvas.Tools(this);
      this.fullscreen = false;
      this.panelOpen = false;
      this.history = new EaselCanvas.History(undoBytes, attic);
      this.retracing = null;
      this.build(element);
    }

    build(element) {
      const { id, mode, label, help, hotkeys, save, journal, saveDelay: delay } = this.options;
      const { width, height, colour } = this.options;
      this.root = document.createElement("div");
      this.root.className = "easel-canvas";
      this.root.dataset.mode = mode;
      this.root.dataset.canvas = id;
      const look = { masks: this.masks, draws: this.draws, label, help };
      this.controls = new EaselCanvas.Controls(this.root, this, look);
      const { stage, canvas, cursor } = this.controls;
      const rgb = EaselCanvas.parseColour(this.options.brush) ?? VEIL.rgb;
      const tint = this.masks ? { ...VEIL, rgb } : null;
      if (this.options.stageHeight) stage.style.setProperty("--ec-height", `${this.options.stageHeight}px`);
      const onZoom = () => this.update();
      this.view = new EaselCanvas.View({ stage, canvas, cursor, tint, onZoom });
      this.input = new EaselCanvas.Input(this, this.root, stage, hotkeys);
      this.exchange(EaselCanvas.blankDocument(width, height, colour, true));
      this.tell();
      element.replaceChildren(this.root);
      const onState = (state, error) => this.showSaving(state, error);
      this.saving = save
        ? new EaselCanvas.AutoSave({ controller: this, save, journal, delay, onState })
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

    /** In the middle of something that must not be disturbed. */
    get busy() {
      return Boolean(this.tools.stroke || this.retracing);
    }

    /** Show another document; answers the one that was shown. */
    exchange(doc) {
      const before = this.doc;
      this.doc = doc;
      this.tools.lineEnd = null;
      this.adjusting = null;
      this.inkBlank = doc.blank;
      this.view.show(doc);
      return before;
    }

    replace(doc, { undoable = true } = {}) {
      this.tools.abort();
      const before = this.exchange(doc);
      if (undoable) {
        this.history.add(new EaselCanvas.DocumentSwap(before, (other) => this.exchange(other)));
      } else this.history.forget();
      this.changed(null, doc.background.kind === "image");
    }

    /** Put a picture under an empty drawing. Rejects with a plain message; the old one stays. */
    async loadImage(source, { name = "" } = {}) {
      const doc = await EaselCanvas.pictureDocument(source, name);
      this.replace(doc);
      this.view.fit();
      this.say("");
    }

    /** loadImage for the controls: says what went wrong instead of rejecting. */
    async open(source) {
      try {
        await this.loadImage(source);
      } catch (error) {
        this.say(error.message, true);
      }
    }

    /** An empty canvas with a plain background; false (and a message) when it cannot be. */
    newCanvas(width, height, colour = "#ffffff") {
      try {
        this.replace(EaselCanvas.blankDocument(width, height, colour));
      } catch (error) {
        this.say(error.message, true);
        return false;
      }
      this.say("");
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

    /** Put back a saved drawing and what the journal has since then; what became of the drawing.
     *
     * saved: {size, background, layers: [{id, name, opacity, hidden, box, file}], active, edit} or
     * null; records: as canvas-journal.js makes them. Answers {doc, replayed}, or null where there is
     * nothing to put back.
     */
    async restore(saved, records = []) {
      let doc = saved && (await EaselCanvas.savedDocument(saved));
      const chain = EaselCanvas.following(records, saved?.edit ?? 0);
      for (const record of chain) doc = EaselCanvas.replay(doc, record);
      if (!doc) return null;
      await EaselCanvas.wakeBackground(doc.background);
      this.exchange(doc);
      this.history.forget();
      this.edit = chain.at(-1)?.edit ?? saved.edit ?? 0;
      this.panelOpen = this.layered && doc.layers.length > 1;
      this.tell();
      this.announce();
      if (chain.length) this.saving?.catchUp();
      return { doc, replayed: chain.length };
    }

    // -- drawing -----------------------------------------------------------------------------

    /** Nothing is drawn until a promise is settled: a saved drawing is on its way. */
    hold(promise) {
      const held = promise.catch(() => {}).then(() => {
        if (this.retracing === held) this.retracing = null;
      });
      this.retracing = held;
    }

    press(event, how) {
      return !this.retracing && this.tools.press(event, how);
    }

    clear() {
      if (!this.busy && !this.doc.layer.tiles.blank) this.commit(EaselCanvas.clearLayer(this.doc));
    }

    /** A change of a layer's pixels is done: remember how to undo it, show it, tell of it. */
    commit(change) {
      this.history.add(change);
      this.adjusting = null;
      this.view.damaged(change.indexes);
      this.changed(change);
    }

    /** A promise where old pixels have to come back from the attic first. */
    undo() {
      return this.retrace("past");
    }

    redo() {
      return this.retrace("future");
    }

    retrace(way) {
      if (this.tools.stroke) return;
      if (this.retracing) return this.retracing.then(() => this.retrace(way));
      const taken = this.history.step(way);
      if (!(taken instanceof Promise)) return this.retraced(taken);
      this.retracing = taken
        .catch((error) => this.say("That step cannot be taken back: {error}", true, { error: error.message }))
        .then((change) => {
          this.retracing = null;
          this.retraced(change);
        });
      return this.retracing;
    }

    retraced(change) {
      if (!change) return;
      this.tools.lineEnd = null;
      this.adjusting = null;
      if (change.indexes) this.view.damaged(change.indexes);
      this.changed(change);
    }

    // -- out ---------------------------------------------------------------------------------

    /** Straight RGBA of the picture: with the ink, but in mask mode without. */
    composite() {
      return EaselCanvas.compositePixels(this.doc, !this.masks);
    }

    /** The drawing as it is now, for whoever keeps it; later changes do not reach into it. */
    capture() {
      const { edit, doc } = this;
      const layers = doc.layers.map((layer) => ({
        ...layer,
        version: layer.tiles.version,
        origin: layer.tiles,
        tiles: layer.tiles.clone(),
      }));
      const { width, height, background, active } = doc;
      return { size: [width, height], background, layers, active, edit, empty: this.isEmpty };
    }

    /** {size, background, empty, ink: PNG Blob of all layers or null, composite: PNG Blob}.
     *
     * background: {kind: "colour", colour, rgb, untouched} or {kind: "image", original, name}.
     */
    async exportLayers() {
      const { width, height, background } = this.doc;
      const ink = EaselCanvas.inkPixels(this.doc);
      const flat = this.composite();
      return {
        size: [width, height],
        background,
        empty: this.isEmpty,
        ink: ink && (await EaselCanvas.encodePng(ink, width, height)),
        composite: await EaselCanvas.encodePng(flat, width, height),
      };
    }

    /** A promise of the token of the drawing as it is now; "" while it is empty. */
    async flush() {
      const token = this.saving ? await this.saving.flush() : "";
      return this.isEmpty ? "" : token;
    }

    // -- state -------------------------------------------------------------------------------

    /** change: the step's TileChange, where it was one. urgent: save without waiting. */
    changed(change = null, urgent = false) {
      this.inkBlank = this.doc.blank;
      if (this.saving) {
        const base = this.edit;
        this.edit = EaselCanvas.nextEdit(base);
        const record = EaselCanvas.recordOf(this.doc, this.told, change, this.edit, base);
        this.tell();
        this.revision++;
        this.saving.changed(record, urgent);
      } else this.revision++;
      this.announce();
    }

    /** Remember what the journal knows. */
    tell() {
      const { doc } = this;
      this.told = { doc, layers: doc.layers, background: doc.background };
    }

    announce() {
      this.update();
      const detail = { id: this.id, size: this.size, empty: this.isEmpty, revision: this.revision };
      this.root.dispatchEvent(new CustomEvent("easel-canvas", { bubbles: true, detail }));
      this.options.onChange(this);
    }

    /** Say something in the line below; `values` fill its {names}. */
    say(text, isError = false, values = {}) {
      this.controls.say(EaselCanvas.translate(text, values), isError);
    }

    showSaving(state, error) {
      this.root.dataset.saved = state;
      if (state === "error") this.say("Not saved: {error}", true, { error: error.message });
      else if (state === "saved" && this.unsaved) this.say("");
      this.unsaved = state === "error" || (this.unsaved && state !== "saved");
    }

    update() {
      if (!this.view?.doc) return;
      const canUndo = this.history.past.length > 0;
      const canRedo = this.history.future.length > 0;
      const { tool, brush, colour, second, doc, fullscreen, shape, veil, panelOpen } = this;
      const { zoom } = this.view;
      const empty = this.isEmpty;
      const hint = empty && this.overPictures;
      const looks = { tool, shape, brush, veil, colour, second, doc, zoom, fullscreen };
      this.controls.update({ ...looks, canUndo, canRedo, hint, panelOpen });
      Object.assign(this.root.dataset, {
        rev: this.revision,
        size: this.size.join("x"),
        tool,
        color: colour,
        canUndo,
        canRedo,
        empty,
        layers: doc.layers.length,
        zoom: zoom.toFixed(3),
      });
    }
  }

  Object.assign(Controller.prototype, EaselCanvas.layerVerbs, EaselCanvas.handVerbs);

  /** Build a canvas inside element; options: see DEFAULTS. One controller per id. */
  function mount(element, options = {}) {
    instances.get(options.id ?? DEFAULTS.id)?.destroy();
    const controller = new Controller(element, options);
    instances.set(controller.id, controller);
    return controller;
  }

  Object.assign(EaselCanvas, {
    mount,
    get: (id) => instances.get(id),
    all: () => [...instances.values()],
  });
})();
