/* What a pointer does with the chosen tool: strokes, straight lines, the bucket, picking a colour.
 *
 * Sees pointer events only for their position, kind and pressure; asks the controller for the
 * document, the brush and the view, and hands it the finished change.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});
  const DRAG = 4; // css pixels from which shift + press is a drag, not a click

  class Tools {
    constructor(controller) {
      this.controller = controller;
      this.stroke = null;
      this.picking = false;
      this.lineEnd = null; // where shift + click draws from
    }

    /** A pointer went down on the stage; true when its moves are wanted. */
    press(event, { erase, line }) {
      const { tool, colour, brush, doc, mask } = this.controller;
      const point = this.locate(event);
      if (tool === "fill") return this.fill(point);
      this.picking = tool === "pick";
      if (this.picking) {
        this.pick(point);
        return true;
      }
      const rgb = EaselCanvas.parseColour(colour);
      this.stroke = new EaselCanvas.Stroke(doc, mask, {
        ...brush,
        rgb,
        erase: erase || tool === "eraser",
      });
      this.straight = line;
      this.moved = false;
      this.started = point;
      this.show(this.stroke.start(point));
      return true;
    }

    drag(events) {
      const points = events.map((event) => this.locate(event));
      const end = points.at(-1);
      if (this.picking) return this.pick(end);
      if (!this.stroke) return;
      if (this.straight) {
        const way = Math.hypot(end.x - this.started.x, end.y - this.started.y);
        this.moved ||= way * this.controller.view.zoom > DRAG;
        if (this.moved) this.show(this.stroke.lineTo(end));
      } else {
        for (const point of points) this.show(this.stroke.moveTo(point));
      }
    }

    release(event) {
      const { stroke, controller } = this;
      if (this.picking) {
        this.picking = false;
        controller.setTool(controller.painter);
      }
      if (!stroke) return;
      if (this.straight && !this.moved && this.lineEnd) {
        stroke.anchor = stroke.dab(this.lineEnd);
        this.show(stroke.lineTo(this.locate(event)));
      }
      this.show(stroke.finish());
      this.stroke = null;
      this.lineEnd = { ...stroke.last };
      if (stroke.snapshot.rect) controller.commit(stroke.snapshot); // else it passed beside
    }

    /** Give up the stroke that is being drawn; false when there is none. */
    abort() {
      if (!this.stroke) return false;
      this.show(this.stroke.abort());
      this.stroke = null;
      return true;
    }

    show(rect) {
      if (rect) this.controller.view.damaged(rect);
    }

    locate(event) {
      const { controller } = this;
      const point = controller.view.locate(event);
      if (event.pointerType === "pen") {
        controller.controls.pressure.hidden = false;
        if (controller.brush.pressure && event.pressure) {
          point.pressure = 0.1 + 0.9 * event.pressure;
        }
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
      const flat = view.refresh();
      this.controller.commit(EaselCanvas.fillRegion(doc, flat, x, y, paint, brush.tolerance));
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

  Object.assign(EaselCanvas, { Tools });
})();
