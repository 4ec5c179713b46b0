/* Theme, tooltips, and what happens once the page is there.
 *
 * Elements come and go with Gradio's tabs, so nothing is looked up at load: events are caught at the
 * document, elements are asked for when they are needed.
 */
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const CANVAS = "img2img_sketch";

  /* ---- theme ---- */
  function setTheme(name) {
    document.body.classList.toggle("dark", name === "dark");
    try {
      localStorage.setItem("easel-theme", name);
    } catch {}
  }

  function startTheme() {
    const asked = new URLSearchParams(location.search).get("__theme");
    let kept = null;
    try {
      kept = localStorage.getItem("easel-theme");
    } catch {}
    const fixed = document.documentElement.dataset.easelTheme;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const chosen = asked || kept || fixed || system;
    document.body.classList.toggle("dark", chosen === "dark");
  }

  /* ---- what the server tells ---- */
  function configure(state) {
    EaselKeeping.setSize(state.size ?? null);
    if (state.defaults) EaselKeeping.setDefaults(state.defaults);
    if (state.troubles?.length) EaselNotices.once(state.troubles.join("\n"));
    EaselPrompts.configure(state);
    EaselResults.configure(state);
    EaselShortcuts.configure(state);
    EaselDeleting.configure(state);
    EaselCanvasGradio.configure(state.canvas ?? {});
    const place = $(".easel-footer span");
    if (place) place.textContent = state.versions ?? "";
    EaselStatus.drawDevice();
  }

  // Icon buttons have their words as hidden text.
  document.addEventListener("pointerover", (event) => {
    const button = event.target.closest?.(".easel-tool");
    if (button && !button.title) button.title = button.textContent.trim();
  });
  // A tab's elements are made when it is first opened.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[role="tab"]')) setTimeout(EaselPrompts.countAll, 300);
  });
  if (document.body) startTheme();
  else document.addEventListener("DOMContentLoaded", startTheme);

  window.EaselPage = {
    configure,
    count: (id, text) => EaselPrompts.count(id, text),
    /** An empty canvas takes the size that the sliders show. */
    canvasSize: (width, height) => { EaselCanvasGradio.follow(CANVAS, width, height); },
    cleared: (texts) =>
      texts.some(Boolean) && confirm("Clear prompt and negative prompt?") ? ["", ""] : texts,
    toggleTheme: () => setTheme(document.body.classList.contains("dark") ? "light" : "dark"),
    /** The form is filled: from now on changes are a person's. */
    ready: () => {
      EaselKeeping.open();
      const [width, height] = ["width", "height"].map((side) => Number($(`#img2img_${side} input`)?.value));
      if (width && height) EaselCanvasGradio.follow(CANVAS, width, height);
      document.body.dataset.easelReady = "yes";
      EaselPrompts.countAll();
      EaselStatus.look();
      EaselModels.look();
    },
  };
})();
