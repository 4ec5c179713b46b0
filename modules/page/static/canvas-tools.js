/* What a pointer does with the chosen tool: strokes, shapes, the bucket, picking a colour.
 *
 * Sees pointer events only for their position, kind and pressure; asks the controller for the
 * document, the brush and the view, and hands it the finished change.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const DRAG = 4; // css pixels from which a press is a drag, not a click
  const SHAPES = ["line", "rectangle", "ellipse"];

  /** The end of a drag with shift: a line at 45 degrees, a square, a circle. */
  function regular(shape, from, to) {
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    if (shape === "line") {
      const angle = (Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * Math.PI) / 4;
      const long = Math.hypot(dx, dy);
      return { ...to, x: from.x + Math.cos(angle) * long, y: from.y + Math.sin(angle) * long };
    }
    const side = Math.max(Math.abs(dx), Math.abs(dy));
    return { ...to, x: from.x + Math.sign(dx) * side, y: from.y + Math.sign(dy) * side };
  }

  class Tools {
    constructor(controller) {
      this.controller = controller;
      this.stroke = null;
      this.picking = false;
      this.lineEnd = null; // where shift + click draws from
    }

    /** A pointer went down on the stage; true when its moves are wanted. */
    press(event, { erase, shift, pick }) {
      const { tool, colour, brush, doc, masks } = this.controller;
      const point = this.locate(event);
      this.picking = tool === "pick" || (pick && !masks);
      if (this.picking) {
        this.pick(point);
        return true;
      }
      if (doc.layer.hidden) {
        const { name } = doc.layer;
        this.controller.say("{name} is hidden: show it, or choose another layer", false, { name });
        return false;
      }
      if (tool === "fill") return this.fill(point);
      const rgb = EaselCanvas.parseColour(colour);
      this.shape = SHAPES.includes(tool) ? tool : shift ? "line" : "";
      this.freehand = !SHAPES.includes(tool);
      this.moved = false;
      this.started = point;
      const paint = { ...brush, rgb, erase: erase || tool === "eraser" };
      this.stroke = new EaselCanvas.Stroke(doc, paint);
      if (this.freehand) this.show(this.stroke.start(point));
      else this.stroke.anchor = this.stroke.last = this.stroke.tip = this.stroke.dab(point);
      return true;
    }

    drag(events) {
      const points = events.map((event) => this.locate(event));
      const end = points.at(-1);
      if (this.picking) return this.pick(end);
      if (!this.stroke) return;
      if (!this.shape) return this.show(this.stroke.moveThrough(points));
      const way = Math.hypot(end.x - this.started.x, end.y - this.started.y);
      this.moved ||= way * this.controller.view.zoom > DRAG;
      if (!this.moved) return;
      const bound = !this.freehand && events.at(-1).shiftKey;
      const to = bound ? regular(this.shape, this.started, end) : end;
      this.show(this.stroke.shapeTo(this.shape, to));
    }

    release(event) {
      const { stroke, controller } = this;
      if (this.picking) {
        this.picking = false;
        controller.setTool(controller.painter);
      }
      if (!stroke) return;
      if (this.freehand && this.shape && !this.moved && this.lineEnd) {
        stroke.anchor = stroke.dab(this.lineEnd);
        this.show(stroke.shapeTo("line", this.locate(event)));
      }
      this.show(stroke.finish());
      this.stroke = null;
      if (this.freehand || this.shape === "line") this.lineEnd = { ...stroke.last };
      if (stroke.change.tiles.size) controller.commit(stroke.change); // else it passed beside
    }

    /** Give up the stroke that is being drawn; false when there is none. */
    abort() {
      if (!this.stroke) return false;
      this.show(this.stroke.abort());
      this.stroke = null;
      return true;
    }

    show(indexes) {
      this.controller.view.damaged(indexes);
    }

    locate(event) {
      const { controller } = this;
      const point = controller.view.locate(event);
      if (event.pointerType === "pen") {
        controller.controls.pressure.hidden = false;
        const mode = controller.brush.pressure;
        const force = event.pressure ? 0.1 + 0.9 * event.pressure : 1;
        if (mode === "size" || mode === "both") point.width = force;
        if (mode === "opacity" || mode === "both") point.strength = force;
      }
      return point;
    }

    inside({ x, y }) {
      const [width, height] = this.controller.size;
      return x >= 0 && y >= 0 && x < width && y < height;
    }

    fill(point) {
      if (!this.inside(point)) return false;
      const { doc, view, colour, brush } = this.controller;
      const paint = { rgb: EaselCanvas.parseColour(colour), opacity: brush.opacity };
      const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
      const change = EaselCanvas.fillRegion(doc, view.refresh(), x, y, paint, brush.tolerance);
      if (change.tiles.size) this.controller.commit(change);
      return false;
    }

    pick(point) {
      if (!this.inside(point)) return;
      const { doc, view } = this.controller;
      const at = (Math.floor(point.y) * doc.width + Math.floor(point.x)) * 4;
      const pixel = view.refresh().slice(at, at + 3);
      this.controller.setColour(EaselCanvas.formatColour([...pixel]));
    }
  }

  Object.assign(EaselCanvas, { Tools, SHAPES });
})();
