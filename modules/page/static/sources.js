/* img2img's sub-tabs: which one is open, what it would start from, and pictures between them.
 *
 * A sub-tab's elements are made when it is first opened, so everything is looked up when it is
 * needed. Knows the canvases by their ids.
 */
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const SOURCES = {
    img2img: { tab: "img2img_img2img_tab", canvases: ["img2img_image"] },
    sketch: { tab: "img2img_img2img_sketch_tab", canvases: ["img2img_sketch"] },
    inpaint: { tab: "img2img_inpaint_tab", canvases: ["img2maskimg"] },
    inpaint_sketch: {
      tab: "img2img_inpaint_sketch_tab",
      canvases: ["inpaint_sketch"],
    },
    inpaint_upload: {
      tab: "img2img_inpaint_upload_tab",
      canvases: ["img_inpaint_base", "img_inpaint_mask"],
    },
    batch: { tab: "img2img_batch_tab", canvases: [] },
  };
  const MAX_SIDE = 2048;

  const isShown = (id) => Boolean($(`#${id}`)?.offsetParent);
  const open = () => Object.keys(SOURCES).find((name) => isShown(SOURCES[name].tab)) ?? "";
  const resizes = () => isShown("img2img_tab_resize_by");
  const canvasOf = (name) => window.EaselCanvas?.get?.(SOURCES[name]?.canvases[0]);

  /** Size of what the open sub-tab would start from; null while there is nothing. */
  function size() {
    const canvas = canvasOf(open());
    return canvas && !canvas.isEmpty ? canvas.size : null;
  }

  /** The picture's own size as the sliders take it: whole eights between their ends. */
  function fitted([width, height]) {
    const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
    const side = (pixels) => Math.max(64, Math.round((pixels * scale) / 8) * 8);
    return [side(width), side(height)];
  }

  /** What is told when img2img is submitted: the form, and what to start from. */
  async function told() {
    const record = { from: open(), resizes: resizes() };
    try {
      const { canvases } = SOURCES[record.from];
      record.tokens = await Promise.all(canvases.map((id) => EaselCanvasGradio.flush(id)));
      if (record.from === "batch") record.batch = await EaselBatch.record();
    } catch (error) {
      record.error = String(error.message ?? error);
      record.field = error.field ?? "";
    }
    return JSON.stringify({ img2img: EaselForm.values("img2img"), source: record });
  }

  /** Open a sub-tab. */
  const show = (name) => $(`#${SOURCES[name].tab}-button`)?.click();

  /** The open sub-tab's picture onto another one, which opens. */
  async function copy(to) {
    const from = open();
    if (!from || from === to) return;
    const [source, target] = [from, to].map((name) => SOURCES[name].canvases[0]);
    if (await EaselCanvasGradio.copy(source, target)) show(to);
    else EaselNotices.show("There is no picture to copy yet");
  }

  let scale = 1;

  /** The line beside "Scale". */
  function tellSize(factor = scale) {
    scale = factor;
    const line = $("#img2img_scale_resolution_preview .easel-text");
    if (!line) return;
    const from = size();
    const to = from?.map((side) => Math.floor(Math.trunc(side * scale) / 8) * 8);
    if (open() === "batch") line.textContent = `each picture's own size times ${scale}`;
    else line.textContent = from ? `resize: from ${from.join("x")} to ${to.join("x")}` : "no picture yet";
  }

  /* ---- a picture pasted where nothing takes it goes to the first empty canvas in sight ---- */
  const PICTURE = /^image\/(png|jpeg|gif|webp|avif)$/;

  function onPaste(event) {
    if (event.defaultPrevented || !open()) return;
    if (event.target.closest?.("input, textarea, [contenteditable]")) return;
    const file = [...(event.clipboardData?.files ?? [])].find((each) => PICTURE.test(each.type));
    if (!file) return;
    const ids = SOURCES[open()].canvases;
    if (!ids.length) {
      EaselBatch.add([file]);
      event.preventDefault();
      return;
    }
    const empty = ids.find((id) => EaselCanvas.get(id)?.isEmpty);
    EaselCanvasGradio.load(empty ?? ids.at(-1), file);
    event.preventDefault();
  }

  document.addEventListener("paste", onPaste);
  document.addEventListener("easel-canvas", () => tellSize());
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[role="tab"]')) setTimeout(tellSize, 100);
  });

  window.EaselSources = {
    told,
    copy,
    show,
    tellSize,
    open,
    idOf: (name) => SOURCES[name].tab,
    resizes,
    /** Id of the block that a message about the start picture ("@source") or the mask stands below. */
    place: (what) => {
      const ids = SOURCES[open()]?.canvases ?? [];
      return (what === "@mask" ? ids.at(-1) : ids[0]) ?? "img2img_batch_upload";
    },
    /** Sizes for the form: the picture's, or those there are while there is no picture. */
    pictureSize: (width, height) => {
      const own = size();
      return own ? fitted(own) : [width, height];
    },
  };
})();
