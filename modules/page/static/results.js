/* Progress, previews and finished pictures of one tab ("txt2img" or "img2img").
 *
 * The server keeps the truth of every job; this file only polls and draws it, so a reload or a second
 * browser shows the same. mount() runs from the gr.HTML's js_on_load; its value carries {job, n}
 * after Generate. Knows easel/v1 and the DOM below its own root; text from outside goes in by
 * textContent alone.
 */
(() => {
  "use strict";
  const { make, svg, span, address, ask } = EaselDom;
  const API = "easel/v1/";
  const SLOW = 2000; // ms between looks while the page is hidden or the server is away
  const RECENT = 12; // earlier jobs shown
  const panels = new Map(); // by tab
  const options = { period: 500, progress_in_title: true };

  const icons = {
    save: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
    brush: "M4 20c3 0 5-1 5-4l9-11 2 2-11 9",
    mask: "M4 5h16v14H4zM9 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0",
    seed: "M4 12a8 8 0 1 1 3 6M4 12V7m0 5h5",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    stop: "M6 6l12 12M18 6 6 18",
    read: "M4 6h16M4 12h10M4 18h7m6-5v7m0 0 3-3m-3 3-3-3",
  };

  class Panel {
    constructor(root, tab, trigger) {
      this.root = root;
      this.tab = tab;
      this.trigger = trigger;
      this.job = null; // the job that is followed
      this.shown = null; // the job whose pictures are shown
      this.selected = 0;
      this.timer = 0;
      this.latest = null; // when the newest job known here was made, unix seconds
      this.waiting = []; // queued jobs of this tab behind the one that is followed
      this.build();
      this.attach();
    }

    build() {
      const root = this.root;
      root.replaceChildren();
      root.className = "ez-results";
      root.tabIndex = -1;
      this.status = make("div", "ez-status", { role: "status", "aria-live": "polite" });
      this.bar = make("div", "ez-bar", { role: "progressbar", "aria-label": "Progress",
        "aria-valuemin": "0", "aria-valuemax": "100" });
      this.fill = make("i");
      this.bar.append(this.fill);
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
      this.actions = make("div", "ez-actions");
      this.text = make("div", "ez-infotext", { id: `html_info_${this.tab}` });
      this.recent = make("div", "ez-recent", { role: "group", "aria-label": "Earlier jobs" });
      this.notes = make("div", "ez-notes");
      this.queue = make("button", "ez-queue", { type: "button", hidden: "",
        title: "Cancel the jobs that wait" });
      this.queue.append(make("span"), svg(icons.stop));
      this.queue.addEventListener("click", () => this.cancelWaiting());
      const line = make("div", "ez-line");
      line.append(this.status, this.queue);
      const head = make("div", "ez-head");
      head.append(this.bar, line);
      root.append(head, this.stage, this.thumbs, this.actions, this.notes, this.text, this.recent);
      this.addActions();
      root.addEventListener("keydown", (event) => this.key(event));
      this.state("idle");
    }

    addActions() {
      const add = (id, label, title, icon, action) => {
        const button = make("button", "ez-action", { type: "button", id: `${this.tab}_${id}`, title });
        const words = make("span");
        words.textContent = label;
        button.append(svg(icon), words);
        button.addEventListener("click", action);
        this.actions.append(button);
      };
      const send = (to) => () => this.trigger("send", { ...this.which(), to });
      add("save", "Save", "Download the picture with its parameters", icons.save, () => this.save());
      add("send_to_img2img", "img2img", "Send picture and parameters to img2img", icons.image,
        send("img2img"));
      add("send_to_sketch", "Sketch", "Paint over the picture on the colour canvas", icons.brush,
        send("sketch"));
      add("send_to_inpaint", "Inpaint", "Paint a part of the picture anew", icons.mask, send("inpaint"));
      if (this.tab === "img2img")
        add("send_to_txt2img", "txt2img", "Send the parameters to txt2img", icons.read, send("txt2img"));
      add("reuse_seed_of_picture", "Reuse seed", "Put this picture's seed into the form", icons.seed,
        send("seed"));
      add("copy_infotext", "Copy text", "Copy the parameters", icons.copy, () => this.copy());
    }

    state(name) {
      this.root.dataset.state = name;
      document.body.dataset[`easel_${this.tab}`] = name;
    }

    which() {
      const item = this.shown?.items[this.selected];
      return { job: this.shown?.id ?? "", index: item ? item.index : -1 };
    }

    /* On load: go on with what runs, else show what was made last. */
    async attach() {
      try {
        const jobs = await this.next();
        const last = jobs.find((job) => job.items.length);
        if (last && !this.shown) this.show(last);
      } catch (error) {
        this.say(`The server does not answer (${error.message}); trying again`, true);
        setTimeout(() => this.attach(), SLOW);
      }
    }

    /* Generate was pressed: follow the new job unless an earlier one is still in work. */
    submitted(id) {
      if (this.job) this.next().catch(() => {});
      else this.follow(id);
      this.root.dispatchEvent(new CustomEvent("easel-submitted", { bubbles: true, detail: this.tab }));
    }

    follow(id) {
      this.job = id;
      this.previewNumber = 0;
      clearTimeout(this.timer);
      this.look();
    }

    async look() {
      const id = this.job;
      try {
        const job = await ask(`${API}jobs/${id}?look=${!document.hidden}`);
        if (id !== this.job) return;
        this.draw(job);
        if (job.state === "queued" || job.state === "running") {
          this.timer = setTimeout(() => this.look(), document.hidden ? SLOW : options.period);
        } else {
          this.job = null;
          await this.next();
        }
      } catch (error) {
        if (error.status === 404) {
          this.job = null;
          this.state("idle");
          this.say("");
          return;
        }
        this.say("Connection lost; trying again", true);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => (this.job ? this.look() : this.attach()), SLOW);
      }
    }

    /* Look around: earlier jobs, waiting jobs; follow the oldest unless one is followed already. */
    async next() {
      const { jobs } = await ask(`${API}jobs?kind=${this.tab}&limit=50`);
      this.drawRecent(jobs);
      const live = jobs.filter((job) => job.state === "running" || job.state === "queued").reverse();
      const now = this.job ?? live[0]?.id;
      this.waiting = live.filter((job) => job.id !== now && job.state === "queued");
      this.drawQueue();
      if (live.length && !this.job) this.follow(now);
      // One that began and ended between two looks.
      const newest = jobs[0];
      if (!live.length && this.latest !== null && newest?.created > this.latest) this.draw(newest);
      this.latest ??= newest?.created ?? 0;
      return jobs;
    }

    drawQueue() {
      const count = this.waiting.length;
      this.queue.hidden = !count;
      this.queue.firstChild.textContent = `${count} waiting`;
    }

    async cancelWaiting() {
      for (const job of this.waiting.filter((each) => each.source === "page")) {
        try {
          await ask(`${API}jobs/${job.id}/cancel`, { method: "POST" });
        } catch {} // it has begun or ended meanwhile
      }
      this.next().catch(() => {});
    }

    draw(job) {
      this.latest = Math.max(this.latest ?? 0, job.created);
      const percent = Math.round(job.progress * 100);
      const running = job.state === "running";
      this.state(running || job.state === "queued" ? job.state : "idle");
      this.fill.style.width = `${running ? percent : job.state === "done" ? 100 : 0}%`;
      this.bar.setAttribute("aria-valuenow", String(percent));
      if (job.state === "queued") {
        this.say(job.position ? `In the queue: ${job.position} before this one` : job.message || "Starting");
      } else if (running) {
        const parts = [job.message || `${percent} %`];
        if (job.steps && !job.message) parts.push(`step ${job.step}/${job.steps}`);
        if (job.image_count > 1) parts.push(`picture ${Math.min(job.image_index + 1, job.image_count)}/${job.image_count}`);
        if (job.eta) parts.push(`${span(job.eta)} left`);
        if (job.stopping) parts.push(job.stopping === "now" ? "stopping" : "stopping after this picture");
        this.say(parts.join(" · "));
        const left = job.eta ? ` ETA: ${span(job.eta)}` : "";
        if (options.progress_in_title) document.title = `[${percent}%${left}] Easel`;
      } else {
        this.ended(job);
      }
      this.drawPreview(job);
      const isNew = this.shown?.id !== job.id && job.items.length;
      if (isNew || (this.shown?.id === job.id && this.shown.items.length !== job.items.length)) {
        this.show(job);
      }
    }

    ended(job) {
      document.title = "Easel";
      const taken = job.finished && job.started ? span(job.finished - job.started) : "";
      if (job.state === "failed") this.say(job.error?.message ?? "The job failed", true);
      else if (job.interrupted || job.state === "cancelled") this.say("Interrupted");
      else this.say(taken ? `Done in ${taken}` : "Done");
    }

    drawPreview(job) {
      this.isLive = job.state === "running" && job.preview_n > 0;
      if (!this.isLive) this.root.classList.remove("ez-has-preview");
      if (this.isLive && job.preview_n !== this.previewNumber) {
        this.previewNumber = job.preview_n;
        this.preview.src = address(`${API}jobs/${job.id}/preview?n=${job.preview_n}`);
      }
    }

    say(text, isError = false) {
      this.status.textContent = text;
      this.status.classList.toggle("ez-error", isError);
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
      this.notes.textContent = (job.warnings ?? []).join("\n");
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

    save() {
      const item = this.shown?.items[this.selected];
      if (!item) return;
      const link = make("a", "", { href: address(`${item.url}?download=true`), download: "" });
      link.click();
    }

    async copy() {
      try {
        await navigator.clipboard.writeText(this.text.textContent);
        this.say("Copied");
      } catch {
        this.say("The browser does not allow copying here; select the text instead", true);
      }
    }

    open() {
      if (this.root.classList.contains("ez-has-preview") || !this.shown) return;
      EaselLightbox.open({
        address: () => this.main.src,
        label: () => `Picture ${this.selected + 1} of ${this.shown.items.length}`,
        step: (by) => this.step(by),
        save: () => this.save(),
        onClose: () => this.stage.focus(),
      });
    }
  }

  async function press(tab, action, query = "") {
    const panel = panels.get(tab);
    if (!panel?.job) return;
    try {
      await ask(`${API}jobs/${panel.job}/${action}${query}`, { method: "POST" });
      panel.say(action === "skip" ? "Skipping" : "Stopping");
    } catch (error) {
      panel.say(`Could not ${action}: ${error.message}`, true);
    }
  }

  window.EaselResults = {
    mount(element, props, trigger, watch) {
      const root = element.querySelector(".ez-results-place");
      const panel = new Panel(root, props.tab, trigger);
      panels.set(props.tab, panel);
      let nonce = props.value?.n;
      watch("value", () => {
        const value = props.value;
        if (!value || value.n === nonce) return;
        nonce = value.n;
        panel.submitted(value.job);
      });
    },
    interrupt: (tab) => press(tab, "interrupt"),
    /** Without waiting for the picture in work to end. */
    interruptNow: (tab) => press(tab, "interrupt", "?now=true"),
    /** Something of this tab's runs or waits. */
    isBusy: (tab) => Boolean(panels.get(tab)?.job || panels.get(tab)?.waiting.length),
    skip: (tab) => press(tab, "skip"),
    isRunning: (tab) => ["running", "queued"].includes(panels.get(tab)?.root.dataset.state),
    say: (tab, text, isError) => panels.get(tab)?.say(text, isError),
    /** The selected picture's "seed" or "subseed"; null while there is none. */
    valueOf: (tab, name) => {
      const panel = panels.get(tab);
      return panel?.shown?.items[panel.selected]?.[name] ?? null;
    },
    configure: ({ period, progress_in_title }) => Object.assign(options, { period, progress_in_title }),
    /** Something runs: panels that follow nothing look whether it is theirs. */
    wake: () => panels.forEach((panel) => { if (!panel.job) panel.attach(); }),
  };
})();
