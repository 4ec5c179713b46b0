/* Theme, and what happens once the page is there.
 *
 * Elements come and go with Gradio's tabs, so nothing is looked up at load: events are caught at the
 * document, elements are asked for when they are needed.
 */
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const CANVAS = "img2img_sketch";

  /* ---- theme ---- */
  const system = matchMedia("(prefers-color-scheme: dark)");

  /** Where the choice is the system's own, the page follows the system again. */
  function setTheme(name) {
    const own = (system.matches ? "dark" : "light") === name;
    document.body.classList.toggle("dark", name === "dark");
    document.documentElement.style.colorScheme = name;
    document.documentElement.style.background = "";
    if (window.easelTheme) window.easelTheme.wish = name;
    try {
      localStorage.setItem("easel-theme", own ? "system" : name);
    } catch {}
  }

  system.addEventListener("change", () => window.easelTheme?.put());

  /* ---- canvases, History, Settings and the drawers: the page is ready without them ---- */
  const SOON = 250; // ms from ready: what can be seen goes before
  let loaded = null;
  let isAsked = false;
  const later = new Promise((done) => { loaded = done; });

  function load() {
    if (isAsked) return;
    isAsked = true;
    const { late_scripts: src, late_styles: href } = window.easelFiles;
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    const script = Object.assign(document.createElement("script"), { src });
    script.addEventListener("load", loaded);
    // The scripts measure what they draw.
    for (const end of ["load", "error"]) style.addEventListener(end, () => document.head.append(script));
    document.head.append(style);
  }

  /* ---- what the server tells ---- */
  /** The line below the tabs, where status.js and others have a place as well. */
  function footer({ versions, has_users: hasUsers }) {
    if (!$("#footer")) {
      const line = EaselDom.make("div", "easel-footer", { id: "footer" });
      const out = EaselDom.make("a", "", { href: "logout" });
      out.textContent = t("Log out");
      line.append(document.createElement("span"), ...(hasUsers ? [out] : []), document.createElement("span"));
      $("#tabs").parentElement.append(line);
    }
    $("#footer span").textContent = versions ?? "";
  }

  function configure(state) {
    footer(state); // others put their buttons there
    EaselKeeping.setSize(state.size ?? null);
    if (state.defaults) EaselKeeping.setDefaults(state.defaults);
    if (state.troubles?.length) EaselNotices.once(state.troubles.join("\n"));
    EaselPrompts.configure(state);
    EaselResults.configure(state);
    EaselShortcuts.configure(state);
    later.then(() => {
      EaselDeleting.configure(state);
      EaselLightbox.configure(state);
      EaselNetworks.configure(state);
    });
    later.then(() => EaselCanvasGradio.configure(state.canvas ?? {}));
    EaselStatus.drawDevice();
  }

  // A tab's elements are made when it is first opened.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[role="tab"]')) setTimeout(EaselPrompts.countAll, 300);
  });
  window.easelTheme?.put(); // Gradio has set its own meanwhile

  window.EaselPage = {
    configure,
    /** An empty canvas takes the size that the sliders show. */
    canvasSize: (width, height) => { later.then(() => EaselCanvasGradio.follow(CANVAS, width, height)); },
    /** Do this once the scripts are there that the page is ready without. */
    later: (action) => {
      load();
      return later.then(action);
    },
    toggleTheme: () => setTheme(document.body.classList.contains("dark") ? "light" : "dark"),
    /** The form is filled: from now on changes are a person's. */
    ready: (state) => {
      configure(state);
      EaselKeeping.open();
      const [width, height] = ["width", "height"].map((side) => Number(EaselForm.value("img2img", side)));
      if (width && height) EaselPage.canvasSize(width, height);
      later.then(EaselLinks.mountDrawers);
      EaselLinks.tellHires();
      document.body.dataset.easelReady = "yes";
      EaselPrompts.countAll();
      EaselStatus.look();
      later.then(() => EaselModels.look());
      setTimeout(load, SOON);
    },
  };
})();
