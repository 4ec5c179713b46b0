/* The History tab: a search over all output pictures, the grid of what was found, one picture in full.
 *
 * Asks easel/v1/history. Nothing is asked while the tab is not open.
 */
(() => {
  "use strict";
  const { make, svg, choice, address, ask } = EaselDom;
  const API = "easel/v1/history";
  const TYPED = 220; // ms of rest before a search
  const PERIOD = 700; // ms between questions how far a look over the folders is
  const rest = (ms) => new Promise((go) => setTimeout(go, ms));
  const icons = {
    star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.6-5.1-2.7-5.1 2.7 1-5.6-4.1-4 5.7-.8z",
    save: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
    brush: "M4 20c3 0 5-1 5-4l9-11 2 2-11 9",
    mask: "M4 5h16v14H4zM9 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0",
    text: "M4 6h16M4 12h10M4 18h7m6-5v7m0 0 3-3m-3 3-3-3",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    delete: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13",
    refresh: "M20 12a8 8 0 1 1-2.3-5.6M20 3v4.5h-4.5",
  };

  class History {
    constructor(root, trigger) {
      this.root = root;
      this.trigger = trigger;
      this.search = 0; // number of the newest search
      this.build();
      new IntersectionObserver((seen) => {
        if (seen.some((each) => each.isIntersecting)) this.opened();
      }).observe(root);
    }

    build() {
      this.root.className = "ez-history";
      const bar = make("div", "ez-history-bar", { role: "search" });
      this.words = make("input", "ez-history-words", { type: "search", id: "history_search",
        placeholder: 'Search prompts: castle "red sky" -fog', "aria-label": "Search prompts" });
      this.model = this.choice("history_model", "Checkpoint", "Any checkpoint");
      this.sampler = this.choice("history_sampler", "Sampler", "Any sampler");
      this.network = this.choice("history_network", "LoRA", "Any LoRA");
      this.seed = make("input", "ez-history-seed", { type: "text", inputmode: "numeric", id: "history_seed",
        placeholder: "Seed", "aria-label": "Seed" });
      this.since = this.date("history_since", "From");
      this.until = this.date("history_until", "To");
      this.favourite = this.button("history_favourites", "Favourites", icons.star, () => {
        const on = this.favourite.getAttribute("aria-pressed") !== "true";
        this.favourite.setAttribute("aria-pressed", String(on));
        this.find();
      });
      this.favourite.setAttribute("aria-pressed", "false");
      const refresh = this.button("history_refresh", "Look for new files", icons.refresh, () => this.look());
      const deleted = this.button("history_deleted", "Deleted pictures", icons.delete,
        () => EaselDeleting.open(() => this.find(true)));
      for (const each of [refresh, deleted]) each.classList.add("ez-history-only-icon");
      this.count = make("span", "ez-history-count", { role: "status", id: "history_count" });
      bar.append(this.words, this.model, this.sampler, this.network, this.seed, this.since, this.until,
        this.favourite, refresh, deleted, this.count);
      const wait = () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.find(), TYPED); };
      for (const field of [this.words, this.seed]) field.addEventListener("input", wait);
      bar.addEventListener("change", (event) => {
        if (event.target !== this.words && event.target !== this.seed) this.find();
      });

      const place = make("div", "ez-grid");
      this.empty = make("div", "ez-history-empty");
      this.detail = make("aside", "ez-history-detail", { "aria-label": "The selected picture", hidden: "" });
      const below = make("div", "ez-history-below");
      below.append(place, this.empty, this.detail);
      this.root.append(bar, below);
      this.buildDetail();
      this.grid = new EaselGrid(place, {
        label: "Pictures", least: 148, ratio: 1,
        fill: (cell, record) => this.fill(cell, record),
        recordAt: (at) => this.parts?.at(at),
        want: (first, last) => this.parts?.want(first, last),
        select: (at) => this.show(at),
        open: (at) => this.open(at),
      });
      place.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || this.grid.selected < 0) return;
        if (event.key === "f") this.toggleFavourite();
        else if (event.key === "Delete") this.remove();
        else return;
        event.preventDefault();
      });
    }

    choice(id, label, any) {
      const select = make("select", "", { id, "aria-label": label });
      select.append(choice("", any));
      return select;
    }

    date(id, label) {
      const words = make("label", "ez-history-date");
      words.append(t(label), make("input", "", { type: "date", id }));
      return words;
    }

    button(id, label, icon, action) {
      const button = make("button", "ez-action", { type: "button", id, title: label });
      const words = make("span");
      words.textContent = t(label);
      button.append(svg(icon), words);
      button.addEventListener("click", action);
      return button;
    }

    buildDetail() {
      const picture = make("img", "ez-history-picture", { alt: "", draggable: "true" });
      picture.addEventListener("click", () => this.open(this.grid.selected));
      const actions = make("div", "ez-history-actions");
      const send = (to) => () => this.trigger("send", { number: this.current().id, to });
      const close = this.button("history_close", "Close", "M6 6l12 12M18 6 6 18", () => this.close());
      close.classList.add("ez-history-close");
      this.star = this.button("history_favourite", "Favourite", icons.star, () => this.toggleFavourite());
      actions.append(
        this.star,
        this.button("history_save", "Download", icons.save, () => this.save()),
        this.button("history_to_txt2img", "txt2img", icons.text, send("txt2img")),
        this.button("history_to_img2img", "img2img", icons.image, send("img2img")),
        this.button("history_to_sketch", "Sketch", icons.brush, send("sketch")),
        this.button("history_to_inpaint", "Inpaint", icons.mask, send("inpaint")),
        this.button("history_copy", "Copy text", icons.copy, () => this.copy()),
        this.button("history_delete", "Delete", icons.delete, () => this.remove()),
      );
      const facts = make("div", "ez-history-facts", { dir: "auto" });
      const text = make("div", "ez-infotext", { dir: "auto" });
      this.detail.append(close, picture, actions, facts, text);
      Object.assign(this, { picture, facts, text });
    }

    /* ---- searching ---- */
    async opened() {
      this.root.closest(".html-container")?.style.setProperty("padding", "0");
      if (!this.parts) await this.find();
      else this.grid.draw(true);
      this.look();
    }

    asked() {
      const day = (label, days) => {
        const { value } = label.lastChild;
        return value && new Date(`${value}T00:00`).getTime() / 1000 + days * 86400;
      };
      const seed = this.seed.value.trim();
      const all = {
        text: this.words.value.trim(), model: this.model.value, sampler: this.sampler.value,
        network: this.network.value, seed: /^\d{1,18}$/.test(seed) ? seed : "",
        since: day(this.since, 0), until: day(this.until, 1),
        favourite: this.favourite.getAttribute("aria-pressed") === "true" ? "true" : "",
      };
      this.seed.classList.toggle("ez-history-wrong", Boolean(seed) && !all.seed);
      this.seed.setAttribute("aria-invalid", String(Boolean(seed) && !all.seed));
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
    }

    async find(keep = false) {
      const number = (this.search += 1);
      if (this.typing) keep = false; // what was typed is asked for now
      clearTimeout(this.typing);
      this.typing = 0;
      const wish = this.asked();
      if (this.seed.getAttribute("aria-invalid") === "true") {
        this.count.textContent = t("A seed is a whole number.");
        return;
      }
      const page = (offset, limit) => ask(`${API}?${new URLSearchParams({ ...wish, offset, limit })}`);
      try {
        const found = await page(0, EaselParts.SIZE);
        if (number !== this.search) return;
        this.total = found.total;
        this.parts = new EaselParts(found.pictures, async (...asked) => (await page(...asked)).pictures,
          () => this.came(number));
        this.say(Object.keys(wish).length > 0);
        this.grid.show(found.total, keep);
        if (!keep) this.close();
      } catch (error) {
        this.count.textContent = t("The server does not answer ({reason}).", { reason: error.message });
      }
    }

    say(isNarrowed) {
      const many = isNarrowed ? t("{n} pictures found", { n: this.total.toLocaleString() })
        : t("{n} pictures", { n: this.total.toLocaleString() });
      const one = isNarrowed ? t("1 picture found") : t("1 picture");
      this.count.textContent = this.total === 1 ? one : many;
      this.empty.hidden = this.total > 0;
      const none = isNarrowed ? t("No picture fits this search.") : t("Pictures that you make appear here.");
      this.empty.textContent = this.isLooking ? t("Looking for pictures in the folders ...") : none;
      if (this.reading) this.count.textContent += ` · ${this.reading}`;
    }

    came(number) {
      if (number !== this.search) return;
      this.grid.draw();
      if (this.isDue) this.show(this.grid.selected);
    }

    /* New and deleted files; what is shown changes only where something did. A long look tells how
     * far it is, and lists what it has: the newest come first, so that nothing moves. */
    async look() {
      if (this.isLooking) return;
      this.isLooking = true;
      if (!this.total) this.say(false);
      try {
        const looked = ask(`${API}/look`, { method: "POST" });
        const [{ changed }] = await Promise.all([looked, this.follow(looked.catch(() => null))]);
        this.fillChoices(await ask(`${API}/choices`));
        if (changed || this.isStale) {
          this.isStale = false;
          await this.find(true);
        }
      } catch {} // the next opening looks again
      this.isLooking = false;
      if (!this.total) this.say(Object.keys(this.asked()).length > 0);
    }

    /** Tell how far the look is until it ends, be it this page's or another's. */
    async follow(looked) {
      let isOver = false;
      let listed = 0;
      looked.then(() => { isOver = true; });
      await Promise.race([looked, rest(PERIOD)]);
      while (this.root.offsetParent) {
        const { read, all } = await ask(`${API}/progress`);
        if (isOver && !all) break;
        const numbers = { n: read.toLocaleString(), all: all.toLocaleString() };
        this.reading = all ? t("{n} of {all} new files read", numbers) : "";
        this.isStale ||= all > 0;
        if (read > 2 * listed + 200 && this.detail.hidden) {
          listed = read;
          await this.find(true);
        } else this.say(Object.keys(this.asked()).length > 0);
        await Promise.race([rest(PERIOD), ...(isOver ? [] : [looked])]);
      }
      this.reading = "";
    }

    fillChoices({ models, samplers, networks }) {
      for (const [select, names] of [[this.model, models], [this.sampler, samplers], [this.network, networks]]) {
        const kept = select.value;
        select.replaceChildren(select.firstChild, ...names.map((name) => choice(name)));
        select.value = kept;
      }
    }

    fill(cell, record) {
      cell.title = record.prompt.slice(0, 200) || record.name;
      const image = make("img", "", { alt: cell.title, draggable: "false" });
      image.src = address(record.thumbnail);
      cell.append(image);
      cell.classList.toggle("ez-favourite", record.favourite);
    }

    /* ---- one picture ---- */
    current() {
      return this.grid.asked.recordAt(this.grid.selected);
    }

    async show(at) {
      const record = this.grid.asked.recordAt(at);
      this.isDue = !record; // its part is on the way
      if (!record) return;
      this.detail.hidden = false;
      this.picture.src = address(record.url);
      this.picture.alt = record.prompt || record.name;
      this.star.setAttribute("aria-pressed", String(record.favourite));
      const when = new Date(record.time * 1000).toLocaleString();
      this.facts.textContent = `${record.name} · ${record.width} × ${record.height} · ${when}`;
      this.text.textContent = record.prompt;
      try {
        const { infotext } = await ask(`${API}/${record.id}`);
        if (this.current() === record) this.text.textContent = infotext || t("This picture holds no parameters.");
      } catch (error) {
        if (this.current() === record) this.text.textContent = t("It can't be read: {reason}", { reason: error.message });
      }
    }

    close() {
      this.detail.hidden = true;
    }

    open(at) {
      if (at < 0 || !this.current()) return;
      EaselLightbox.open({
        count: () => this.total,
        address: () => address(this.current().url),
        label: () => this.current().prompt.slice(0, 200) || this.current().name,
        step: (by) => this.grid.select(Math.min(this.total - 1, Math.max(0, this.grid.selected + by))),
        save: () => this.save(),
        onClose: () => this.grid.root.focus(),
      });
    }

    save() {
      make("a", "", { href: address(`${API}/${this.current().id}/image?download=true`), download: "" }).click();
    }

    async copy() {
      try {
        await navigator.clipboard.writeText(this.text.textContent);
      } catch {
        EaselNotices.show(t("The browser does not allow copying here; select the text instead"));
      }
    }

    async toggleFavourite() {
      const [at, record] = [this.grid.selected, this.current()];
      if (!record) return;
      try {
        await ask(`${API}/${record.id}/favourite`, { method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ favourite: !record.favourite }) });
      } catch (error) {
        EaselNotices.show(t("The mark was not kept: {why}", { why: error.message }));
        return;
      }
      record.favourite = !record.favourite;
      this.star.setAttribute("aria-pressed", String(record.favourite));
      this.grid.renew(at);
    }

    async remove() {
      const [at, record] = [this.grid.selected, this.current()];
      if (!record) return;
      const after = async () => {
        await this.find(true);
        if (this.total) this.grid.select(Math.min(at, this.total - 1));
        else this.close();
      };
      await EaselDeleting.remove({ name: record.name, path: `${API}/${record.id}`, after });
    }
  }

  window.EaselHistory = {
    mount(element, trigger) {
      new History(element.querySelector(".ez-history-place"), trigger);
    },
  };
})();
