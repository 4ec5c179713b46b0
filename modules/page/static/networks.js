/* The drawer of extra networks: cards of LoRAs, embeddings, hypernetworks and checkpoints.
 *
 * One drawer for all tabs. A click puts a network's word into the prompt that had the focus last, or
 * takes it out again; a checkpoint is chosen. Asks easel/v1/networks, and nothing before it is opened.
 */
(() => {
  "use strict";
  const { make, svg, choice, tool, address, ask } = EaselDom;
  const API = "easel/v1/networks";
  const TYPED = 180; // ms of rest before a search
  const LEAST = 132; // px, a card's width
  const KINDS = [["lora", "LoRA"], ["embedding", "Embeddings"], ["hypernetwork", "Hypernetworks"],
    ["checkpoint", "Checkpoints"]];
  const FOLDERS = { lora: "models/Lora", embedding: "embeddings", hypernetwork: "models/hypernetworks",
    checkpoint: "models/Stable-diffusion" };
  const ORDERS = [["path", "By folder"], ["name", "By name"], ["changed", "By change"],
    ["created", "By date added"]];
  const icons = {
    folder: "M3 6h6l2 2h10v11H3z",
    up: "M12 19V5m0 0-6 6m6-6 6 6",
    down: "M12 5v14m0 0-6-6m6 6 6-6",
    close: "M6 6l12 12M18 6 6 18",
    refresh: "M20 12a8 8 0 1 1-2.3-5.6M20 3v4.5h-4.5",
    about: "M12 11v6m0-10h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  };
  let drawer = null;
  /* What the settings say when the page is loaded. */
  const options = { order: "path", descending: false, view: "Dirs", view_open: true, view_width: 180, tabs: [] };

  function select(options, label) {
    const made = make("select", "", { "aria-label": label });
    made.append(...options.map(([value, words]) => choice(value, words)));
    return made;
  }

  class Drawer {
    constructor(trigger) {
      this.trigger = trigger;
      this.search = 0;
      const first = options.tabs.filter((kind) => KINDS.some(([known]) => known === kind));
      this.kinds = [...first.map((kind) => KINDS.find(([known]) => known === kind)),
        ...KINDS.filter(([kind]) => !first.includes(kind))];
      this.kind = this.kinds[0][0];
      this.everything = false; // LoRAs that don't fit the checkpoint, too
      this.build();
    }

    build() {
      this.root = make("section", "ez-drawer ez-networks", { id: "easel_networks", "aria-label": "Extra networks",
        hidden: "" });
      const head = make("div", "ez-drawer-head");
      this.tabs = make("div", "ez-networks-tabs", { role: "tablist" });
      for (const [kind, words] of this.kinds) {
        const tab = make("button", "", { type: "button", role: "tab", "data-kind": kind });
        tab.textContent = t(words);
        tab.addEventListener("click", () => this.choose(kind));
        this.tabs.append(tab);
      }
      head.append(this.tabs, tool("Close", icons.close, () => this.close()));
      const bar = this.bar();
      this.add = make("button", "ez-models-button ez-networks-add", { type: "button" });
      this.add.textContent = t("Add a checkpoint");
      this.add.addEventListener("click", () => {
        this.close();
        EaselModels.open();
      });
      const place = make("div", "ez-grid");
      this.empty = make("p", "ez-networks-empty");
      this.about = make("div", "ez-networks-about", { hidden: "" });
      this.unfit = make("p", "ez-networks-unfit", { hidden: "", role: "status" });
      const below = make("div", "ez-networks-below");
      below.append(this.folders.root, place, this.empty, this.about);
      this.root.append(head, bar, this.add, ...(this.folders.isTree ? [] : [this.folders.root]), below, this.unfit);
      document.body.append(this.root);
      this.grid = new EaselGrid(place, {
        label: "Cards", least: LEAST, ratio: 1.36,
        fill: (cell, card) => this.fill(cell, card),
        recordAt: (at) => this.parts?.at(at),
        want: (first, last) => this.parts?.want(first, last),
        select: () => {},
        open: (at) => this.use(this.grid.asked.recordAt(at)),
      });
      place.addEventListener("click", (event) => {
        if (event.target.closest("a")) return; // a description's link
        const cell = event.target.closest(".ez-grid-cell");
        const card = cell && this.grid.asked.recordAt(Number(cell.dataset.place));
        if (!card) return;
        if (event.target.closest(".ez-card-about")) EaselNetworkCard.show(this.about, card, () => this.find(true));
        else this.use(card);
      });
      this.root.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        if (this.about.hidden) this.close();
        else this.about.hidden = true;
      });
    }

    bar() {
      const bar = make("div", "ez-networks-bar");
      this.words = make("input", "", { type: "search", placeholder: "Search", "aria-label": "Search cards",
        id: "easel_networks_search" });
      this.order = select(ORDERS, "Order");
      this.order.value = options.order;
      this.direction = tool("", icons.up, () => this.turn(!this.descending));
      this.folders = new EaselFolders({ style: options.view, width: options.view_width, chosen: () => this.find() });
      this.view = tool("Folders", icons.folder, () => {
        this.showFolders(this.folders.root.hidden);
        if (this.folders.value) { this.folders.clear(); this.find(); }
      });
      this.showFolders(options.view_open);
      bar.append(this.words, this.order, this.direction, this.view, tool("Look for new files", icons.refresh,
        () => this.refresh()));
      this.words.addEventListener("input", () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.find(), TYPED);
      });
      this.order.addEventListener("change", () => this.turn(["changed", "created"].includes(this.order.value)));
      this.turn(options.descending, false);
      return bar;
    }

    /** The last goes first, or the first. */
    turn(descending, find = true) {
      this.descending = descending;
      const label = t(descending ? "Descending" : "Ascending");
      this.direction.replaceChildren(svg(descending ? icons.down : icons.up));
      Object.assign(this.direction, { title: label, ariaLabel: label });
      if (find) this.find();
    }

    showFolders(on) {
      this.folders.root.hidden = !on;
      this.view.setAttribute("aria-pressed", String(on));
    }

    open(tab) {
      this.tab = tab;
      this.root.hidden = false;
      document.body.classList.add("ez-with-networks");
      this.choose(this.kind);
      this.words.focus();
    }

    close() {
      this.root.hidden = true;
      document.body.classList.remove("ez-with-networks");
      document.querySelector(`#${this.tab}_extra_networks`)?.focus();
    }

    choose(kind) {
      this.kind = kind;
      this.about.hidden = true;
      this.offerAdd();
      for (const tab of this.tabs.children)
        tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
      this.folders.clear();
      this.find();
    }

    offerAdd() {
      this.add.hidden = this.kind !== "checkpoint" || !EaselModels.mayAdd();
    }

    /* ---- the list ---- */
    wish() {
      return { kind: this.kind, text: this.words.value.trim(), folder: this.folders.value,
        below: !this.slash, everything: this.everything, order: this.order.value, descending: this.descending };
    }

    async find(keep = false) {
      const number = (this.search += 1);
      if (!keep) clearTimeout(this.typing); // what was typed is asked for now
      const wish = this.wish();
      const page = (offset, limit) => ask(`${API}?${new URLSearchParams({ ...wish, offset, limit })}`);
      try {
        const found = await page(0, EaselParts.SIZE);
        if (number !== this.search) return;
        this.parts = new EaselParts(found.cards, async (...asked) => (await page(...asked)).cards,
          () => { if (number === this.search) this.grid.draw(); });
        this.dress(found.look);
        this.folders.show(found.folders, this.slash);
        this.say(found, wish);
        this.grid.show(found.total, keep);
      } catch (error) {
        this.empty.hidden = false;
        this.empty.textContent = t("The server does not answer ({reason}).", { reason: error.message });
      }
    }

    /** The cards' measures, as the settings say. */
    dress({ width, height, text_scale: scale, descriptions, slash, html }) {
      Object.assign(this.grid.asked, { least: width || LEAST, height });
      Object.assign(this, { describes: descriptions, slash, html });
      this.root.style.setProperty("--card-text", String(scale));
    }

    say({ total, unfit }, wish) {
      this.empty.hidden = total > 0;
      this.empty.textContent = wish.text || wish.folder || unfit
        ? t("Nothing fits this search.")
        : t("Nothing here yet: put files into {folder}, then look for new files.", { folder: FOLDERS[this.kind] });
      this.unfit.hidden = !unfit;
      if (!unfit) return;
      const show = make("button", "", { type: "button" });
      show.textContent = t("Show them");
      show.addEventListener("click", () => {
        this.everything = true;
        this.find(true);
      });
      this.unfit.replaceChildren(unfit === 1 ? t("1 LoRA for other checkpoints is hidden.")
        : t("{n} LoRAs for other checkpoints are hidden.", { n: unfit.toLocaleString() }), " ", show);
    }

    async refresh() {
      try {
        await ask(`${API}/refresh`, { method: "POST" });
      } catch (error) {
        EaselNotices.show(t("The folders could not be read: {why}", { why: error.message }));
      }
      this.find(true);
    }

    fill(cell, card) {
      cell.title = [card.alias || card.name, card.description].filter(Boolean).join("\n").slice(0, 300);
      cell.classList.toggle("ez-card-used", this.isUsed(card));
      if (card.thumbnail) {
        const image = make("img", "", { alt: "", draggable: "false" });
        image.src = address(card.thumbnail);
        cell.append(image);
      }
      const words = make("span", "ez-card-words");
      const name = make("b", "", { dir: "auto" });
      name.textContent = card.name.split("/").pop().replace(/\.(safetensors|ckpt|pt)$/, "");
      const more = make("small", "", { dir: "auto" });
      more.textContent = [card.base, card.folder].filter(Boolean).join(" · ");
      words.append(name, more);
      if (this.describes && card.description) {
        const about = make("small", "ez-card-description", { dir: "auto" });
        if (this.html) about.append(...easelSafeHtml(card.description));
        else about.textContent = card.description.slice(0, 200);
        words.append(about);
      }
      const about = make("button", "ez-card-about", { type: "button", tabindex: "-1",
        "aria-label": t("About {name}", { name: card.name }) });
      about.append(svg(icons.about));
      cell.append(words, about);
    }

    /* ---- using a card ---- */
    area(isNegative) {
      return document.querySelector(`#${this.tab}_${isNegative ? "neg_prompt" : "prompt"} textarea`);
    }

    isUsed(card) {
      if (card.kind === "checkpoint") return false;
      const area = this.area(EaselPrompts.isNegative() && card.kind === "embedding");
      return Boolean(area && EaselPrompts.holds(area, card.word));
    }

    use(card) {
      if (!card) return;
      if (card.kind === "checkpoint") {
        this.trigger("choose", { name: card.name });
        return;
      }
      const isNegative = card.kind === "embedding" && EaselPrompts.isNegative();
      EaselPrompts.toggle(this.area(isNegative), card.word, card.activation_text);
      if (card.negative_text) EaselPrompts.toggle(this.area(true), `(${card.negative_text}:1)`, "");
      this.grid.draw(true);
    }
  }

  // The cards belong to the tab whose prompt they go into.
  document.addEventListener("click", (event) => {
    if (drawer && !drawer.root.hidden && event.target.closest?.('#tabs > .tab-wrapper [role="tab"]')) drawer.close();
  });

  window.EaselNetworks = {
    configure: ({ networks }) => Object.assign(options, networks),
    mount: (trigger) => { drawer ??= new Drawer(trigger); },
    toggle: (tab) => {
      if (!drawer) return;
      if (!drawer.root.hidden && drawer.tab === tab) drawer.close();
      else drawer.open(tab);
    },
    /** Whether models may be added is known by now. */
    offerAdd: () => { drawer?.offerAdd(); },
    /** New files may be there. */
    refresh: () => { if (drawer && !drawer.root.hidden) drawer.find(true); },
    /** Use the checkpoint of that name. */
    choose: (name) => { drawer?.trigger("choose", { name }); },
  };
})();
