/* One tab's results ("txt2img" or "img2img"): follows its jobs and tells how they go.
 *
 * The server keeps the truth of every job; this file only polls and draws it, so a reload or a second
 * browser shows the same. mount() runs from the gr.HTML's js_on_load; its value carries {job, n}
 * after Generate. Knows easel/v1; the pictures are drawn by results-pictures.js, the buttons under
 * them by results-actions.js.
 */
(() => {
  "use strict";
  const { make, svg, span, address, ask } = EaselDom;
  const API = "easel/v1/";
  const SOON = 200; // ms between looks while a job is stopping: somebody waits for its picture
  const PATIENCE = 10000; // ms for an answer that is given at once: a line may die and tell nobody
  const SLOW = 2000; // ms between looks while the page is hidden or the server is away
  const panels = new Map(); // by tab
  const options = { period: 500 };

  const CROSS = "M6 6l12 12M18 6 6 18";

  class Panel {
    constructor(root, tab, trigger) {
      this.root = root;
      this.tab = tab;
      this.trigger = trigger;
      this.job = null; // the job that is followed
      this.timer = 0;
      this.turn = 0; // of looking: an answer to an earlier one comes too late
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
      this.pictures = new EaselPictures(root, this.tab, () => this.actions.draw());
      this.actions = new EaselActions.Bar(this.tab, () => this.current());
      this.queue = make("button", "ez-queue", { type: "button", hidden: "",
        title: "Cancel the jobs that wait" });
      this.queue.append(make("span"), svg(CROSS));
      this.queue.addEventListener("click", () => this.cancelWaiting());
      const line = make("div", "ez-line");
      line.append(this.status, this.queue);
      const head = make("div", "ez-head");
      head.append(this.bar, line);
      const { stage, thumbs, notes, text, recent } = this.pictures;
      root.append(head, stage, thumbs, this.actions.root, notes, text, recent);
      this.state("idle");
    }

    /** What an action works on: the selected picture with its job; null while there is none. */
    current() {
      const { entry } = this.pictures;
      return entry ? { tab: this.tab, ...entry, panel: this } : null;
    }

    state(name) {
      this.root.dataset.state = name;
      document.body.dataset[`easel_${this.tab}`] = name;
    }

    /* On load: go on with what runs, else show what was made last. */
    async attach() {
      try {
        const jobs = await this.next();
        const last = jobs.find((job) => job.items.length);
        if (last && !this.pictures.shown) this.pictures.take(last);
      } catch (error) {
        this.say(t("The server does not answer ({reason}); trying again", { reason: error.message }), true);
        setTimeout(() => this.attach(), SLOW);
      }
    }

    /* Generate was pressed: follow the new job unless an earlier one is still in work. */
    submitted(id) {
      if (this.job) this.next().catch(() => {});
      else this.follow(id);
      this.root.dispatchEvent(new CustomEvent("easel-submitted", { bubbles: true, detail: this.tab }));
    }

    /* The page is seen again: what was missed is asked for at once. */
    seen() {
      if (this.job) {
        clearTimeout(this.timer);
        this.look();
      }
    }

    follow(id) {
      this.job = id;
      clearTimeout(this.timer);
      this.look();
    }

    async look() {
      const [id, turn] = [this.job, ++this.turn];
      try {
        const job = await ask(`${API}jobs/${id}?brief=true&look=${!document.hidden}`,
          { signal: AbortSignal.timeout(PATIENCE) });
        if (id !== this.job || turn !== this.turn) return; // somebody looked again meanwhile
        this.draw(job);
        if (job.state === "queued" || job.state === "running") {
          const period = job.stopping ? Math.min(SOON, options.period) : options.period;
          this.timer = setTimeout(() => this.look(), document.hidden ? SLOW : period);
        } else {
          this.job = null;
          EaselNotify.ended(job);
          await this.next();
        }
      } catch (error) {
        if (error.status === 404) {
          this.job = null;
          this.state("idle");
          this.say("");
          return;
        }
        if (turn !== this.turn) return;
        this.say(t("Connection lost; trying again"), true);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => (this.job ? this.look() : this.attach()), SLOW);
      }
    }

    /* Look around: earlier jobs, waiting jobs; follow the oldest unless one is followed already. */
    async next() {
      const { jobs } = await ask(`${API}jobs?kind=${this.tab}&limit=50&brief=true`);
      this.pictures.renew(jobs);
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
      this.queue.firstChild.textContent = t("{n} waiting", { n: count });
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
        this.say(job.position ? t("In the queue: {n} before this one", { n: job.position })
          : easelHeard(job.message) || t("Starting"));
      } else if (running) {
        const parts = [easelHeard(job.message) || `${percent} %`];
        if (job.steps && !job.message) parts.push(t("step {n}/{all}", { n: job.step, all: job.steps }));
        const all = job.image_count;
        if (job.input_count) {
          const values = { n: job.input_number + 1, all: job.input_count, name: job.input_name };
          parts.push(t("{n} of {all}: {name}", values));
        } else if (all > 1) parts.push(t("picture {n}/{all}", { n: Math.min(job.image_index + 1, all), all }));
        if (job.eta) parts.push(t("{time} left", { time: span(job.eta) }));
        if (job.stopping) parts.push(t(job.stopping === "now" ? "stopping" : "stopping after this picture"));
        this.say(parts.join(" · "));
        EaselNotify.progress(job, percent);
      } else {
        this.ended(job);
      }
      this.pictures.drawPreview(job);
      this.pictures.take(job);
      if (job.id === this.pictures.shown?.id) this.pictures.note(job);
    }

    ended(job) {
      EaselNotify.rest();
      const taken = job.finished && job.started ? span(job.finished - job.started) : "";
      if (job.state === "failed") this.say(easelHeard(job.error?.message) ?? t("The job failed"), true);
      else if (job.interrupted || job.state === "cancelled") this.say(t("Interrupted"));
      else {
        const done = taken ? t("Done in {time}", { time: taken }) : t("Done");
        const { failed: n, image_count: all } = job;
        this.say(n ? t("{done}; {n} of {all} could not be made", { done, n, all }) : done);
      }
    }

    /* A picture of these jobs was deleted, or put back. */
    async changed() {
      await this.next();
      this.pictures.redraw();
    }

    say(text, isError = false) {
      this.status.textContent = text;
      this.status.classList.toggle("ez-error", isError);
    }
  }

  async function press(tab, action, query = "") {
    const panel = panels.get(tab);
    if (!panel?.job) return;
    try {
      await ask(`${API}jobs/${panel.job}/${action}${query}`, { method: "POST" });
      panel.say(action === "skip" ? t("Skipping") : t("Stopping"));
      panel.seen();
    } catch (error) {
      panel.say(t(action === "skip" ? "Not skipped: {why}" : "Not stopped: {why}", { why: error.message }), true);
    }
  }

  document.addEventListener("easel-deleted", () =>
    panels.forEach((panel) => panel.changed().catch(() => {})));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) panels.forEach((panel) => panel.seen());
  });

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
    step: (tab, by) => panels.get(tab)?.pictures.step(by),
    isRunning: (tab) => ["running", "queued"].includes(panels.get(tab)?.root.dataset.state),
    say: (tab, text, isError) => panels.get(tab)?.say(text, isError),
    /** The selected picture's "seed" or "subseed"; null while there is none. */
    valueOf: (tab, name) => panels.get(tab)?.pictures.entry?.item[name] ?? null,
    configure(state) {
      options.period = state.period;
      if (EaselPictures.configure(state)) panels.forEach((panel) => panel.pictures.redraw());
      EaselNotify.configure(state);
    },
    /** Something runs: panels that follow nothing look whether it is theirs. */
    wake: () => panels.forEach((panel) => { if (!panel.job) panel.attach(); }),
  };
})();
