/* From events to intentions: pointer, touch, wheel, keyboard, drop and paste.
 *
 * Which key means what stands in canvas-keys.js. Keys act only while the pointer is over the canvas or it has the focus, and never while the
 * event's target is a text field. Calls the controller; changes no pixel itself.
 */
(() => {
  "use strict";
  const EaselCanvas = (window.EaselCanvas ??= {});

  const MODIFIER = { alt: "altKey", ctrl: "ctrlKey", shift: "shiftKey", meta: "metaKey" };
  const NO_TEXT = ["range", "color", "checkbox", "radio", "button", "submit", "file"];
  const PICTURE = /^image\//;
  const DROPPED = ["Files", "text/uri-list", "text/plain", "text/html"];
  const TAKEN = "The canvas takes a picture: a file, or one dragged from this page.";

  function isTextField(node) {
    if (!(node instanceof Element)) return false;
    if (node.closest("textarea, select") || node.isContentEditable) return true;
    return node instanceof HTMLInputElement && !NO_TEXT.includes(node.type);
  }

  /** The letter of a key, by position where the layout has no Latin letters. */
  function letterOf(event) {
    if (event.key.length === 1 && event.key.charCodeAt(0) < 128) return event.key.toLowerCase();
    if (event.code === "BracketLeft") return "[";
    if (event.code === "BracketRight") return "]";
    return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : event.key.toLowerCase();
  }

  class Input {
    constructor(controller, root, stage, hotkeys = {}) {
      Object.assign(this, { controller, root, stage });
      this.hovered = false;
      this.moving = false; // the move key is down
      this.mode = null; // "draw", "pan" or "pinch" while a pointer is down
      this.touches = new Map();
      this.setHotkeys(hotkeys);
      this.ending = new AbortController();
      this.listen();
    }

    /** hotkeys: as in canvas-keys.js; "" switches one off. */
    setHotkeys(hotkeys) {
      const chosen = { ...EaselCanvas.HOTKEYS, ...hotkeys };
      const modifier = (name, usual) => chosen[name] && (MODIFIER[chosen[name].toLowerCase()] ?? usual);
      this.zoomKey = modifier("zoom", "altKey");
      this.adjustKey = modifier("adjust", "ctrlKey");
      this.moveKey = chosen.move.toLowerCase();
      const rows = EaselCanvas.shortcutsFor(chosen);
      this.keys = Object.assign({}, ...rows.map((row) => row.on));
    }

    destroy() {
      this.ending.abort();
    }

    listen() {
      const { root, stage } = this;
      const signal = this.ending.signal;
      const on = (node, events) => {
        for (const [name, handle] of Object.entries(events)) {
          const capture = node === window;
          node.addEventListener(name, handle.bind(this), { signal, capture, passive: false });
        }
      };
      on(stage, {
        pointerdown: this.pointerDown,
        pointermove: this.pointerMove,
        pointerup: this.pointerUp,
        pointercancel: this.pointerUp,
        pointerleave: () => this.controller.hover(null),
        wheel: this.wheel,
        contextmenu: (event) => event.preventDefault(),
        auxclick: (event) => event.preventDefault(),
      });
      on(root, {
        pointerenter: () => this.enter(),
        pointerleave: () => (this.hovered = false),
        dragover: this.dragOver,
        dragleave: () => root.removeAttribute("data-drop"),
        drop: this.drop,
      });
      on(window, {
        keydown: this.keyDown,
        keyup: this.keyUp,
        blur: () => this.setMoving(false),
        paste: this.paste,
      });
    }

    enter() {
      this.hovered = true;
      const typing = document.activeElement;
      if (this.controller.blursTyping && isTextField(typing) && !this.root.contains(typing)) typing.blur();
    }

    get active() {
      const shown = this.root.offsetParent !== null || this.controller.fullscreen;
      return shown && (this.hovered || this.root.contains(document.activeElement));
    }

    // -- pointer ---------------------------------------------------------------------------

    pointerDown(event) {
      if (event.target.closest(".ec-hint")) return;
      const touch = event.pointerType === "touch";
      if (touch) this.touches.set(event.pointerId, event);
      if (this.touches.size === 2 && touch) return this.pinchStart();
      if (this.mode) return;
      const eraser = event.pointerType === "pen" && event.button === 5;
      if (event.button > 1 && !eraser) return;
      event.preventDefault();
      this.stage.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.last = event;
      if (event.button === 1 || this.moving || this.controller.tool === "pan") this.mode = "pan";
      else if (this.controller.press(event, { erase: eraser, shift: event.shiftKey, pick: event.altKey })) {
        this.mode = "draw";
      }
      this.stage.toggleAttribute("data-panning", this.mode === "pan");
    }

    pointerMove(event) {
      if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, event);
      if (event.pointerType !== "touch") this.controller.hover(event);
      if (this.mode === "pinch") return this.pinchMove();
      if (!this.mode || event.pointerId !== this.pointer) return;
      if (this.mode === "draw") {
        const fine = event.getCoalescedEvents?.() ?? [];
        this.controller.tools.drag(fine.length ? fine : [event]);
      } else {
        const { last } = this;
        this.controller.pan(event.clientX - last.clientX, event.clientY - last.clientY);
      }
      this.last = event;
    }

    pointerUp(event) {
      this.touches.delete(event.pointerId);
      if (this.mode === "pinch") {
        if (!this.touches.size) this.mode = null;
        return;
      }
      if (!this.mode || event.pointerId !== this.pointer) return;
      if (this.mode === "draw") this.controller.tools.release(event);
      this.mode = null;
      this.stage.removeAttribute("data-panning");
    }

    /** A second finger: what the first one drew was no stroke. */
    pinchStart() {
      if (this.mode === "draw") this.controller.tools.abort();
      this.mode = "pinch";
      this.pinch = this.fingers();
    }

    fingers() {
      const [a, b] = [...this.touches.values()];
      return {
        x: (a.clientX + b.clientX) / 2,
        y: (a.clientY + b.clientY) / 2,
        apart: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)),
      };
    }

    pinchMove() {
      if (this.touches.size < 2) return;
      const now = this.fingers();
      this.controller.pan(now.x - this.pinch.x, now.y - this.pinch.y);
      this.controller.zoomBy(now.apart / this.pinch.apart, now.x, now.y);
      this.pinch = now;
    }

    wheel(event) {
      const way = Math.sign(-(event.deltaY || event.deltaX));
      if (this.adjustKey && event[this.adjustKey]) this.controller.growBrush(way);
      else if ((this.zoomKey && event[this.zoomKey]) || this.controller.fullscreen) {
        this.controller.zoomBy(1.15 ** way, event.clientX, event.clientY);
      } else return; // a plain wheel scrolls the page
      event.preventDefault();
      this.controller.hover(event);
    }

    // -- keyboard --------------------------------------------------------------------------

    keyDown(event) {
      if (!this.active || isTextField(event.target) || event.isComposing) return;
      if (this.command(event)) {
        event.preventDefault();
        event.stopImmediatePropagation(); // another canvas may have the focus
      }
    }

    /** Do what the key asks; true when it asks for something. */
    command(event) {
      const letter = letterOf(event);
      const held = event.ctrlKey || event.metaKey;
      if (event.altKey) return false;
      if (event.key === "Escape" && !held) return this.controller.escape();
      const space = letter === " " && !event.target.closest?.("button, input, summary");
      if (!held && (space || (letter === this.moveKey && this.moveKey))) {
        this.setMoving(true);
        return true;
      }
      const act = this.keys[held ? `ctrl+${event.shiftKey ? "shift+" : ""}${letter}` : letter];
      if (!act) return false;
      act(this.controller);
      return true;
    }

    keyUp(event) {
      const letter = letterOf(event);
      if (this.moving && (letter === this.moveKey || letter === " ")) this.setMoving(false);
    }

    setMoving(on) {
      this.moving = on;
      this.stage.toggleAttribute("data-moving", on);
      if (on) this.controller.hover(null);
    }

    // -- pictures from outside ---------------------------------------------------------------

    /** Whatever comes is taken, so that what is no picture gets an answer; a layer being moved and
     * text dropped into a field are not. */
    isMeant(event) {
      const kinds = [...event.dataTransfer.types];
      return kinds.some((kind) => DROPPED.includes(kind)) && !isTextField(event.target);
    }

    dragOver(event) {
      if (!this.isMeant(event)) return;
      event.preventDefault();
      event.stopPropagation();
      this.root.setAttribute("data-drop", "");
    }

    drop(event) {
      this.root.removeAttribute("data-drop");
      if (!this.isMeant(event)) return;
      event.preventDefault();
      event.stopPropagation();
      const { files } = event.dataTransfer;
      const file = [...files].find((each) => PICTURE.test(each.type));
      const url = event.dataTransfer.getData("text/uri-list").split("\n")[0];
      if (file || url) this.controller.open(file ?? url);
      else if (files.length) this.controller.say("{name} is no picture. {taken}", true, {
        name: files[0].name, taken: EaselCanvas.translate(TAKEN) });
      else this.controller.say(TAKEN, true);
    }

    paste(event) {
      if (!this.active || isTextField(event.target)) return;
      const file = [...(event.clipboardData?.files ?? [])].find((each) => PICTURE.test(each.type));
      if (!file) return;
      event.preventDefault();
      event.stopPropagation();
      this.controller.open(file);
    }
  }

  Object.assign(EaselCanvas, { Input });
})();
