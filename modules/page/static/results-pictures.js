/* The pictures of one tab: the large one, its thumbnails, its infotext, earlier jobs, what is selected.
 *
 * Draws records of jobs that it is handed; knows no polling and no route but the addresses in them.
 * Text from outside goes in by textContent alone.
 */
(() => {
  "use strict";
  const { make, address } = EaselDom;
  const RECENT = 12; // earlier jobs shown
  const OTHERS = 40; // pictures of them to compare with
  const isGrid = ({ item }) => item.index < 0;
  const options = { grid: true, viewer: true, livePreviewInViewer: false, hidden: false, height: "" };

  /** The picture under the pointer goes out of the browser as its file, under its own name. */
  function dragsOut(node, entry) {
    node.draggable = true;
    node.addEventListener("dragstart", (event) => {
      const item = entry()?.item;
      if (!item) return;
      const url = address(item.url);
      event.dataTransfer.effectAllowed = "copyLink";
      event.dataTransfer.setData("text/uri-list", url);
      event.dataTransfer.setData("DownloadURL", `${item.mime}:${item.file_name}:${url}`);
    });
  }

  class Pictures {
    /** selected(): another picture, or another job, is shown. */
    constructor(root, tab, selected) {
      this.root = root;
      this.tab = tab;
      this.onSelect = selected;
      this.family = new EaselFamily.Family();
      this.shown = null; // the job whose pictures are shown
      this.entries = []; // {job, item} of all that are shown with it
      this.selected = 0;
      this.build();
    }

    build() {
      this.stage = make("div", "ez-stage", { role: "button", "aria-label": t("Show the picture large") });
      this.main = make("img", "ez-main", { alt: t("Selected picture") });
      this.preview = make("img", "ez-preview", { alt: "" });
      // Shown only once there is something to see; a broken one never is.
      this.preview.addEventListener("load", () => {
        this.root.classList.toggle("ez-has-preview", this.isLive);
        if (options.livePreviewInViewer) window.EaselLightbox?.redraw(this);
      });
      this.preview.addEventListener("error", () => this.root.classList.remove("ez-has-preview"));
      this.empty = make("div", "ez-empty");
      this.empty.textContent = t("Pictures appear here");
      this.stage.append(this.main, this.preview, this.empty);
      this.stage.addEventListener("click", () => this.open());
      this.stage.addEventListener("auxclick", (event) => {
        if (event.button === 1 && this.entry) window.open(address(this.entry.item.url), "_blank");
      });
      this.stage.addEventListener("keydown", (event) => {
        if (![" ", "Enter"].includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        this.open();
      });
      dragsOut(this.main, () => this.entry);
      this.thumbs = make("div", "ez-thumbs", { role: "listbox", "aria-label": t("Pictures of this job") });
      this.text = make("div", "ez-infotext", { id: `html_info_${this.tab}` });
      this.recent = make("div", "ez-recent", { role: "group", "aria-label": t("Earlier jobs") });
      this.notes = make("div", "ez-notes");
      this.root.addEventListener("keydown", (event) => this.key(event));
    }

    /** The selected picture with its job; undefined while there is none. */
    get entry() {
      return this.entries[this.selected];
    }

    /** The pictures of the other jobs that are listed, each alone. */
    get others() {
      const shown = new Set(this.entries.map(({ item }) => item.url));
      const all = [...this.family.known.values()].flatMap((job) => job.items.map((item) => ({ job, item })));
      return all.filter(({ item }) => !shown.has(item.url)).slice(0, OTHERS);
    }

    drawPreview(job) {
      this.isLive = job.state === "running" && job.preview_n > 0 && !options.hidden;
      if (!this.isLive) this.root.classList.remove("ez-has-preview");
      // A look from before the page was hidden may be answered after it.
      if (this.isLive && !document.hidden && this.preview.dataset.of !== `${job.id} ${job.preview_n}`) {
        this.preview.dataset.of = `${job.id} ${job.preview_n}`;
        this.preview.src = address(`easel/v1/jobs/${job.id}/preview?n=${job.preview_n}`);
      }
    }

    /** The newest jobs, the last one first; what is shown stays so where it is still there. */
    renew(jobs) {
      this.family.renew(jobs, this.shown);
      this.drawRecent(jobs);
    }

    /** A job got on: its pictures are shown once it has any. */
    take(job) {
      this.family.take(job);
      if (!job.items.length || options.hidden) return;
      const root = this.family.root(job);
      const isAnother = root.id !== this.shown?.id;
      const drawn = this.entries.filter((entry) => entry.job.id === job.id && !isGrid(entry)).length;
      const lacksGrid = job === root && this.family.entries(root).some(isGrid) && !this.entries.some(isGrid);
      if (isAnother || lacksGrid || drawn !== job.items.length) {
        const isFirst = isAnother || (root !== job && !drawn);
        this.show(root, isFirst ? { job, item: job.items[0] } : this.entry);
      }
    }

    /** A job's pictures changed (one was deleted, or is back): draw what there is now. */
    redraw(select = this.entry) {
      if (!this.shown) return; // nothing came yet: it will be drawn as it should be
      const jobs = [...this.family.known.values()];
      const now = this.shown && this.family.known.get(this.shown.id);
      const other = jobs.find((job) => job.items.length);
      if (now?.items.length) this.show(now, select);
      else if (other) this.show(this.family.root(other), { job: other, item: other.items[0] });
      else this.show({ id: "", items: [], request: {} });
    }

    /** Show a job, `select`: {job, item} to begin with. */
    show(job, select) {
      const place = this.selected;
      const wasShown = this.shown?.id === job.id;
      this.shown = job;
      this.family.showsGrid = options.grid;
      this.entries = options.hidden ? [] : this.family.entries(job);
      this.thumbs.replaceChildren(...this.entries.map((entry, at) => this.thumb(entry, at)));
      this.thumbs.hidden = this.entries.length < 2;
      const found = this.entries.findIndex(({ job: { id }, item }) =>
        id === select?.job.id && item.index === select.item.index);
      const first = this.entries.length > 1 && isGrid(this.entries[0]) ? 1 : 0; // work goes on with a picture
      this.select(found >= 0 ? found : wasShown ? Math.min(place, this.entries.length - 1) : first);
      this.note(job);
    }

    /** People count from 1, and without the grid. */
    number(place) {
      return place + 1 - this.entries.slice(0, place).filter(isGrid).length;
    }

    label(place) {
      const entry = this.entries[place];
      if (isGrid(entry)) return t("Grid");
      const n = this.number(place);
      return entry.job.id === this.shown.id ? t("Picture {n}", { n }) : t("Picture {n}, made larger", { n });
    }

    thumb(entry, place) {
      const kind = isGrid(entry) ? "ez-sheet-thumb" : entry.job.id === this.shown.id ? "ez-thumb" : "ez-thumb ez-larger";
      const size = `${entry.item.width} × ${entry.item.height}`;
      const label = this.label(place);
      const button = make("button", kind, { type: "button", role: "option", "aria-label": label,
        title: isGrid(entry) ? `${label} · ${size}` : size });
      const image = make("img", "", { alt: "", loading: "lazy", draggable: "false" });
      image.src = address(entry.item.url);
      button.append(image);
      button.addEventListener("click", () => this.select(place));
      dragsOut(button, () => entry);
      return button;
    }

    /** What is to be said of the job: warnings, and which pictures of a batch can't be used. */
    note(job) {
      const failures = (job.failures ?? []).map(({ name, message }) => `${name}: ${easelHeard(message)}`);
      const text = [...failures, ...(job.warnings ?? []).map(easelHeard)].join("\n");
      if (this.notes.textContent !== text) this.notes.textContent = text;
    }

    select(place) {
      const entry = this.entries[place];
      this.root.classList.toggle("ez-has-picture", Boolean(entry));
      this.stage.tabIndex = entry ? 0 : -1;
      this.selected = Math.max(0, place);
      this.text.textContent = entry?.item.infotext ?? "";
      this.root.dataset.count = String(this.entries.filter((each) => !isGrid(each)).length);
      this.root.dataset.job = entry?.job.id ?? this.shown?.id ?? "";
      this.root.dataset.selected = String(place);
      if (!entry) return;
      this.main.src = address(entry.item.url);
      this.main.dataset.index = String(entry.item.index);
      [...this.thumbs.children].forEach((thumb, at) =>
        thumb.setAttribute("aria-selected", String(at === place)));
      this.onSelect();
    }

    drawRecent(jobs) {
      const roots = options.hidden ? [] : this.family.roots(jobs).slice(0, RECENT);
      this.recent.replaceChildren();
      for (const { job, entries } of roots.length > 1 ? roots : []) {
        const prompt = String(job.request.prompt ?? "").slice(0, 120);
        const button = make("button", "ez-thumb", { type: "button", title: prompt || t("no prompt") });
        const image = make("img", "", { alt: prompt, loading: "lazy", draggable: "false" });
        const pictures = entries.filter((entry) => !isGrid(entry));
        image.src = address(pictures[0].item.url);
        button.append(image);
        if (pictures.length > 1) {
          const count = make("span", "ez-count");
          count.textContent = String(pictures.length);
          button.append(count);
        }
        button.addEventListener("click", () => this.show(job));
        dragsOut(button, () => pictures[0]);
        this.recent.append(button);
      }
    }

    step(by) {
      const count = this.entries.length;
      if (count) this.select((this.selected + by + count) % count);
    }

    key(event) {
      const isTurn = ["ArrowLeft", "ArrowRight"].includes(event.key);
      if (!this.entries.length || !isTurn || event.ctrlKey || event.altKey || event.metaKey) return;
      this.step(event.key === EaselDom.AHEAD ? 1 : -1);
      const thumb = this.thumbs.children[this.selected];
      if (this.thumbs.contains(document.activeElement)) thumb?.focus();
      event.preventDefault();
    }

    open() {
      const isLive = this.root.classList.contains("ez-has-preview");
      if (!options.viewer || !this.entry || (isLive && !options.livePreviewInViewer)) return;
      const showsLive = () => options.livePreviewInViewer && this.root.classList.contains("ez-has-preview");
      EaselPage.later(() => EaselLightbox.open({
        of: this,
        address: () => (showsLive() ? this.preview.src : this.main.src),
        label: () => t("{picture} of {count}", { picture: this.label(this.selected), count: this.root.dataset.count }),
        count: () => this.entries.length,
        step: (by) => this.step(by),
        save: () => EaselActions.download(this.entry),
        onClose: () => this.stage.focus(),
      }));
    }
  }

  /** Whether what is shown has to be drawn anew. */
  Pictures.configure = (state) => {
    const before = `${options.grid} ${options.hidden}`;
    options.viewer = state.viewer ?? true;
    options.livePreviewInViewer = state.live_preview_in_viewer ?? false;
    options.hidden = state.hide_pictures ?? false;
    options.grid = state.show_grid ?? true;
    document.body.classList.toggle("ez-no-bar", !(state.show_bar ?? true));
    const height = state.gallery_height ?? "";
    document.body.classList.toggle("ez-own-height", Boolean(height) && CSS.supports("height", height));
    document.body.style.setProperty("--ez-stage-height", height);
    return before !== `${options.grid} ${options.hidden}`;
  };
  window.EaselPictures = Pictures;
})();
