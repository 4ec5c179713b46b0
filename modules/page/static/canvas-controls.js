/* The controls around the stage: tools, colours, sliders, the "new canvas" form, the status line.
 *
 * Builds the DOM once and shows the state it is handed; what a control does is the controller's
 * business (`actions`).
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const { make, icon, button, slider, percent, t, PALETTE } = EaselCanvas.parts;

  const TOOLS = [
    ["brush", "Brush (B)"],
    ["eraser", "Eraser (E)"],
    ["fill", "Fill (G)"],
    ["shape", "Shapes (L, U, O)"],
    ["pick", "Pick a colour (I, Alt+click)"],
    ["pan", "Move the view (hold F or Space)"],
  ];
  const SHAPE_LABELS = { line: "Line (L)", rectangle: "Rectangle (U)", ellipse: "Ellipse (O)" };
  const PRESSURE = [
    ["size", "Pen: size"],
    ["opacity", "Pen: opacity"],
    ["both", "Pen: size and opacity"],
    ["off", "Pen: no pressure"],
  ];
  const HELP = "Shift: straight line · Alt+wheel: zoom · F: move";

  const nameOf = (colour) => t(PALETTE.find(([value]) => value === colour)?.[1] ?? "").toLowerCase() || colour;

  class Controls {
    /** masks: true leaves colours and layers away. draws: false leaves all tools away. */
    constructor(root, actions, { masks, draws, label, help }) {
      Object.assign(this, { root, actions, masks, draws });
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
      const panel = (this.panel = draws && !masks ? new EaselCanvas.LayerPanel(actions) : null);
      const middle = make("div", { class: "ec-middle" }, this.stage, ...(panel ? [panel.root] : []));
      root.append(this.buildToolbar(), this.form, paints, middle, this.buildStatus(help), this.file);
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

    // -- toolbar -----------------------------------------------------------------------------

    buildToolbar() {
      const { actions, masks, draws } = this;
      const group = (...nodes) => make("div", { class: "ec-group" }, ...nodes);
      this.tools = TOOLS.filter(([name]) => !(masks && name === "pick")).map(([name, label]) =>
        name === "shape"
          ? this.buildShapes(label)
          : button(name, label, () => actions.setTool(name), { "aria-pressed": "false" }),
      );
      this.undo = button("undo", "Undo (Ctrl+Z)", () => actions.undo());
      this.redo = button("redo", "Redo (Ctrl+Shift+Z)", () => actions.redo());
      const what = masks ? "Clear the mask" : "Clear the layer (Delete)";
      const steps = [this.undo, this.redo, (this.clear = button("clear", what, () => actions.clear()))];
      if (masks) steps.push(button("invert", "Invert the mask", () => actions.invertMask()));
      this.blank = actions.overPictures
        ? button("close", "Remove the picture", () => actions.removePicture())
        : button("blank", "New canvas", () => this.toggleForm(), { "aria-expanded": "false" });
      const groups = draws ? [group(...this.tools), group(...steps)] : [];
      this.layers = button("layers", "Layers", () => actions.togglePanel(), { "aria-expanded": "false" });
      if (this.panel) groups.push(group(this.layers));
      groups.push(group(this.blank, button("open", "Open a picture", () => this.file.click())));
      const bar = { class: "ec-bar", role: "toolbar", "aria-label": "Drawing tools" };
      return make("div", bar, ...groups, this.buildViewGroup());
    }

    buildViewGroup() {
      const { actions } = this;
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
        { class: "ec-group ec-right" },
        button("minus", "Zoom out", () => actions.zoomBy(1 / 1.25)),
        this.zoom,
        button("plus", "Zoom in", () => actions.zoomBy(1.25)),
        button("fit", "Fit the view (R)", () => actions.fit()),
        this.full,
      );
    }

    /** One button for the shapes, which are chosen from the small menu it opens. */
    buildShapes(label) {
      const { actions } = this;
      this.shape = button("shape", label, () => this.toggleShapes(), {
        sign: "line",
        "aria-pressed": "false",
        "aria-expanded": "false",
      });
      this.shapes = Object.entries(SHAPE_LABELS).map(([name, text]) =>
        button(name, text, () => (actions.setTool(name), this.toggleShapes(false)), {
          "aria-pressed": "false",
        }),
      );
      this.filled = button("filled", "Filled", () => actions.setBrush({ filled: !actions.brush.filled }), {
        "aria-pressed": "false",
      });
      const items = [...this.shapes, make("span", { class: "ec-rule" }), this.filled];
      const popup = { class: "ec-popup", role: "group", "aria-label": "Shapes", hidden: true };
      this.shapeMenu = make("div", popup, ...items);
      const wrap = make("span", { class: "ec-drop", "data-act": "shape" }, this.shape, this.shapeMenu);
      wrap.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.shapeMenu.hidden) return;
        event.stopPropagation();
        this.toggleShapes(false);
        this.shape.focus();
      });
      this.root.addEventListener("pointerdown", (event) => {
        if (!wrap.contains(event.target)) this.toggleShapes(false);
      });
      return wrap;
    }

    toggleShapes(open = this.shapeMenu.hidden) {
      if (open) this.actions.setTool("shape");
      this.shapeMenu.hidden = !open;
      this.shape.setAttribute("aria-expanded", String(open));
    }

    // -- new canvas --------------------------------------------------------------------------

    buildForm() {
      const number = (label) =>
        make("input", { type: "number", min: 8, max: 4096, step: 8, "aria-label": label });
      this.width = number("Width");
      this.height = number("Height");
      this.ground = make("input", { type: "color", value: "#ffffff", "aria-label": "Any colour" });
      const plain = (colour, label) =>
        make("button", {
          type: "button",
          class: "ec-swatch",
          style: `--swatch: ${colour}`,
          title: label,
          "aria-label": label,
          onclick: () => (this.ground.value = colour),
        });
      const swap = () => {
        [this.width.value, this.height.value] = [this.height.value, this.width.value];
      };
      const current = make("button", {
        type: "button",
        class: "ec-text",
        text: "Brush colour",
        title: "Use the brush colour as background",
        onclick: () => (this.ground.value = this.colour.value),
      });
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
        ...(this.masks ? [] : [current]),
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

    // -- colours and brush -------------------------------------------------------------------

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
      const { actions, masks } = this;
      const part = { min: 0, max: 1, step: 0.01, shown: percent };
      const add = (name, options) =>
        slider(name, { oninput: (value) => actions.setBrush({ [name]: value }), ...options });
      const most = EaselCanvas.MAX_BRUSH;
      const size = { label: "Brush size", text: "Size", title: "Size (Q W, [ ], Ctrl+wheel)" };
      this.sliders = {
        size: add("size", { ...size, min: 1, max: most, shown: (value) => `${value} px` }),
        opacity: add("opacity", { label: "Opacity", ...part, min: 0.01 }),
        softness: add("softness", { label: "Softness", ...part }),
        tolerance: add("tolerance", { label: "Tolerance", min: 0, max: 255 }),
        veil: add("veil", {
          label: "Visible",
          title: "How strongly the mask is shown over the picture",
          ...part,
          min: 0.1,
          oninput: (value) => actions.setVeil(value),
        }),
      };
      this.sliders.opacity.row.hidden = masks; // a mask is painted or not
      this.sliders.veil.row.hidden = !masks;
      const options = PRESSURE.map(([value, text]) => make("option", { value, text }));
      this.pressure = make(
        "select",
        {
          class: "ec-pressure",
          "aria-label": "What the pen's pressure changes",
          hidden: true,
          onchange: (event) => actions.setBrush({ pressure: event.target.value }),
        },
        ...options,
      );
      const rows = Object.values(this.sliders).map((each) => each.row);
      return make("div", { class: "ec-sliders" }, ...rows, this.pressure);
    }

    buildStatus(helps) {
      this.about = make("span", { class: "ec-about" });
      this.message = make("span", { class: "ec-message", role: "status", "aria-live": "polite" });
      const help = make("span", { class: "ec-help", text: helps && this.draws ? HELP : "" });
      return make("div", { class: "ec-status" }, this.about, this.message, help);
    }

    // -- showing the state -------------------------------------------------------------------

    /** Show the controller's whole state. */
    update(state) {
      const { tool, brush, veil, canUndo, canRedo, zoom, fullscreen, hint } = state;
      const shaped = EaselCanvas.SHAPES.includes(tool);
      for (const node of this.tools) {
        if (node !== this.shape.parentNode) node.setAttribute("aria-pressed", node.dataset.act === tool);
      }
      this.shape.setAttribute("aria-pressed", String(shaped));
      const shown = EaselCanvas.SHAPES.includes(state.shape) ? state.shape : "line";
      if (this.shape.dataset.icon !== shown) this.shape.replaceChildren(icon(shown));
      this.shape.dataset.icon = shown;
      for (const node of this.shapes) node.setAttribute("aria-pressed", node.dataset.act === tool);
      this.filled.setAttribute("aria-pressed", String(brush.filled));
      this.undo.disabled = !canUndo;
      this.redo.disabled = !canRedo;
      this.showColours(state);
      for (const name of ["size", "opacity", "softness", "tolerance"]) this.sliders[name].set(brush[name]);
      this.sliders.veil.set(veil);
      this.sliders.tolerance.row.hidden = tool !== "fill";
      this.sliders.softness.row.hidden = tool === "fill"; // one for one: the stage must not move
      this.pressure.value = brush.pressure;
      this.zoom.textContent = `${Math.round(zoom * 100)} %`;
      this.full.setAttribute("aria-pressed", String(fullscreen));
      this.hint.hidden = !hint;
      this.showAbout(state);
      this.layers.setAttribute("aria-expanded", String(state.panelOpen));
      this.panel?.update(state.doc, state.panelOpen);
    }

    showColours({ colour, second }) {
      this.colour.value = colour;
      if (document.activeElement !== this.hex) this.hex.value = colour;
      this.other.style.setProperty("--swatch", second);
      for (const node of this.palette) node.toggleAttribute("data-on", node.dataset.colour === colour);
    }

    showAbout({ doc, hint }) {
      const { kind, name, colour } = doc.background;
      const ground = kind === "image" ? name : t("{colour} background", { colour: nameOf(colour) });
      const layer = doc.layers.length > 1 ? ` · ${doc.layer.name}` : "";
      const text = hint ? t("No picture") : `${doc.width} × ${doc.height} · ${ground}${layer}`;
      this.about.textContent = this.about.title = text;
    }

    say(text, isError = false) {
      this.message.textContent = text;
      this.message.toggleAttribute("data-error", isError);
    }
  }

  Object.assign(EaselCanvas, { Controls });
})();
