/* Two pictures over each other with a slider between them: one with another, or before and after.
 *
 * Knows no jobs: its caller hands over what can be compared, as {id, label, url, width, height}.
 */
(() => {
  "use strict";
  const { make, svg } = EaselDom;
  const LARGEST = 16;
  const icons = { close: "M6 6l12 12M18 6 6 18", swap: "M4 8h14m-4-4 4 4-4 4M20 16H6m4-4-4 4 4 4" };

  class Comparison {
    constructor(pictures, left, right, onClose) {
      this.pictures = pictures;
      this.chosen = { left, right };
      this.zoom = 1;
      this.box = make("dialog", "ez-compare", { "aria-labelledby": "ez_compare_title" });
      this.box.append(this.head(), this.stage(), this.strip("left", t("Left")), this.strip("right", t("Right")));
      this.box.addEventListener("close", () => {
        this.box.remove();
        onClose();
      });
      this.draw();
      this.divide(50);
    }

    head() {
      const head = make("header");
      const title = make("h2", "", { id: "ez_compare_title" });
      title.textContent = t("Compare");
      const tool = (label, icon, run) => {
        const button = make("button", "", { type: "button", title: label, "aria-label": label });
        button.append(svg(icon));
        button.addEventListener("click", run);
        return button;
      };
      head.append(title, tool(t("Swap"), icons.swap, () => this.swap()),
        tool(t("Close"), icons.close, () => this.box.close()));
      return head;
    }

    stage() {
      const stage = make("div", "ez-compare-stage");
      this.frame = make("div", "ez-compare-frame");
      this.images = {};
      this.captions = {};
      for (const side of ["left", "right"]) {
        const half = make("div", `ez-compare-half ez-compare-${side}`);
        this.images[side] = make("img", "", { draggable: "false", alt: "" });
        half.append(this.images[side]);
        this.captions[side] = make("span", `ez-compare-caption ez-compare-${side}`);
        this.frame.append(half);
      }
      this.line = make("i", "ez-compare-line");
      this.range = make("input", "", { type: "range", min: "0", max: "100", step: "0.5",
        "aria-label": t("Where the two pictures meet") });
      this.range.addEventListener("input", () => this.divide(Number(this.range.value)));
      this.frame.append(this.captions.left, this.captions.right, this.line, this.range);
      this.frame.addEventListener("pointerdown", (event) => this.drag(event));
      this.frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      stage.append(this.frame);
      return stage;
    }

    /** The pictures to choose a side's from. */
    strip(side, words) {
      const row = make("div", "ez-compare-strip", { role: "group", "aria-label": words });
      const label = make("span");
      label.textContent = words;
      const list = make("div", "ez-compare-list");
      for (const picture of this.pictures) {
        const button = make("button", "ez-thumb", { type: "button", title: picture.label, "data-id": picture.id,
          "aria-label": picture.label });
        const image = make("img", "", { alt: "", loading: "lazy", src: picture.url });
        // A start picture may be forgotten by now.
        image.addEventListener("error", () => button.remove());
        button.append(image);
        button.addEventListener("click", () => {
          this.chosen[side] = picture;
          this.draw();
        });
        list.append(button);
      }
      row.append(label, list);
      return row;
    }

    draw() {
      const { left, right } = this.chosen;
      for (const side of ["left", "right"]) {
        this.images[side].src = this.chosen[side].url;
        this.images[side].alt = this.chosen[side].label;
        this.captions[side].textContent = this.chosen[side].label;
        const strip = this.box.querySelectorAll(".ez-compare-strip")[side === "left" ? 0 : 1];
        strip?.querySelectorAll("button").forEach((button) =>
          button.setAttribute("aria-pressed", String(button.dataset.id === this.chosen[side].id)));
      }
      const { width, height } = right.width ? right : left;
      this.frame.style.setProperty("--ratio", String(width / height || 1));
      Object.assign(this.box.dataset, { left: left.id, right: right.id });
    }

    swap() {
      this.chosen = { left: this.chosen.right, right: this.chosen.left };
      this.draw();
    }

    /** percent: 0 shows the right picture alone, 100 the left one. */
    divide(percent) {
      const at = Math.min(100, Math.max(0, percent));
      this.frame.style.setProperty("--at", `${at}%`);
      this.range.value = String(at);
      this.box.dataset.at = String(Math.round(at));
    }

    drag(event) {
      if (event.button) return;
      const to = (each) => {
        const { left, width } = this.frame.getBoundingClientRect();
        this.divide(((each.clientX - left) / width) * 100);
      };
      event.preventDefault();
      this.range.focus({ preventScroll: true });
      try {
        this.frame.setPointerCapture(event.pointerId);
      } catch {} // a pointer that is gone already
      to(event);
      this.frame.addEventListener("pointermove", to);
      const end = () => this.frame.removeEventListener("pointermove", to);
      this.frame.addEventListener("pointerup", end, { once: true });
      this.frame.addEventListener("pointercancel", end, { once: true });
    }

    /** Both pictures grow alike, around what is under the pointer. */
    wheel(event) {
      event.preventDefault();
      const { left, top, width, height } = this.frame.getBoundingClientRect();
      if (this.zoom === 1) {
        const origin = `${((event.clientX - left) / width) * 100}% ${((event.clientY - top) / height) * 100}%`;
        this.frame.style.setProperty("--origin", origin);
      }
      this.zoom = Math.min(LARGEST, Math.max(1, this.zoom * (event.deltaY < 0 ? 1.25 : 0.8)));
      this.frame.style.setProperty("--zoom", String(this.zoom));
    }
  }

  /** pictures: all that can be chosen; left and right: those to begin with, out of them. */
  function open({ pictures, left, right, onClose }) {
    const made = new Comparison(pictures, left, right, onClose);
    document.body.append(made.box);
    made.box.showModal();
    made.range.focus();
  }

  EaselShortcuts.add([
    { keys: ["ArrowLeft", "ArrowRight"], where: "Comparing", text: "Move the line between the pictures" },
  ]);
  window.EaselCompare = { open };
})();
