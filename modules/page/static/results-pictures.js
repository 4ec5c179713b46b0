/* The pictures of one tab: the large one, its thumbnails, its infotext, earlier jobs, what is selected.
 *
 * Draws records of jobs that it is handed; knows no polling and no route but the addresses in them.
 * Text from outside goes in by textContent alone.
 */
(() => {
  "use strict";
  const { make, address } = EaselDom;
  const RECENT = 12; // earlier jobs shown

  class Pictures {
    /** selected(): another picture, or another job, is shown. */
    constructor(root, tab, selected) {
      this.root = root;
      this.tab = tab;
      this.onSelect = selected;
      this.shown = null; // the job whose pictures are shown
      this.selected = 0;
      this.build();
    }

    build() {
      this.stage = make("div", "ez-stage", { role: "button", "aria-label": "Show the picture large" });
      this.main = make("img", "ez-main", { alt: "Selected picture", draggable: "true" });
      this.preview = make("img", "ez-preview", { alt: "" });
      // Shown only once there is something to see; a broken one never is.
      this.preview.addEventListener("load", () => this.root.classList.toggle("ez-has-preview", this.isLive));
      this.preview.addEventListener("error", () => this.root.classList.remove("ez-has-preview"));
      this.empty = make("div", "ez-empty");
      this.empty.textContent = "Pictures appear here";
      this.stage.append(this.main, this.preview, this.empty);
      this.stage.addEventListener("click", () => this.open());
      this.stage.addEventListener("keydown", (event) => {
        if (![" ", "Enter"].includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        this.open();
      });
      this.thumbs = make("div", "ez-thumbs", { role: "listbox", "aria-label": "Pictures of this job" });
      this.text = make("div", "ez-infotext", { id: `html_info_${this.tab}` });
      this.recent = make("div", "ez-recent", { role: "group", "aria-label": "Earlier jobs" });
      this.notes = make("div", "ez-notes");
      this.root.addEventListener("keydown", (event) => this.key(event));
    }

    /** The selected picture's record; undefined while there is none. */
    get item() {
      return this.shown?.items[this.selected];
    }

    drawPreview(job) {
      this.isLive = job.state === "running" && job.preview_n > 0;
      if (!this.isLive) this.root.classList.remove("ez-has-preview");
      if (this.isLive && this.preview.dataset.of !== `${job.id} ${job.preview_n}`) {
        this.preview.dataset.of = `${job.id} ${job.preview_n}`;
        this.preview.src = address(`easel/v1/jobs/${job.id}/preview?n=${job.preview_n}`);
      }
    }

    show(job) {
      if (this.shown?.id !== job.id) this.selected = 0;
      this.shown = job;
      this.thumbs.replaceChildren(
        ...job.items.map((item, place) => {
          const button = make("button", "ez-thumb", { type: "button", role: "option",
            "aria-label": `Picture ${place + 1}` });
          const image = make("img", "", { alt: "", loading: "lazy" });
          image.src = address(item.url);
          button.append(image);
          button.addEventListener("click", () => this.select(place));
          return button;
        }),
      );
      this.thumbs.hidden = job.items.length < 2;
      this.select(Math.min(this.selected, job.items.length - 1));
      this.note(job);
    }

    /** What is to be said of the job: warnings, and which pictures of a batch can't be used. */
    note(job) {
      const failures = (job.failures ?? []).map(({ name, message }) => `${name}: ${message}`);
      const text = [...failures, ...(job.warnings ?? [])].join("\n");
      if (this.notes.textContent !== text) this.notes.textContent = text;
    }

    select(place) {
      const item = this.shown?.items[place];
      this.root.classList.toggle("ez-has-picture", Boolean(item));
      this.stage.tabIndex = item ? 0 : -1;
      if (!item) return;
      this.selected = place;
      this.main.src = address(item.url);
      this.main.dataset.index = String(item.index);
      this.text.textContent = item.infotext;
      [...this.thumbs.children].forEach((thumb, at) =>
        thumb.setAttribute("aria-selected", String(at === place)));
      this.root.dataset.selected = String(place);
      this.root.dataset.count = String(this.shown.items.length);
      this.root.dataset.job = this.shown.id;
      this.onSelect();
    }

    drawRecent(jobs) {
      const done = jobs.filter((job) => job.items.length).slice(0, RECENT);
      this.recent.replaceChildren();
      for (const job of done.length > 1 ? done : []) {
        const prompt = String(job.request.prompt ?? "").slice(0, 120);
        const button = make("button", "ez-thumb", { type: "button", title: prompt || "no prompt" });
        const image = make("img", "", { alt: prompt, loading: "lazy" });
        image.src = address(job.items[0].url);
        button.append(image);
        if (job.items.length > 1) {
          const count = make("span", "ez-count");
          count.textContent = String(job.items.length);
          button.append(count);
        }
        button.addEventListener("click", () => this.show(job));
        this.recent.append(button);
      }
    }

    step(by) {
      const count = this.shown?.items.length;
      if (count) this.select((this.selected + by + count) % count);
    }

    key(event) {
      if (!this.shown || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      this.step(event.key === "ArrowRight" ? 1 : -1);
      const thumb = this.thumbs.children[this.selected];
      if (this.thumbs.contains(document.activeElement)) thumb?.focus();
      event.preventDefault();
    }

    open() {
      if (this.root.classList.contains("ez-has-preview") || !this.shown) return;
      EaselLightbox.open({
        address: () => this.main.src,
        label: () => `Picture ${this.selected + 1} of ${this.shown.items.length}`,
        step: (by) => this.step(by),
        save: () => EaselActions.save({ item: this.item }),
        onClose: () => this.stage.focus(),
      });
    }
  }

  window.EaselPictures = Pictures;
})();
