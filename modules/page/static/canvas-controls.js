/* The controls around the stage: buttons, colours, sliders, the "new canvas" form, the status line.
 *
 * Builds the DOM once and shows the state it is handed; what a control does is the controller's
 * business (`actions`). Text comes in by textContent only.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

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
  };

  const TOOLS = [
    ["brush", "Brush (B)"],
    ["eraser", "Eraser (E)"],
    ["fill", "Fill (G)"],
    ["pick", "Pick a colour (I)"],
    ["pan", "Move the view (hold F or Space)"],
  ];

  const HELP = "Shift: straight line · Alt+wheel: zoom · F: move";

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
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

  function button(name, label, onclick, extra = {}) {
    const attributes = { type: "button", title: label, "aria-label": label, onclick, ...extra };
    return make("button", { class: "ec-button", "data-act": name, ...attributes }, icon(name));
  }

  function nameOf(colour) {
    return PALETTE.find(([value]) => value === colour)?.[1].toLowerCase() ?? colour;
  }

  class Controls {
    /** masks: true leaves the colours away. draws: false leaves all tools away. actions: the
     * controller. */
    constructor(root, actions, { masks, draws, label, help }) {
      this.actions = actions;
      this.masks = masks;
      this.draws = draws;
      this.stage = make(
        "div",
        { class: "ec-stage", tabindex: "0", role: "application", "aria-label": label },
        (this.canvas = make("canvas", { class: "ec-view" })),
        (this.cursor = make("div", { class: "ec-cursor", hidden: true, "aria-hidden": "true" })),
        (this.hint = this.buildHint(label)),
      );
      this.file = make("input", {
        type: "file",
        accept: "image/*",
        hidden: true,
        "aria-label": "Open a picture",
        onchange: () => {
          if (this.file.files[0]) actions.open(this.file.files[0]);
          this.file.value = "";
        },
      });
      this.form = this.buildForm();
      const colours = this.buildColours();
      const paints = make("div", { class: "ec-paints", hidden: !draws }, ...colours, this.buildSliders());
      root.append(this.buildToolbar(), this.form, paints, this.stage, this.buildStatus(help), this.file);
    }

    buildHint(label) {
      return make(
        "button",
        { type: "button", class: "ec-hint", hidden: true, onclick: () => this.file.click() },
        icon("picture"),
        make("span", { class: "ec-what", text: label }),
        make("span", { text: "Drop, paste or open a picture" }),
      );
    }

    buildToolbar() {
      const { actions } = this;
      const group = (...nodes) => make("div", { class: "ec-group" }, ...nodes);
      this.tools = TOOLS.filter(([name]) => !(this.masks && name === "pick")).map(([name, label]) =>
        button(name, label, () => actions.setTool(name), { "aria-pressed": "false" }),
      );
      this.undo = button("undo", "Undo (Ctrl+Z)", () => actions.undo());
      this.redo = button("redo", "Redo (Ctrl+Shift+Z)", () => actions.redo());
      this.clear = button("clear", "Clear the drawing", () => actions.clear());
      this.blank = actions.overPictures
        ? button("close", "Remove the picture", () => actions.removePicture())
        : button("blank", "New canvas", () => this.toggleForm(), { "aria-expanded": "false" });
      this.zoom = make("button", {
        type: "button",
        class: "ec-button ec-zoom",
        title: "Actual size (100 %)",
        "data-act": "actual",
        onclick: () => actions.zoomTo(1),
      });
      this.full = button("full", "Fill the window (S)", () => actions.toggleFullscreen(), {
        "aria-pressed": "false",
      });
      return make(
        "div",
        { class: "ec-bar", role: "toolbar", "aria-label": "Drawing tools" },
        ...(this.draws ? [group(...this.tools), group(this.undo, this.redo, this.clear)] : []),
        group(this.blank, button("open", "Open a picture", () => this.file.click())),
        make(
          "div",
          { class: "ec-group ec-right" },
          button("minus", "Zoom out", () => actions.zoomBy(1 / 1.25)),
          this.zoom,
          button("plus", "Zoom in", () => actions.zoomBy(1.25)),
          button("fit", "Fit the view (R)", () => actions.fit()),
          this.full,
        ),
      );
    }

    buildForm() {
      const number = (label) =>
        make("input", { type: "number", min: 8, max: 4096, step: 8, "aria-label": label });
      this.width = number("Width");
      this.height = number("Height");
      this.ground = make("input", { type: "color", value: "#ffffff", "aria-label": "Any colour" });
      const choose = (colour) => () => (this.ground.value = colour);
      const plain = (colour, label) =>
        make("button", {
          type: "button",
          class: "ec-swatch",
          style: `--swatch: ${colour}`,
          title: label,
          "aria-label": label,
          onclick: choose(colour),
        });
      const current = () => (this.ground.value = this.colour.value);
      const swap = () => {
        [this.width.value, this.height.value] = [this.height.value, this.width.value];
      };
      return make(
        "form",
        { class: "ec-form", hidden: true, onsubmit: (event) => this.submitForm(event) },
        make("label", { class: "ec-field" }, make("span", { text: "Size" }), this.width),
        button("swap", "Swap width and height", swap),
        this.height,
        make("span", { class: "ec-field" }, make("span", { text: "Background" })),
        plain("#ffffff", "White background"),
        plain("#000000", "Black background"),
        this.ground,
        this.masks
          ? ""
          : make("button", {
              type: "button",
              class: "ec-text",
              text: "Brush colour",
              title: "Use the brush colour as background",
              onclick: current,
            }),
        make("button", { type: "submit", class: "ec-text ec-primary", text: "New canvas" }),
      );
    }

    toggleForm(open = this.form.hidden) {
      this.form.hidden = !open;
      this.blank.setAttribute("aria-expanded", String(open));
      if (open) [this.width.value, this.height.value] = this.actions.size;
      if (open) this.width.focus();
    }

    submitForm(event) {
      event.preventDefault();
      const made = this.actions.newCanvas(+this.width.value, +this.height.value, this.ground.value);
      if (made) this.toggleForm(false);
    }

    buildColours() {
      const { actions } = this;
      const set = (event) => actions.setColour(event.target.value);
      this.colour = make("input", {
        type: "color",
        "aria-label": "Brush colour",
        title: "Brush colour",
        oninput: set,
      });
      this.hex = make("input", {
        class: "ec-hex",
        type: "text",
        maxlength: 7,
        spellcheck: "false",
        autocomplete: "off",
        "aria-label": "Brush colour as hex",
        onchange: set,
      });
      this.other = make("button", {
        type: "button",
        class: "ec-other",
        title: "Swap with the second colour (X)",
        "aria-label": "Swap with the second colour",
        onclick: () => actions.swapColours(),
      });
      this.palette = PALETTE.map(([colour, name]) =>
        make("button", {
          type: "button",
          class: "ec-swatch",
          style: `--swatch: ${colour}`,
          title: name,
          "aria-label": name,
          "data-colour": colour,
          onclick: () => actions.setColour(colour),
        }),
      );
      if (this.masks || !this.draws) return [];
      const pair = make("div", { class: "ec-pair" }, this.other, this.colour);
      const colours = make("div", { class: "ec-palette", role: "group", "aria-label": "Palette" });
      colours.append(...this.palette);
      return [make("div", { class: "ec-colour" }, pair, this.hex), colours];
    }

    buildSliders() {
      const slider = (name, label, attributes, shown) => {
        const output = make("output", {});
        const range = make("input", {
          type: "range",
          "aria-label": label,
          ...attributes,
          oninput: () => this.actions.setBrush({ [name]: +range.value }),
        });
        const title = attributes.title;
        const row = make("label", { class: "ec-slider", title, "data-slider": name });
        row.append(make("span", { text: attributes.name ?? label }), range, output);
        return { row, range, output, shown };
      };
      const percent = (value) => `${Math.round(value * 100)} %`;
      const part = { min: 0, max: 1, step: 0.01 };
      this.sliders = {
        size: slider(
          "size",
          "Brush size",
          { name: "Size", min: 1, max: 256, title: "Size (Q W, [ ], Ctrl+wheel)" },
          (value) => `${value} px`,
        ),
        opacity: slider("opacity", "Opacity", { ...part, min: 0.01 }, percent),
        softness: slider("softness", "Softness", part, percent),
        tolerance: slider("tolerance", "Tolerance", { min: 0, max: 255 }, String),
      };
      this.pressure = button(
        "pressure",
        "Pen pressure changes the size",
        () => this.actions.setBrush({ pressure: !this.actions.brush.pressure }),
        { hidden: true, "aria-pressed": "true" },
      );
      const rows = Object.values(this.sliders).map((slider) => slider.row);
      return make("div", { class: "ec-sliders" }, ...rows, this.pressure);
    }

    buildStatus(helps) {
      this.about = make("span", { class: "ec-about" });
      this.message = make("span", { class: "ec-message", role: "status", "aria-live": "polite" });
      const help = make("span", { class: "ec-help", text: helps && this.draws ? HELP : "" });
      return make("div", { class: "ec-status" }, this.about, this.message, help);
    }

    /** Show the controller's whole state. */
    update({ tool, brush, colour, second, doc, canUndo, canRedo, zoom, fullscreen, hint }) {
      for (const node of this.tools) node.setAttribute("aria-pressed", node.dataset.act === tool);
      this.undo.disabled = !canUndo;
      this.redo.disabled = !canRedo;
      this.colour.value = colour;
      if (document.activeElement !== this.hex) this.hex.value = colour;
      this.other.style.setProperty("--swatch", second);
      for (const node of this.palette) node.toggleAttribute("data-on", node.dataset.colour === colour);
      for (const [name, { range, output, shown }] of Object.entries(this.sliders)) {
        range.value = brush[name];
        output.textContent = shown(brush[name]);
      }
      this.sliders.tolerance.row.hidden = tool !== "fill";
      this.sliders.softness.row.hidden = tool === "fill"; // one for one: the stage must not move
      this.pressure.setAttribute("aria-pressed", String(brush.pressure));
      this.zoom.textContent = `${Math.round(zoom * 100)} %`;
      this.full.setAttribute("aria-pressed", String(fullscreen));
      this.hint.hidden = !hint;
      const { kind, name } = doc.background;
      const ground = kind === "image" ? name : `${nameOf(doc.background.colour)} background`;
      this.about.textContent = hint ? "No picture" : `${doc.width} × ${doc.height} · ${ground}`;
      this.about.title = this.about.textContent;
    }

    say(text, isError = false) {
      this.message.textContent = text;
      this.message.toggleAttribute("data-error", isError);
    }
  }

  Object.assign(EaselCanvas, { Controls });
})();
