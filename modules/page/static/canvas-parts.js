/* Small parts of the canvas's controls: icons, buttons, sliders, the palette.
 *
 * Words pass through EaselCanvas.translate, which is the page's business; text comes in by
 * textContent only. Knows no state.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const filled = (text, values = {}) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  EaselCanvas.translate ??= filled;
  const t = (text, values) => EaselCanvas.translate(text, values);

  const PALETTE = [
    ["#000000", "Black"],
    ["#404040", "Dark grey"],
    ["#808080", "Grey"],
    ["#c0c0c0", "Light grey"],
    ["#ffffff", "White"],
    ["#7b3f14", "Brown"],
    ["#b07b4f", "Tan"],
    ["#f2c9a0", "Skin"],
    ["#8b0000", "Dark red"],
    ["#e02020", "Red"],
    ["#f58220", "Orange"],
    ["#ffd91a", "Yellow"],
    ["#a8d83a", "Lime"],
    ["#2e9e3f", "Green"],
    ["#1d5c2f", "Dark green"],
    ["#1fb8b8", "Teal"],
    ["#8fd3ff", "Sky blue"],
    ["#2f6fe4", "Blue"],
    ["#1b2f8a", "Navy"],
    ["#7d3fc8", "Purple"],
    ["#d84fc0", "Magenta"],
    ["#ff9fb8", "Pink"],
  ];

  const ICONS = {
    brush: "M20 4 10.5 13.5M3.5 20.5c3.6.3 6-.8 6-3.3a2.4 2.4 0 0 0-4.8 0c0 1.5-.4 2.4-1.2 3.3zM10.5 13.5l-1.5 1.5M12.8 15.2 21 5",
    eraser: "M8.5 20H20M4.6 14.6 14 5.2a1.6 1.6 0 0 1 2.3 0l3.5 3.5a1.6 1.6 0 0 1 0 2.3L11 20H8.5l-3.9-3.9a1 1 0 0 1 0-1.5zM9.5 9.8l5.7 5.7",
    fill: "M10.5 3.5 3.8 10.2a1.8 1.8 0 0 0 0 2.5l5 5a1.8 1.8 0 0 0 2.5 0L18 11zM4 12h13M20.3 15.5c1.3 1.9 1.7 2.8 1.7 3.5a1.7 1.7 0 0 1-3.4 0c0-.7.4-1.6 1.7-3.5z",
    pick: "M14 6.5 17.5 10M12.5 8 5 15.5V19h3.5L16 11.5M13 5l6 6M15.5 7.5l2-2.6a1.7 1.7 0 0 1 2.6 2.6l-2.6 2z",
    pan: "M12 3v18M3 12h18M12 3 9.5 5.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5",
    undo: "M8.5 6 4 10.5 8.5 15M4 10.5h10a5.5 5.5 0 0 1 0 9h-3",
    redo: "M15.5 6 20 10.5 15.5 15M20 10.5H10a5.5 5.5 0 0 0 0 9h3",
    clear: "M4.5 7h15M9 7V4.5h6V7M6.5 7l.9 13h9.2l.9-13M10.2 11v5.5M13.8 11v5.5",
    "layer-add": "M5 5h14v14H5zM12 8.5v7M8.5 12h7",
    blank: "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5M12.2 11.5v6M9.2 14.5h6",
    close: "M6 6l12 12M18 6 6 18",
    picture: "M4 5.5h16v13H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5h.01",
    open: "M4 19.5V5.5h5.5l2 2.5H20v11.5zM12 17v-5.5M9.5 14l2.5-2.5 2.5 2.5",
    minus: "M5.5 12h13",
    plus: "M5.5 12h13M12 5.5v13",
    fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5M8.5 8.5h7v7h-7z",
    full: "M14 4h6v6M10 20H4v-6M20 4l-7 7M4 20l7-7",
    swap: "M7 4.5 3.5 8 7 11.5M3.5 8h13M17 12.5l3.5 3.5-3.5 3.5M20.5 16h-13",
    pressure: "M4 20c4-9 9-14 16-16-2 7-7 12-16 16zM4 20l8-8",
      line: "M5 19 19 5M3.5 17.5h3v3h-3zM17.5 3.5h3v3h-3z",
    rectangle: "M4 6h16v12H4z",
    ellipse: "M12 5c5 0 8.5 3 8.5 7S17 19 12 19s-8.5-3-8.5-7S7 5 12 5z",
    filled: "M4 6h16v12H4zM5 17 15 7M8 17.5 18.5 7M12 17.5l7-7M5 12l4.5-5M15.5 17.5l4-4",
    layers: "M12 3.5 21 8.5 12 13.5 3 8.5zM4 13l8 4.5 8-4.5M4 17l8 4.5 8-4.5",
    add: "M5 5h14v14H5zM12 8.5v7M8.5 12h7",
    "layer-up": "M12 19V5M6.5 10.5 12 5l5.5 5.5",
    "layer-down": "M12 5v14M6.5 13.5 12 19l5.5-5.5",
    "layer-merge": "M4 5h16M4 9h16M12 11.5v6M9 15l3 3 3-3M4 21h16",
    eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
    hidden: "M4 4l16 16M9.8 5.8c5.6-1.3 10 3.2 11.7 6.2-.6 1-1.6 2.4-3 3.7M6 7.6C4.3 9 3 10.8 2.5 12c2 3.5 6.6 8 12.5 6",
    invert: "M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17",
  };

  const WORDS = ["text", "title", "aria-label", "placeholder"];

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (let [name, value] of Object.entries(attributes)) {
      if (value != null && WORDS.includes(name)) value = t(value);
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const path = document.createElementNS(space, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  /** sign: the icon's name, where it is not the act's. */
  function button(name, label, onclick, { sign = name, ...extra } = {}) {
    const attributes = { type: "button", title: label, "aria-label": label, onclick, ...extra };
    return make("button", { class: "ec-button", "data-act": name, ...attributes }, icon(sign));
  }

  const percent = (value) => `${Math.round(value * 100)} %`;

  /** A labelled range: {row, set(value)}. shown(value) is the text beside it. */
  function slider(name, { label, text = label, title, shown = String, oninput, onchange, ...limits }) {
    const output = make("output", {});
    const range = make("input", { type: "range", "aria-label": label, ...limits });
    range.addEventListener("input", () => oninput(+range.value));
    if (onchange) range.addEventListener("change", () => onchange(+range.value));
    const row = make("label", { class: "ec-slider", title, "data-slider": name });
    row.append(make("span", { text }), range, output);
    const set = (value) => {
      range.value = value;
      output.textContent = shown(value);
    };
    return { row, range, set };
  }

  EaselCanvas.parts = { make, icon, button, slider, percent, t, PALETTE };
})();
