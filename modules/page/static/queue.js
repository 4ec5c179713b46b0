/* The drawer of jobs: what runs, what waits, what ended; to reorder, stop, repeat and reuse.
 *
 * Asks easel/v1 for the list while it is open and in sight, and only then. Knows no form: a job's
 * parameters go to one by the event `send`.
 */
(() => {
  "use strict";
  const { make, tool, span, address, ask } = EaselDom;
  const API = "easel/v1/jobs";
  const ENDED = 40; // jobs that ended, shown
  const PERIOD = 1000; // ms
  const icons = {
    close: "M6 6l12 12M18 6 6 18",
    up: "M12 19V5m0 0-6 6m6-6 6 6",
    down: "M12 5v14m0 0-6-6m6 6 6-6",
    stop: "M7 7h10v10H7z",
    retry: "M20 12a8 8 0 1 1-2.3-5.6M20 3v4.5h-4.5",
    again: "M9 9h11v11H9zM5 15H4V4h11v1",
    form: "M4 6h16M4 12h10M4 18h7m6-5v7m0 0 3-3m-3 3-3-3",
  };
  let drawer = null;

  class Queue {
    constructor(trigger) {
      this.trigger = trigger;
      this.build();
    }

    build() {
      this.root = make("section", "ez-drawer ez-jobs", { id: "easel_jobs", "aria-label": "Jobs",
        tabindex: "-1", hidden: "" });
      const head = make("div", "ez-drawer-head");
      const title = make("h2");
      title.textContent = t("Jobs");
      this.clear = make("button", "ez-jobs-clear", { type: "button" });
      this.clear.textContent = t("Cancel all that wait");
      this.clear.addEventListener("click", () => this.cancelWaiting());
      head.append(title, this.clear, tool("Close", icons.close, () => this.close()));
      this.list = make("div", "ez-jobs-list", { role: "list" });
      this.root.append(head, this.list);
      document.body.append(this.root);
      this.root.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.close();
      });
    }

    open() {
      this.root.hidden = false;
      this.look();
      this.root.querySelector(".ez-drawer-tool").focus(); // the other button may go while it is open
    }

    close() {
      this.root.hidden = true;
      clearTimeout(this.timer);
      document.querySelector("#easel_queue")?.focus();
    }

    async look() {
      clearTimeout(this.timer);
      if (this.root.hidden) return;
      try {
        const [live, all] = await Promise.all([
          ask(`${API}?state=running&state=queued&limit=500&brief=true`),
          ask(`${API}?state=done&state=failed&state=cancelled&limit=${ENDED}&brief=true`),
        ]);
        const first = (job) => job.state === "running" ? -1 : job.position;
        this.draw(live.jobs.sort((one, other) => first(one) - first(other)), all.jobs);
      } catch (error) {
        this.list.textContent = t("The server does not answer ({reason}).", { reason: error.message });
      }
      if (!document.hidden) this.timer = setTimeout(() => this.look(), PERIOD);
    }

    /* What has not changed stays as it is, so that the focus and a click under way are kept. */
    draw(live, ended) {
      this.waiting = live.filter((job) => job.state === "queued");
      this.clear.hidden = !this.waiting.length;
      const heads = live.length ? [["now", live], ["ended", ended]] : [["ended", ended]];
      const wanted = [];
      for (const [name, jobs] of heads) {
        if (name === "ended" && jobs.length && live.length) wanted.push(["line", "Ended"]);
        wanted.push(...jobs.map((job) => [job.id, job]));
      }
      if (!wanted.length) wanted.push(["line", "Jobs appear here when you press Generate."]);
      const known = new Map([...this.list.children].map((row) => [row.dataset.key, row]));
      wanted.forEach(([key, value], place) => {
        const told = typeof value === "string" ? value : JSON.stringify(this.told(value));
        let row = known.get(key);
        known.delete(key);
        if (row?.dataset.told !== told) {
          const fresh = typeof value === "string" ? this.line(value) : this.row(value);
          Object.assign(fresh.dataset, { key, told });
          const hadFocus = row?.contains(document.activeElement) && document.activeElement.title;
          row?.replaceWith(fresh);
          row = fresh;
          if (hadFocus) row.querySelector(`[title="${hadFocus}"]`)?.focus();
        }
        if (this.list.children[place] !== row) this.list.insertBefore(row, this.list.children[place] ?? null);
      });
      known.forEach((row) => row.remove());
    }

    told(job) {
      return [job.state, job.position, job.step, job.image_index, job.made, job.message, job.stopping,
        Math.round(job.eta ?? 0), this.waiting.length];
    }

    line(words) {
      const line = make("p", "ez-jobs-line", { role: "listitem" });
      line.textContent = t(words);
      return line;
    }

    row(job) {
      const row = make("div", "ez-job", { role: "listitem", "data-state": job.state });
      const picture = job.items[job.items.length - 1];
      const thumb = make(picture ? "img" : "div", "ez-job-picture", picture ? { alt: "", loading: "lazy" } : {});
      if (picture) thumb.src = address(picture.url);
      const words = make("div", "ez-job-words");
      const prompt = make("b", "", { dir: "auto" });
      prompt.textContent = job.request?.prompt || t(job.kind === "extras" ? "Extras" : "no prompt");
      prompt.title = prompt.textContent;
      const state = make("small");
      state.textContent = this.state(job);
      words.append(prompt, state);
      if (job.state === "running") {
        const bar = make("div", "ez-job-bar", { role: "progressbar", "aria-label": "Progress",
          "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(job.progress * 100)) });
        const fill = make("i");
        fill.style.width = `${job.progress * 100}%`;
        bar.append(fill);
        words.append(bar);
      }
      const tools = make("div", "ez-job-tools");
      tools.append(...this.actions(job));
      row.append(thumb, words, tools);
      return row;
    }

    state(job) {
      const made = t("{n}/{all} pictures", { n: job.made, all: job.image_count });
      const count = job.image_count > 1 ? ` · ${made}` : "";
      if (job.state === "running") {
        const parts = [easelHeard(job.message) || t("step {n}/{all}", { n: job.step, all: job.steps })];
        if (job.eta) parts.push(t("{time} left", { time: span(job.eta) }));
        return parts.join(" · ") + count;
      }
      if (job.state === "queued") {
        return `${job.position ? t("{n} before it", { n: job.position }) : t("Next")} · ${job.kind}`;
      }
      if (job.state === "failed") return easelHeard(job.error?.message) ?? t("Failed");
      const took = job.finished && job.started ? span(job.finished - job.started) : "";
      const done = took ? t("Done in {time}", { time: took }) : t("Done");
      const word = job.state === "cancelled" ? t("Cancelled") : job.interrupted ? t("Interrupted") : done;
      return word + count;
    }

    actions(job) {
      return [...this.verbs(job), ...this.intoForm(job)];
    }

    verbs(job) {
      const act = (label, icon, path, body) => tool(label, icon, () => this.act(job, path, body));
      if (job.state === "queued") {
        const at = this.waiting.indexOf(job);
        const found = [];
        if (at > 0) found.push(act("Earlier", icons.up, "move", { before: this.waiting[at - 1].id }));
        if (at < this.waiting.length - 1)
          found.push(act("Later", icons.down, "move", { after: this.waiting[at + 1].id }));
        return [...found, act("Cancel", icons.stop, "cancel")];
      }
      if (job.state === "running")
        return job.stopping ? [] : [act("Stop, and keep what is made", icons.stop, "interrupt")];
      const lacks = job.interrupted || job.state === "failed" || job.made < job.image_count;
      const found = lacks ? [act("Make what is missing", icons.retry, "retry")] : [];
      return [...found, act("Once more with another seed", icons.again, "duplicate", { new_seed: true })];
    }

    intoForm(job) {
      if (!["txt2img", "img2img"].includes(job.kind) || !job.request?.steps) return [];
      return [tool("Parameters into the form", icons.form, () => {
        this.trigger("send", { job: job.id });
        this.close();
      })];
    }

    async act(job, path, body) {
      try {
        await ask(`${API}/${job.id}/${path}`, { method: "POST",
          ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}) });
        if (path === "duplicate" || path === "retry") EaselResults.wake();
      } catch (error) {
        EaselNotices.show(t("That is not possible now ({reason}): the job may have begun or ended",
          { reason: error.message }));
      }
      await this.look();
      // The button that was pressed is gone; keys are still the drawer's.
      if (!this.root.hidden && document.activeElement === document.body) this.root.focus();
    }

    async cancelWaiting() {
      for (const job of [...this.waiting].reverse()) {
        try {
          await ask(`${API}/${job.id}/cancel`, { method: "POST" });
        } catch {} // it has begun meanwhile
      }
      this.look();
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) drawer?.look();
  });

  window.EaselQueue = {
    mount: (trigger) => { drawer ??= new Queue(trigger); },
    toggle: () => { if (drawer) drawer.root.hidden ? drawer.open() : drawer.close(); },
  };
})();
