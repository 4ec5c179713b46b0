/* One picture over the whole page: arrows or a swipe turn, S saves, T tiles, the wheel or + and - zoom,
 * dragging moves a zoomed one, Esc or a click closes.
 *
 * Knows nothing of jobs: it asks its caller for the address of the picture to show.
 */
(() => {
  "use strict";
  const { AHEAD, BACK, make, svg } = EaselDom;
  const LARGEST = 16;
  const SWIPE = 50; // pixels
  const options = { fits: true, icons: 1, toolbar: 0.9, pad: 0 }; // pad: ms between a gamepad's turns
  let now = null; // the one that is open

  const icons = {
    zoom: "M11 4a7 7 0 1 0 0 14 7 7 0 1 0 0-14M16 16l5 5M8 11h6M11 8v6",
    tile: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
    save: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
    close: "M6 6l12 12M18 6 6 18",
    before: "M15 5l-7 7 7 7",
    after: "M9 5l7 7-7 7",
  };

  class Viewer {
    /** asked: {of, address(), label(), count(), step(by), save(), onClose()}. */
    constructor(asked) {
      this.asked = asked;
      this.box = make("dialog", "ez-lightbox", { tabindex: "-1" });
      this.box.style.setProperty("--icons", options.icons);
      this.box.style.setProperty("--toolbar", options.toolbar);
      this.image = make("img", options.fits ? "" : "ez-natural", { draggable: "false" });
      this.tiles = make("div", "ez-tiles", { hidden: "" });
      this.box.append(this.image, this.tiles, this.toolbar());
      if (asked.count() > 1) this.box.append(...this.arrows());
      this.rest();
      this.listen();
    }

    toolbar() {
      const bar = make("div", "ez-lightbox-bar");
      this.words = make("span", "", { "aria-live": "polite" });
      bar.append(this.words,
        this.button(t("Zoom"), icons.zoom, () => this.scale(this.zoom > 1 ? 0 : 2)),
        this.button(t("Tile"), icons.tile, () => this.tile()),
        this.button(t("Download"), icons.save, () => this.asked.save()),
        this.button(t("Close"), icons.close, () => this.box.close()));
      return bar;
    }

    arrows() {
      const before = this.button(t("Previous picture"), icons.before, () => this.turn(-1));
      const after = this.button(t("Next picture"), icons.after, () => this.turn(1));
      before.classList.add("ez-turn", "ez-before");
      after.classList.add("ez-turn", "ez-after");
      return [before, after];
    }

    button(label, icon, run) {
      const button = make("button", "", { type: "button", title: label, "aria-label": label });
      button.append(svg(icon));
      button.addEventListener("click", run);
      return button;
    }

    rest() {
      this.zoom = 1;
      this.at = [0, 0]; // how far the picture is moved, in pixels
      this.place();
    }

    place() {
      const [x, y] = this.at;
      this.image.style.transform = this.zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${this.zoom})`;
      this.box.classList.toggle("ez-zoomed", this.zoom > 1);
    }

    /** Zoom by `factor` (0: back to the whole picture); what is at (x, y) of the window stays there. */
    scale(factor, x = innerWidth / 2, y = innerHeight / 2) {
      if (!factor) return this.rest();
      const zoom = Math.min(LARGEST, Math.max(1, this.zoom * factor));
      const [dx, dy] = [x - innerWidth / 2 - this.at[0], y - innerHeight / 2 - this.at[1]];
      const by = zoom / this.zoom - 1;
      this.at = zoom === 1 ? [0, 0] : [this.at[0] - dx * by, this.at[1] - dy * by];
      this.zoom = zoom;
      this.place();
    }

    turn(by) {
      this.asked.step(by);
      this.rest();
      this.draw();
    }

    /** Three by three of it, as a wall would show a texture. */
    tile() {
      this.tiles.hidden = !this.tiles.hidden;
      this.image.hidden = !this.tiles.hidden;
      this.rest();
      this.draw();
    }

    draw() {
      const [address, label] = [this.asked.address(), this.asked.label()];
      this.image.src = address;
      this.image.alt = label;
      this.tiles.style.backgroundImage = `url("${address}")`;
      this.box.setAttribute("aria-label", label);
      this.words.textContent = this.asked.count() > 1 ? label : "";
    }

    listen() {
      const keys = {
        [BACK]: () => this.turn(-1),
        [AHEAD]: () => this.turn(1),
        s: () => this.asked.save(),
        t: () => this.tile(),
        "+": () => this.scale(1.25),
        "-": () => this.scale(0.8),
        0: () => this.rest(),
      };
      this.box.addEventListener("keydown", (event) => {
        const action = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
        if (!action) return;
        event.preventDefault();
        event.stopPropagation();
        action();
      });
      this.box.addEventListener("wheel", (event) => {
        event.preventDefault();
        this.scale(event.deltaY < 0 ? 1.25 : 0.8, event.clientX, event.clientY);
      }, { passive: false });
      this.box.addEventListener("pointerdown", (event) => this.down(event));
      this.box.addEventListener("close", () => {
        now = null;
        this.leavePad?.();
        this.box.remove();
        this.asked.onClose();
      });
    }

    /** A drag moves what is zoomed, else turns the page; a press that stays in place closes. */
    down(event) {
      if (event.button || event.target.closest("button")) return;
      const [x, y, from] = [event.clientX, event.clientY, this.at];
      let moved = false;
      const move = (each) => {
        moved ||= Math.hypot(each.clientX - x, each.clientY - y) > 5;
        if (this.zoom === 1 || !moved) return;
        this.at = [from[0] + each.clientX - x, from[1] + each.clientY - y];
        this.place();
      };
      const up = (each) => {
        this.box.removeEventListener("pointermove", move);
        const far = each.clientX - x;
        if (!moved) this.box.close();
        else if (this.zoom === 1 && Math.abs(far) > SWIPE) this.turn(far < 0 ? 1 : -1);
      };
      this.box.addEventListener("pointermove", move);
      this.box.addEventListener("pointerup", up, { once: true });
      this.box.addEventListener("pointercancel", () => this.box.removeEventListener("pointermove", move), { once: true });
    }
  }

  function open(asked) {
    now = new Viewer(asked);
    document.body.append(now.box);
    now.draw();
    now.box.showModal();
    const one = now;
    if (options.pad) one.leavePad = EaselGamepad.follow((by) => { if (one.asked.count() > 1) one.turn(by); }, options.pad);
    now.box.focus(); // the keys are the whole view's
  }

  EaselShortcuts?.add([
    { keys: [BACK], where: "In the large view", text: "Previous picture" },
    { keys: [AHEAD], where: "In the large view", text: "Next picture" },
    { keys: ["s"], where: "In the large view", text: "Download" },
    { keys: ["t"], where: "In the large view", text: "Three by three, to see whether edges fit" },
    { keys: ["+", "-", "0"], where: "In the large view", text: "Zoom in, out, back" },
  ]);

  window.EaselLightbox = {
    open,
    /** What `of` shows has changed. */
    redraw: (of) => { if (now?.asked.of === of) now.draw(); },
    configure: (state) => Object.assign(options, {
      fits: state.viewer_fits ?? true, icons: state.viewer_icons ?? 1, toolbar: state.viewer_toolbar ?? 0.9,
      pad: state.viewer_pad ?? 0,
    }),
  };
})();
