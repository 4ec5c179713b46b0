/* The drawer "Add models": a file dropped, another program's folder, a download. And the one line that
 * points to it while there is only the built-in model.
 *
 * Asks easel/v1/models once when the page is ready, easel/v1/downloads only while one is under way or
 * the drawer is open. Knows no form; files that came are made known by the buttons that look for them.
 */
(() => {
  "use strict";
  const { make, svg, ask } = EaselDom;
  const API = "easel/v1/models";
  const DOWNLOADS = "easel/v1/downloads";
  const DISMISSED = "easel-first-dismissed";
  const PERIOD = 1000; // ms between two looks at downloads
  const UNDER_WAY = ["waiting", "running", "checking"];
  const icons = {
    close: "M6 6l12 12M18 6 6 18",
    pause: "M9 6v12M15 6v12",
    resume: "M8 5.5v13l10-6.5z",
  };
  const KINDS = { checkpoint: "checkpoints", vae: "VAEs", lora: "LoRAs", embedding: "embeddings",
    hypernetwork: "hypernetworks" };
  let state = null;
  let drawer = null;

  const words = (tag, text, className = "") => Object.assign(make(tag, className), { textContent: t(text) });
  const json = (method, body) =>
    ({ method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

  function field(label, name, attributes = {}) {
    const line = make("label", "ez-models-field");
    line.append(t(label), make("input", "", { type: "text", name, autocomplete: "off", spellcheck: "false",
      ...attributes }));
    return line;
  }

  function button(text, action, className = "") {
    const made = words("button", text, className);
    made.type = "button";
    made.addEventListener("click", action);
    return made;
  }

  function tool(label, icon, action) {
    const made = make("button", "ez-drawer-tool", { type: "button", title: label, "aria-label": label });
    made.append(svg(icon));
    made.addEventListener("click", action);
    return made;
  }

  /** Lists on the page look for new files. */
  function spread() {
    document.querySelector("#refresh_sd_model_checkpoint")?.click();
    window.EaselNetworks?.refresh();
    look();
  }

  /* ---- the line ---- */
  function isDismissed() {
    try {
      return localStorage.getItem(DISMISSED) === "yes";
    } catch {
      return false;
    }
  }

  function drawLine() {
    const place = document.querySelector(".ez-first");
    if (!place) return;
    place.hidden = !state.only_builtin || !state.may_add || isDismissed();
    if (place.hidden || place.querySelector("button")) return;
    const away = tool("Dismiss", icons.close, () => {
      place.hidden = true;
      try {
        localStorage.setItem(DISMISSED, "yes");
      } catch {}
    });
    place.append(
      words("span", "Only Easel's own small model is here: fifteen things in a small world, at 128x128."),
      button("Add a checkpoint", () => window.EaselModels.open(), "ez-models-button"), away);
  }

  async function look() {
    try {
      state = await ask(API);
    } catch {
      return; // status.js says that the server is away
    }
    drawLine();
    drawer?.drawState();
    window.EaselNetworks?.offerAdd();
    if (state.fetching) drawers().look();
  }

  function drawers() {
    drawer ??= new Drawer();
    return drawer;
  }

  class Drawer {
    constructor() {
      this.done = null; // ids of downloads that were done at the last look
      this.root = make("section", "ez-drawer ez-models", { id: "easel_models", "aria-label": "Add models",
        hidden: "" });
      const head = make("div", "ez-drawer-head");
      head.append(words("h2", "Add models"), tool("Close", icons.close, () => this.close()));
      this.body = make("div", "ez-models-body");
      this.refused = words("p", "Only the machine's owner adds models here.");
      this.ways = make("div", "ez-models-ways");
      this.ways.append(this.buildDrop(), this.buildFolders(), this.buildDownload());
      this.body.append(this.refused, this.ways);
      this.root.append(head, this.body);
      document.body.append(this.root);
      this.root.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.close();
      });
      this.drawState();
    }

    open() {
      this.opener = document.activeElement;
      this.root.hidden = false;
      look();
      this.look();
      this.root.querySelector("button").focus();
    }

    close() {
      this.root.hidden = true;
      if (this.opener?.isConnected) this.opener.focus();
    }

    drawState() {
      if (!state) return;
      this.refused.hidden = state.may_add;
      this.ways.hidden = !state.may_add;
      this.folders.hidden = !state.may_choose_folders;
      this.form.hidden = state.offline;
      this.off.hidden = !state.offline;
      this.known.replaceChildren(...state.folders.map((folder) => {
        const row = make("li");
        const found = folder.kinds.map((kind) => t(KINDS[kind])).join(", ") || "nothing there any more";
        const text = make("span");
        text.append(words("b", folder.path), words("small", found));
        row.append(text, tool("Read it no more", icons.close, () => this.forget(folder.path)));
        return row;
      }));
    }

    section(title, text) {
      const part = make("section", "ez-models-part");
      part.append(words("h3", title), words("p", text));
      return part;
    }

    /* ---- a file ---- */
    buildDrop() {
      const part = this.section("Send a file",
        "A checkpoint, LoRA, VAE or embedding; it finds its own folder.");
      const zone = make("label", "ez-models-zone");
      const input = make("input", "", { type: "file", multiple: "", accept: ".safetensors,.ckpt,.pt,.bin" });
      zone.append(t("Drop it here, or choose one"), input);
      this.sent = make("ul", "ez-models-list");
      part.append(zone, this.sent);
      input.addEventListener("change", () => {
        this.take(input.files);
        input.value = "";
      });
      for (const kind of ["dragover", "drop"]) {
        this.root.addEventListener(kind, (event) => {
          if (!event.dataTransfer?.types.includes("Files")) return;
          event.preventDefault();
          event.stopPropagation();
          if (kind === "drop") this.take(event.dataTransfer.files);
        });
      }
      return part;
    }

    take(files) {
      if (!state?.may_add) return;
      for (const file of files) EaselModelUpload.send(file, this.sent, () => state.piece, spread);
    }

    /* ---- a folder ---- */
    buildFolders() {
      this.folders = this.section("Use another program's models",
        "The models folder of A1111, Forge or ComfyUI. It is read where it is; nothing is copied.");
      const form = make("form", "ez-models-row");
      const path = make("input", "", { type: "text", name: "path", "aria-label": "Folder",
        placeholder: "/home/me/stable-diffusion-webui/models", autocomplete: "off", spellcheck: "false" });
      form.append(path, words("button", "Add", "ez-models-button"));
      this.folderFault = make("p", "ez-models-fault", { role: "alert" });
      this.known = make("ul", "ez-models-list");
      this.folders.append(form, this.folderFault, this.known);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.changeFolders(`${API}/folders`, path.value, () => { path.value = ""; });
      });
      return this.folders;
    }

    forget(path) {
      this.changeFolders(`${API}/folders/forget`, path, () => {});
    }

    async changeFolders(place, path, then) {
      this.folderFault.textContent = "";
      try {
        state = await ask(place, json("POST", { path }));
        then();
        this.drawState();
        spread();
      } catch (error) {
        this.folderFault.textContent = error.message;
      }
    }

    /* ---- a download ---- */
    buildDownload() {
      const part = this.section("Download", "From the Hugging Face hub, or from any web address.");
      this.off = words("p", "Downloads are off: the server was started with --offline.", "ez-models-off");
      this.form = make("form", "ez-models-form");
      const more = make("details");
      const trust = make("label", "ez-models-tick");
      trust.append(make("input", "", { type: "checkbox", name: "pickles" }),
        t("Allow .ckpt and .pt. Such files of strangers have carried programs; Easel runs none of it, other programs may."));
      more.append(words("summary", "More"),
        field("Token, for a file that is not for everybody (it is not stored)", "token",
          { type: "password", autocomplete: "new-password" }),
        field("Save as", "name"), field("Revision", "revision", { placeholder: "main" }),
        field("sha256 that it must have", "sha256"), trust);
      this.form.append(
        field("Repository or web address", "from", { placeholder: "owner/name or https://...", required: "" }),
        field("File in the repository", "file", { placeholder: "model.safetensors" }), more);
      this.fault = make("p", "ez-models-fault", { role: "alert" });
      this.form.append(this.fault, words("button", "Download", "ez-models-button"));
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.download();
      });
      this.list = make("ul", "ez-models-list", { "aria-label": "Downloads" });
      part.append(this.off, this.form, this.list);
      return part;
    }

    async download() {
      const typed = Object.fromEntries(new FormData(this.form));
      const from = typed.from.trim();
      const isAddress = /^[a-z]+:\/\//i.test(from);
      const where = isAddress ? { url: from } : { repository: from, file: typed.file };
      const { token, name, sha256 } = typed;
      const body = { ...where, token, name, sha256, pickles: "pickles" in typed,
        revision: typed.revision || "main" };
      this.fault.textContent = "";
      try {
        await ask(DOWNLOADS, json("POST", body));
        this.token = token; // for another attempt, while the page is open
        this.form.reset();
        this.look();
      } catch (error) {
        this.fault.textContent = error.message;
      }
    }

    async look() {
      clearTimeout(this.timer);
      if (!state?.may_add && this.root.hidden) return;
      let rows = [];
      try {
        rows = (await ask(DOWNLOADS)).downloads;
      } catch (error) {
        this.fault.textContent = state?.may_add === false ? "" : error.message;
      }
      const done = new Set(rows.filter((row) => row.state === "done").map((row) => row.id));
      if (this.done && [...done].some((id) => !this.done.has(id))) spread();
      this.done = done;
      this.drawDownloads(rows);
      const goesOn = rows.some((row) => UNDER_WAY.includes(row.state));
      if (goesOn && !document.hidden) this.timer = setTimeout(() => this.look(), PERIOD);
    }

    drawDownloads(rows) {
      const told = JSON.stringify(rows);
      if (told === this.told) return;
      this.told = told;
      const focused = this.list.contains(document.activeElement) && document.activeElement.dataset.key;
      this.list.replaceChildren(...rows.map((row) => this.row(row)));
      if (focused) this.list.querySelector(`[data-key="${focused}"]`)?.focus();
    }

    row(download) {
      const line = EaselModelUpload.row(download.name || download.source);
      line.item.dataset.state = download.state;
      line.tell(EaselModelUpload.inWords(download), download.size > 0 ? download.have / download.size : 0);
      const act = (label, icon, method, ending, body) => {
        const made = tool(label, icon, () => this.act(method, `${DOWNLOADS}/${download.id}${ending}`, body));
        made.dataset.key = `${download.id}${ending}`;
        line.tools.append(made);
      };
      if (UNDER_WAY.includes(download.state)) act("Pause", icons.pause, "POST", "/pause");
      if (["paused", "failed"].includes(download.state) && !state?.offline)
        act("Go on", icons.resume, "POST", "/resume", () => ({ token: this.tokenFor(download) }));
      if (download.state === "done" && download.kind === "checkpoint")
        line.tools.append(button("Use it", () => EaselNetworks.choose(download.name), "ez-models-button"));
      act(download.state === "done" ? "Clear" : "Cancel", icons.close, "DELETE", "");
      return line.item;
    }

    /** What stands in the field for tokens, else what was given last. */
    tokenFor(download) {
      const typed = this.form.elements.token.value.trim();
      if (!typed && download.needs_token) this.form.querySelector("details").open = true;
      return typed || this.token || "";
    }

    async act(method, place, body) {
      this.fault.textContent = "";
      try {
        await ask(place, body ? json(method, body()) : { method });
      } catch (error) {
        this.fault.textContent = error.message;
      }
      this.look();
    }
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) drawer?.look(); });
  window.EaselModels = {
    look,
    open: () => drawers().open(),
    mayAdd: () => Boolean(state?.may_add),
  };
})();
