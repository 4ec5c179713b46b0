/* The list of layers, topmost first, with what can be done to the chosen one; the background below.
 *
 * Shows the document it is handed; what a control does is the controller's business (`actions`).
 * Names are people's words and come in by textContent only.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const { make, icon, button, slider, t } = EaselCanvas.parts;
  const THUMB = 28; // pixels a side

  /** Draw tiles small, by a few samples a pixel. */
  function drawThumb(canvas, tiles) {
    const { width, height, columns, list } = tiles;
    const { TILE } = EaselCanvas;
    const scale = Math.max(width, height) / THUMB;
    const [w, h] = [Math.max(1, Math.round(width / scale)), Math.max(1, Math.round(height / scale))];
    const image = new ImageData(w, h);
    const steps = [1 / 6, 3 / 6, 5 / 6];
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const sum = [0, 0, 0, 0];
        for (const dy of steps) {
          for (const dx of steps) {
            const px = Math.min(width - 1, Math.floor((x + dx) * (width / w)));
            const py = Math.min(height - 1, Math.floor((y + dy) * (height / h)));
            const tile = list[Math.floor(py / TILE) * columns + Math.floor(px / TILE)];
            if (!tile) continue;
            const at = ((py % TILE) * TILE + (px % TILE)) * 4;
            for (let c = 0; c < 3; c++) sum[c] += tile[at + c] * tile[at + 3];
            sum[3] += tile[at + 3];
          }
        }
        const colour = sum[3] ? [sum[0] / sum[3], sum[1] / sum[3], sum[2] / sum[3], sum[3] / 9] : [0, 0, 0, 0];
        image.data.set(colour, (y * w + x) * 4);
      }
    }
    Object.assign(canvas, { width: w, height: h });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  class LayerPanel {
    constructor(actions) {
      this.actions = actions;
      this.rows = new Map(); // by layer id
      this.buttons = {
        add: button("layer-add", "New layer (N)", () => actions.addLayer()),
        up: button("layer-up", "Move the layer up", () => actions.moveLayer(1)),
        down: button("layer-down", "Move the layer down", () => actions.moveLayer(-1)),
        merge: button("layer-merge", "Merge with the layer below (M)", () => actions.mergeDown()),
        remove: button("layer-remove", "Delete the layer", () => actions.removeLayer(), { sign: "clear" }),
      };
      this.opacity = slider("layer-opacity", {
        label: "Layer opacity",
        text: "Opacity",
        min: 0,
        max: 100,
        shown: (value) => `${value} %`,
        oninput: (opacity) => actions.changeLayer({ opacity }),
        onchange: () => actions.endChange(),
      });
      this.list = make("ul", { class: "ec-layer-list", "aria-label": "Layers, topmost first" });
      this.ground = this.buildGround();
      const tools = make("div", { class: "ec-layer-tools" }, ...Object.values(this.buttons));
      const label = { class: "ec-layers", role: "group", "aria-label": "Layers", hidden: true };
      this.root = make("div", label, tools, this.opacity.row, this.list, this.ground);
    }

    /** The background's row: its colour, which may be any. */
    buildGround() {
      const set = (event) => this.actions.setBackground(event.target.value);
      const plain = (colour, label) =>
        make("button", {
          type: "button",
          class: "ec-swatch",
          style: `--swatch: ${colour}`,
          title: label,
          "aria-label": label,
          onclick: () => this.actions.setBackground(colour),
        });
      this.groundColour = make("input", {
        type: "color",
        "aria-label": "Background colour",
        title: "Background colour",
        onchange: set,
      });
      this.groundName = make("span", { class: "ec-layer-name", text: "Background" });
      this.groundPlain = [plain("#ffffff", "White background"), plain("#000000", "Black background")];
      return make(
        "div",
        { class: "ec-layer ec-ground" },
        this.groundName,
        ...this.groundPlain,
        this.groundColour,
      );
    }

    buildRow(id) {
      const { actions } = this;
      const index = () => actions.doc.layers.findIndex((layer) => layer.id === id);
      const eye = button("layer-eye", "Hide", () => actions.toggleLayer(index()), { sign: "eye" });
      const thumb = make("canvas", { class: "ec-thumb", "aria-hidden": "true" });
      const name = make("span", { class: "ec-layer-name" });
      const share = make("span", { class: "ec-layer-share" });
      const choose = make(
        "button",
        {
          type: "button",
          class: "ec-layer-choose",
          draggable: "true",
          title: "Double-click or F2: rename",
          onclick: () => actions.chooseLayer(index()),
          ondblclick: () => this.rename(id),
          onkeydown: (event) => event.key === "F2" && this.rename(id),
          ondragstart: (event) => {
            this.dragged = id;
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData("text/x-easel-layer", id);
          },
          ondragend: () => (this.dragged = null),
        },
        thumb,
        name,
        share,
      );
      const node = make(
        "li",
        {
          class: "ec-layer",
          ondragover: (event) => this.dragged && event.preventDefault(),
          ondrop: (event) => {
            if (!this.dragged) return;
            event.preventDefault();
            event.stopPropagation();
            actions.placeLayer(this.dragged, index());
          },
        },
        eye,
        choose,
      );
      return { node, eye, choose, thumb, name, share, version: -1, tiles: null };
    }

    rename(id) {
      const { actions } = this;
      const row = this.rows.get(id);
      const index = actions.doc.layers.findIndex((layer) => layer.id === id);
      const field = make("input", { class: "ec-rename", type: "text", maxlength: 60, "aria-label": "Layer name" });
      let open = true;
      const close = (keep) => {
        if (!open) return;
        open = false;
        field.replaceWith(row.choose);
        if (keep) actions.renameLayer(index, field.value);
        row.choose.focus();
      };
      field.value = actions.doc.layers[index].name;
      field.addEventListener("blur", () => close(true));
      field.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Enter" || event.key === "Escape") close(event.key === "Enter");
      });
      row.choose.replaceWith(field);
      field.select();
      field.focus();
    }

    /** Show a document's layers. */
    update(doc, open) {
      this.root.hidden = !open;
      if (!open) return;
      const { layers, active, background } = doc;
      for (const [id, row] of this.rows) {
        if (layers.some((layer) => layer.id === id)) continue;
        row.node.remove();
        this.rows.delete(id);
      }
      layers.toReversed().forEach((layer, place) => {
        if (!this.rows.has(layer.id)) this.rows.set(layer.id, this.buildRow(layer.id));
        const row = this.rows.get(layer.id);
        if (this.list.children[place] !== row.node) this.list.insertBefore(row.node, this.list.children[place] ?? null);
        this.showRow(row, layer, layer === layers[active]);
      });
      const { buttons } = this;
      buttons.add.disabled = layers.length >= EaselCanvas.MAX_LAYERS;
      buttons.up.disabled = active === layers.length - 1;
      buttons.down.disabled = buttons.merge.disabled = active === 0;
      buttons.remove.disabled = layers.length === 1;
      this.opacity.set(layers[active].opacity);
      const plain = background.kind === "colour";
      if (plain) this.groundColour.value = background.colour;
      for (const node of [this.groundColour, ...this.groundPlain]) node.hidden = !plain;
      this.groundName.textContent = plain ? t("Background") : background.name;
      this.groundName.title = this.groundName.textContent;
    }

    showRow(row, layer, chosen) {
      row.node.toggleAttribute("data-chosen", chosen);
      row.node.toggleAttribute("data-hidden", layer.hidden);
      if (chosen) row.choose.setAttribute("aria-current", "true");
      else row.choose.removeAttribute("aria-current");
      row.name.textContent = layer.name;
      row.share.textContent = layer.opacity < 100 ? `${layer.opacity} %` : "";
      const label = t(layer.hidden ? "Show {name}" : "Hide {name}", { name: layer.name });
      if (row.eye.title !== label) {
        row.eye.title = label;
        row.eye.setAttribute("aria-label", label);
        row.eye.replaceChildren(icon(layer.hidden ? "hidden" : "eye"));
      }
      if (row.tiles === layer.tiles && row.version === layer.tiles.version) return;
      Object.assign(row, { tiles: layer.tiles, version: layer.tiles.version });
      drawThumb(row.thumb, layer.tiles);
    }
  }

  Object.assign(EaselCanvas, { LayerPanel });
})();
