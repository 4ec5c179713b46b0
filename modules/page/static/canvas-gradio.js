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
  /** One name of each file: Gradio adds the page's scripts one by one, in no promised order. */
  const PARTS = [
    "encodePng", "flatten", "History", "pictureDocument", "Stroke", "View", "Controls", "Tools",
    "Input", "AutoSave", "mount",
  ];
  const pending = new Map(); // pictures for canvases that are not there yet, by id
  const sizes = new Map(); // sizes that empty canvases shall have, by id

  const keyOf = (name) => `easel-canvas-${name}`;

  /** The id under which this browser saved the named canvas, or null. */
  function savedId(name) {
    try {
      const id = localStorage.getItem(keyOf(name));
      return /^[0-9a-f]{32}$/.test(id) ? id : null;
    } catch {
      return null; // storage may be forbidden: then a drawing lives as long as the page
    }
  }

  function keepId(name, id) {
    try {
      localStorage.setItem(keyOf(name), id);
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
      reason = body.detail ?? body.error ?? "";
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
      this.saved = savedId(name) !== null;
      this.id = savedId(name) ?? randomId();
      this.url = new URL(API + this.id, document.baseURI);
      this.known = null; // the background that the server has
      this.siblings = new BroadcastChannel("easel-canvas");
      this.siblings.onmessage = ({ data }) => {
        if (data !== this.url.href) return;
        this.known = null;
        onForeignSave();
      };
    }

    /** Post the drawing; the original picture only when the server does not have it. */
    async save(layers) {
      const { background } = layers;
      const has = this.known === background;
      let answer = await this.post(layers, !has);
      if (has && !answer.ok) answer = await this.post(layers, true); // it may have lost it
      if (!answer.ok) throw await refusal(answer);
      this.known = background;
      keepId(this.name, this.id);
      this.siblings.postMessage(this.url.href);
      return (await answer.json()).token;
    }

    post({ size: [width, height], background, ink }, withBackground) {
      const form = new FormData();
      const image = background.kind === "image";
      const ground = image ? { image, name: background.name } : { colour: background.colour };
      form.append("state", JSON.stringify({ width, height, ...ground }));
      if (ink) form.append("ink", ink, "ink.png");
      if (image && withBackground) form.append("background", background.original, background.name);
      return fetch(this.url, { method: "POST", body: form, credentials: "same-origin" });
    }

    /** The saved drawing as Controller.restore takes it, with its token; null when there is none. */
    async load() {
      if (!this.saved) return null;
      const answer = await fetch(this.url, { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 404) return null;
      if (!answer.ok) throw await refusal(answer);
      const { state, token, ink_url: inkUrl, background_url: groundUrl } = await answer.json();
      const [ink, original] = await Promise.all([fetched(inkUrl), fetched(groundUrl)]);
      const { width, height, colour, name } = state;
      const background = original
        ? { kind: "image", original, name }
        : { kind: "colour", colour, untouched: !ink && colour === "#ffffff" };
      return { size: [width, height], background, ink, token };
    }
  }

  async function restore(controller, remote) {
    const revision = controller.revision;
    try {
      const saved = await remote.load();
      if (!saved || controller.revision !== revision) return; // somebody draws already
      remote.known = await controller.restore(saved);
      controller.saving.settle(saved.token);
    } catch (error) {
      controller.controls.say(`The saved drawing could not be loaded: ${error.message}`, true);
    }
  }

  /** Commands of the server come as the component's value, each with a nonce of its own. */
  async function obey(controller, command) {
    if (command.load) await controller.open(command.load);
    if (command.blank) controller.newCanvas(...command.blank);
    if (command.size) controller.setSize(...command.size);
  }

  function build(place, id, props) {
    const remote = new Remote(id, () => controller.saving.forget());
    const controller = EaselCanvas.mount(place, {
      id,
      mode: props.mode,
      width: props.width,
      height: props.height,
      label: props.canvas_label,
      help: props.help,
      hotkeys: props.hotkeys,
      save: (layers) => remote.save(layers),
    });
    const waiting = pending.get(id);
    pending.delete(id);
    controller.ready = waiting ? controller.open(waiting) : restore(controller, remote);
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
    const { masks, inkBlank, doc: { background } } = controller;
    await load(to, background.original && (masks || inkBlank)
      ? new File([background.original], background.name, { type: background.original.type })
      : (await controller.exportLayers()).composite);
    return true;
  }

  window.EaselCanvasGradio = { isReady, mount, flush, load, follow, copy };
})();
