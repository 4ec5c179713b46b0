/* What the hand does beside drawing: tool, colours, brush, and the view; verbs of the controller.
 *
 * None of these changes the drawing. Which button, key or gesture asks is not their business.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const MAX_BRUSH = 400; // pixels

  const handVerbs = {
    /** brush, eraser, fill, line, rectangle, ellipse, shape (the last of these three), pick, pan. */
    setTool(tool) {
      if (this.tools.stroke || !this.draws || (this.masks && tool === "pick")) return;
      if (tool === "shape") tool = this.shape;
      if (EaselCanvas.SHAPES.includes(tool)) this.shape = tool;
      this.tool = tool;
      if (tool !== "pick" && tool !== "pan") this.painter = tool;
      if (tool !== "brush" && tool !== "eraser") this.hover(null);
      this.update();
    },

    setColour(text) {
      const rgb = EaselCanvas.parseColour(text);
      if (rgb) this.colour = EaselCanvas.formatColour(rgb);
      else this.say('"{text}" is no colour; write it as #rrggbb', true, { text });
      if (rgb && this.tool === "eraser") this.setTool("brush");
      this.controls.hex.value = this.colour;
      this.update();
    },

    swapColours() {
      [this.colour, this.second] = [this.second, this.colour];
      this.update();
    },

    /** Any of size (1..MAX_BRUSH pixels), opacity, softness (0..1), tolerance (0..255), filled,
     * pressure ("size", "opacity", "both" or "off"). */
    setBrush(change) {
      this.brush = { ...this.brush, ...change };
      this.brush.size = Math.min(MAX_BRUSH, Math.max(1, Math.round(this.brush.size)));
      this.update();
      if (this.hovering) this.hover(this.hovering);
    },

    growBrush(way) {
      const { size } = this.brush;
      this.setBrush({ size: size + way * Math.max(1, Math.round(size / 10)) });
    },

    hover(event) {
      const draws = this.tool === "brush" || this.tool === "eraser";
      this.hovering = draws && !this.input?.moving ? event : null;
      this.view.outline(this.hovering, this.brush.size);
    },

    fit() {
      this.view.fit();
    },

    pan(dx, dy) {
      this.view.pan(dx, dy);
    },

    zoomTo(zoom, x, y) {
      this.view.zoomTo(zoom, x, y);
    },

    zoomBy(factor, x, y) {
      this.view.zoomTo(this.view.zoom * factor, x, y);
    },

    toggleFullscreen(on = !this.fullscreen) {
      this.fullscreen = on;
      this.root.dataset.fullscreen = String(on);
      document.documentElement.classList.toggle("easel-canvas-fullscreen", on);
      this.view.fit();
      this.update();
    },

    /** hotkeys as in canvas-keys.js; blursTyping: the pointer over the canvas ends typing. */
    configure({ hotkeys, blursTyping = false }) {
      this.input.setHotkeys(hotkeys);
      this.blursTyping = blursTyping;
    },

    /** Escape: give up the stroke, else leave the full window; false when there is neither. */
    escape() {
      if (this.tools.abort()) return true;
      if (!this.fullscreen) return false;
      this.toggleFullscreen(false);
      return true;
    },
  };

  Object.assign(EaselCanvas, { handVerbs, MAX_BRUSH });
})();
