/* The adapter between the canvas, Gradio and the server: the only file that knows all three.
 *
 * mount() runs from the gr.HTML's js_on_load. For the page: flush(id) answers a promise of the token
 * that stands for the drawing in a request ("" while it is empty); load(id, source) puts a picture
 * on a canvas, even one whose tab was never opened; copy(from, to) takes it from another canvas;
 * follow(id, width, height) sizes a canvas while it is empty.
 * Server: GET and POST easel/v1/canvas/{canvas_id}; the id is random and kept by the browser, so
 * that a drawing survives a reload.
 */
(() => {
  "use strict";
  const API = "easel/v1/canvas/";
  /** One name of each file, by which it is seen that all are there. */
  const PARTS = [
    "encodePng", "flattenLayers", "Tiles", "History", "pictureDocument", "recordOf", "Coverage",
    "Stroke", "View", "parts", "LayerPanel", "Controls", "Tools", "SHORTCUTS", "Input", "Drawer",
    "AutoSave", "layerVerbs", "handVerbs", "mount",
  ];
  if (window.t) (window.EaselCanvas ??= {}).translate = window.t; // the page's words
  const pending = new Map(); // pictures for canvases that are not there yet, by id
  const sizes = new Map(); // sizes that empty canvases shall have, by id

  const keyOf = (name) => `easel-canvas-${name}`;
  const newKeyOf = (name) => `easel-canvas-new-${name}`; // of a drawing that no save has reached yet

  /** The id that this browser wrote down under a key, or null. */
  function keptId(key) {
    try {
      const id = localStorage.getItem(key);
      return /^[0-9a-f]{32}$/.test(id) ? id : null;
    } catch {
      return null; // storage may be forbidden: then a drawing lives as long as the page
    }
  }

  function keepId(key, id) {
    try {
      localStorage.setItem(key, id);
    } catch {}
  }

  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function refusal(answer) {
    let reason = "";
    try {
      const body = await answer.json();
      reason = (window.easelHeard ?? String)(body.errors ?? body.detail ?? body.error ?? "");
    } catch {}
    return new Error(typeof reason === "string" && reason ? reason : `HTTP ${answer.status}`);
  }

  async function fetched(url) {
    if (!url) return null;
    const answer = await fetch(new URL(url, document.baseURI), { credentials: "same-origin" });
    if (!answer.ok) throw await refusal(answer);
    return answer.blob();
  }

  /** The server's copy of one canvas. */
  class Remote {
    /** onForeignSave(): another tab of this browser saved the same canvas. */
    constructor(name, onForeignSave) {
      this.name = name;
      const saved = keptId(keyOf(name));
      const begun = saved ?? keptId(newKeyOf(name));
      this.saved = saved !== null;
      this.isNew = begun === null; // nothing of it is kept anywhere
      this.id = begun ?? randomId();
      this.url = new URL(API + this.id, document.baseURI);
      this.known = null; // what the server has: {background, layers: Map of id -> version's tiles}
      this.siblings = new BroadcastChannel("easel-canvas");
      this.siblings.onmessage = ({ data }) => {
        if (data !== this.url.href) return;
        this.known = null;
        onForeignSave();
      };
    }

    /** Post the drawing; the picture and the layers only where the server does not have them. */
    async save(drawing) {
      const { known } = this;
      let answer = await this.post(drawing, known);
      if (known && !answer.ok) answer = await this.post(drawing, null); // it may have lost some
      if (!answer.ok) throw await refusal(answer);
      this.remember(drawing);
      keepId(keyOf(this.name), this.id);
      this.saved = true;
      this.siblings.postMessage(this.url.href);
      return (await answer.json()).token;
    }

    remember({ background, layers }) {
      const versions = layers.map(({ id, origin, version }) => [id, { origin, version }]);
      this.known = { background, layers: new Map(versions) };
    }

    async post({ size: [width, height], background, layers, active, edit }, known) {
      const form = new FormData();
      const image = background.kind === "image";
      const ground = image ? { image, name: background.name } : { colour: background.colour };
      const rows = [];
      for (const { id, name, opacity, hidden, tiles, origin, version } of layers) {
        const { box } = tiles;
        rows.push({ id, name, opacity, hidden, x: box?.x ?? 0, y: box?.y ?? 0, blank: !box });
        const before = known?.layers.get(id);
        if (!box || (before?.origin === origin && before.version === version)) continue;
        form.append("layers", await EaselCanvas.encodePng(tiles.read(box), box.w, box.h), id);
      }
      form.append("state", JSON.stringify({ width, height, ...ground, layers: rows, active, edit }));
      if (image && known?.background !== background) {
        form.append("background", background.original, background.name);
      }
      return fetch(this.url, { method: "POST", body: form, credentials: "same-origin" });
    }

    /** The saved drawing as Controller.restore takes it, with its token; null when there is none. */
    async load() {
      if (!this.saved) return null;
      const answer = await fetch(this.url, { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 404) return null;
      if (!answer.ok) throw await refusal(answer);
      const { state, token, layer_urls: urls, background_url: groundUrl } = await answer.json();
      const original = await fetched(groundUrl);
      const layers = state.layers.map(async ({ id, name, opacity, hidden, x, y }) => {
        const file = await fetched(urls[id]);
        return { id, name, opacity, hidden, box: { x, y }, file };
      });
      const { width, height, colour, name, active, edit } = state;
      const plain = colour === "#ffffff" && !Object.keys(urls).length;
      const background = original
        ? { kind: "image", original, name }
        : { kind: "colour", colour, untouched: plain };
      return { size: [width, height], background, layers: await Promise.all(layers), active, edit, token };
    }
  }

  async function restore(controller, remote, journal) {
    if (remote.isNew) return;
    const { revision } = controller;
    try {
      const [saved, records] = await Promise.all([remote.load(), journal.read()]);
      if (controller.revision !== revision) return; // somebody draws already
      const found = await controller.restore(saved, records);
      if (!found || found.replayed) return;
      remote.remember(controller.capture());
      controller.saving.settle(saved.token);
    } catch (error) {
      const values = { error: error.message };
      controller.say("The saved drawing could not be loaded: {error}", true, values);
    }
  }

  /** Commands of the server come as the component's value, each with a nonce of its own. */
  async function obey(controller, command) {
    if (command.load) await controller.open(command.load);
    if (command.blank) controller.newCanvas(...command.blank);
    if (command.size) controller.setSize(...command.size);
  }

  let drawer = null;
  let chosen = {}; // what the settings say of keys, see configure()

  function build(place, id, props) {
    drawer ??= new EaselCanvas.Drawer();
    const remote = new Remote(id, () => controller.saving.forget());
    const journal = drawer.journalOf(remote.id);
    const write = (record) => {
      if (!remote.saved) keepId(newKeyOf(id), remote.id);
      return journal.write(record);
    };
    const controller = EaselCanvas.mount(place, {
      id,
      mode: props.mode,
      width: props.width,
      height: props.height,
      label: props.canvas_label,
      help: props.help,
      brush: props.brush,
      stageHeight: props.stage_height,
      save: (drawing) => remote.save(drawing),
      journal: { ...journal, write },
      attic: drawer.attic,
    });
    controller.configure(chosen);
    const waiting = pending.get(id);
    pending.delete(id);
    controller.ready = waiting ? controller.open(waiting) : restore(controller, remote, journal);
    if (!waiting && !remote.isNew) controller.hold(controller.ready);
    controller.ready.then(() => fit(controller));
    return controller;
  }

  function fit(controller) {
    const size = sizes.get(controller.id);
    if (size && controller.isEmpty) controller.setSize(...size);
  }

  /** The size of a canvas for as long as it is empty, even one whose tab was never opened. */
  async function follow(id, width, height) {
    sizes.set(id, [width, height]);
    const controller = window.EaselCanvas?.get?.(id);
    if (!controller) return;
    await controller.ready;
    fit(controller);
  }

  const isReady = () => PARTS.every((name) => name in (window.EaselCanvas ?? {}));

  /** js_on_load of sketch_canvas(): build the canvas, load what was saved, follow commands. */
  function mount(element, props, watch) {
    const id = props.canvas;
    const place = element.querySelector(".easel-canvas-place");
    const before = EaselCanvas.get(id);
    if (before) place.replaceChildren(before.root); // mounted again: the drawing goes on
    const controller = before ?? build(place, id, props);
    const follow = () => {
      const command = props.value;
      if (!command || typeof command !== "object" || command.nonce === controller.nonce) return;
      controller.nonce = command.nonce;
      controller.ready = controller.ready.then(() => obey(controller, command));
    };
    watch("value", follow);
    follow(); // a value set while the tab had never been open
    return controller;
  }

  /** Token of the named canvas, saved first where it changed; rejects where it can't be saved. */
  async function flush(id) {
    const controller = window.EaselCanvas?.get?.(id);
    if (!controller) return "";
    await controller.ready;
    return controller.flush();
  }

  /** Put a picture (Blob, or address on this host) on the named canvas, now or when it appears. */
  async function load(id, source) {
    const controller = window.EaselCanvas?.get?.(id);
    if (!controller) return pending.set(id, source);
    controller.ready = controller.ready.then(() => controller.open(source));
    return controller.ready;
  }

  /** Put what one canvas shows on another; false when there is nothing on the first. */
  async function copy(from, to) {
    const controller = EaselCanvas.get(from);
    if (!controller || controller.isEmpty) return false;
    const { masks, inkBlank } = controller;
    const { background } = controller.doc;
    await load(to, background.original && (masks || inkBlank)
      ? new File([background.original], background.name, { type: background.original.type })
      : (await controller.exportLayers()).composite);
    return true;
  }

  /** What the settings say: hotkeys by name, functions that are off, and whether the pointer over a
   * canvas ends typing. */
  function configure({ hotkeys = {}, disabled = [], blurs_typing: blursTyping = false }) {
    if (!isReady()) return setTimeout(configure, 50, { hotkeys, disabled, blurs_typing: blursTyping });
    const allowed = EaselCanvas.allowedHotkeys(hotkeys, disabled);
    chosen = { hotkeys: allowed, blursTyping };
    EaselCanvas.SHORTCUTS = EaselCanvas.shortcutsFor(allowed);
    for (const controller of EaselCanvas.all()) controller.configure(chosen);
  }

  window.EaselCanvasGradio = { isReady, mount, configure, flush, load, follow, copy };
})();
