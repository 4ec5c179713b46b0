/* What is seen: the stage with the drawing at some zoom, and the brush's outline.
 *
 * The flattened picture lies in one buffer; only damaged tiles are recomputed and shown, once per
 * frame. Knows the current document; nothing of tools or undo.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const MIN_ZOOM = 0.05;
  const MAX_ZOOM = 32;
  const MARGIN = 8; // css pixels around a fitted picture

  class View {
    /** tint: null or {rgb, strength} to show the ink as a veil. onZoom(zoom): after each change. */
    constructor({ stage, canvas, cursor, tint, onZoom }) {
      Object.assign(this, { stage, canvas, cursor, tint, onZoom });
      this.context = canvas.getContext("2d");
      this.zoom = 1;
      this.x = 0;
      this.y = 0;
      this.fitted = true;
      this.damage = new Set();
      this.frame = 0;
      this.resizing = new ResizeObserver(() => (this.fitted ? this.fit() : this.place()));
      this.resizing.observe(stage);
      canvas.addEventListener("contextrestored", () => this.damaged());
    }

    destroy() {
      this.resizing.disconnect();
      cancelAnimationFrame(this.frame);
    }

    /** Show another document from scratch; keeps the zoom when the size is the same. */
    show(doc) {
      const resized = this.doc?.width !== doc.width || this.doc?.height !== doc.height;
      this.doc = doc;
      if (resized) {
        this.flat = new ImageData(doc.width, doc.height);
        this.canvas.width = doc.width;
        this.canvas.height = doc.height;
        this.stage.style.setProperty("--ec-ratio", `${doc.width} / ${doc.height}`);
        this.fit();
      }
      this.damaged();
    }

    /** Note that tiles (default: all) changed. */
    damaged(indexes = this.doc.layer.tiles.list.keys()) {
      for (const index of indexes) this.damage.add(index);
      if (this.damage.size && !this.frame) {
        this.frame = requestAnimationFrame(() => this.refresh());
      }
    }

    /** Bring the flattened picture up to date at once; answers its straight RGBA bytes. */
    refresh() {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      const { doc, damage, flat, tint } = this;
      if (damage.size) {
        const shown = doc.layers.filter((layer) => !layer.hidden && layer.opacity);
        for (const index of damage) EaselCanvas.flattenTile(flat.data, doc, index, shown, tint);
        for (const { x, y, w, h } of this.runs()) this.context.putImageData(flat, 0, 0, x, y, w, h);
      }
      damage.clear();
      return flat.data;
    }

    /** Damaged rectangles: tiles that lie side by side as one. */
    runs() {
      const { width, height, layer } = this.doc;
      if (this.damage.size === layer.tiles.list.length) return [{ x: 0, y: 0, w: width, h: height }];
      const found = [];
      for (const index of [...this.damage].sort((a, b) => a - b)) {
        const tile = EaselCanvas.tileBounds(index, width, height);
        const last = found.at(-1);
        if (last?.y === tile.y && last.x + last.w === tile.x) last.w += tile.w;
        else found.push(tile);
      }
      return found;
    }

    /** Picture coordinates (fractions of pixels, perhaps outside) of a pointer event. */
    locate(event) {
      const box = this.stage.getBoundingClientRect();
      return {
        x: (event.clientX - box.left - this.stage.clientLeft - this.x) / this.zoom,
        y: (event.clientY - box.top - this.stage.clientTop - this.y) / this.zoom,
      };
    }

    fit() {
      const { clientWidth, clientHeight } = this.stage;
      if (!clientWidth || !this.doc) return; // in a hidden tab there is nothing to fit into
      const { width, height } = this.doc;
      const wide = (clientWidth - 2 * MARGIN) / width;
      const high = (clientHeight - 2 * MARGIN) / height;
      this.zoom = Math.min(8, Math.max(MIN_ZOOM, Math.min(wide, high)));
      this.x = (clientWidth - width * this.zoom) / 2;
      this.y = (clientHeight - height * this.zoom) / 2;
      this.fitted = true;
      this.place();
    }

    /** Zoom to a factor about a point of the screen (default: the middle of the stage). */
    zoomTo(zoom, clientX, clientY) {
      const box = this.stage.getBoundingClientRect();
      const px = (clientX ?? box.left + box.width / 2) - box.left - this.stage.clientLeft;
      const py = (clientY ?? box.top + box.height / 2) - box.top - this.stage.clientTop;
      const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
      this.x = px - ((px - this.x) * next) / this.zoom;
      this.y = py - ((py - this.y) * next) / this.zoom;
      this.zoom = next;
      this.fitted = false;
      this.place();
    }

    pan(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.fitted = false;
      this.place();
    }

    place() {
      if (!this.doc) return;
      const { clientWidth, clientHeight } = this.stage;
      const keep = 32; // some of the picture stays in sight
      const right = this.doc.width * this.zoom;
      const bottom = this.doc.height * this.zoom;
      this.x = Math.min(clientWidth - keep, Math.max(keep - right, this.x));
      this.y = Math.min(clientHeight - keep, Math.max(keep - bottom, this.y));
      this.canvas.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
      this.canvas.style.setProperty("--ec-zoom", this.zoom);
      this.canvas.style.imageRendering = this.zoom >= 3 ? "pixelated" : "auto";
      this.onZoom(this.zoom);
    }

    /** Outline of a brush of `size` picture pixels at a pointer event; null hides it. */
    outline(event, size) {
      const style = this.cursor.style;
      const across = size * this.zoom;
      this.cursor.hidden = !event;
      if (!event) return;
      const box = this.stage.getBoundingClientRect();
      const x = event.clientX - box.left - this.stage.clientLeft - across / 2;
      const y = event.clientY - box.top - this.stage.clientTop - across / 2;
      style.width = style.height = `${across}px`;
      style.transform = `translate(${x}px, ${y}px)`;
    }
  }

  Object.assign(EaselCanvas, { View });
})();
