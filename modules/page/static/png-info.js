/* The PNG Info tab: a picture is dropped, chosen or pasted; beside it stands every text in its file.
 *
 * The file is sent to easel/v1/png-info alone, which keeps nothing; what it says is wrong with it is
 * told below the picture, and what was shown before stays. Text from files goes in by textContent
 * alone.
 */
(() => {
  "use strict";
  const { make, svg, tool, address, ask } = EaselDom;
  const ICONS = { add: "M4 5h16v14H4zM12 9v6M9 12h6", close: "M6 6l12 12M18 6 6 18",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1" };
  const TARGETS = ["txt2img", "img2img", "inpaint"];
  const MB = 1024 * 1024;
  let panel = null;

  function size(bytes) {
    return bytes < MB ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / MB).toFixed(1)} MB`;
  }

  /** The file in what was dropped or pasted; a picture dragged from this page comes as its address. */
  async function fileIn(transfer) {
    if (transfer?.files?.length) return transfer.files[0];
    const line = transfer?.getData("text/uri-list").split("\n").find((each) => each && each[0] !== "#") ?? "";
    if (!line.startsWith(address("easel/v1/"))) return null;
    const answer = await fetch(line, { credentials: "same-origin" });
    return answer.ok ? new File([await answer.blob()], t("Picture"), { type: answer.headers.get("content-type") }) : null;
  }

  class PngInfo {
    constructor(mostMb) {
      this.most = mostMb;
      this.turn = 0; // of reading: an answer to an earlier one comes too late
      this.shown = null; // {address, infotext} of the picture
      this.build();
      this.draw(null);
    }

    build() {
      this.root = make("div", "ez-info");
      const source = make("div", "ez-info-source", { id: "pnginfo_image" });
      this.zone = make("button", "ez-info-zone", { type: "button" });
      this.picture = make("img", "", { alt: "The picture that is read", draggable: "false" });
      this.words = make("span");
      this.zone.append(svg(ICONS.add), this.picture, this.words);
      this.remove = tool("Remove the picture", ICONS.close, () => this.clear());
      this.field = make("input", "", { type: "file", hidden: "", accept: "image/*,.tif,.tiff,.avif",
        "aria-label": "Picture to read" });
      this.line = make("p", "ez-info-line", { role: "status" });
      this.fault = make("div", "ez-complaint", { role: "alert" });
      source.append(this.zone, this.remove, this.field, this.line, this.fault);
      const side = make("div", "ez-info-side");
      const sends = make("div", "ez-info-send");
      this.sends = TARGETS.map((target) => {
        const button = make("button", "ez-action", { type: "button", id: `pnginfo_send_to_${target}` });
        button.textContent = t(`Send to ${target}`);
        button.addEventListener("click", () => this.send(target));
        return button;
      });
      sends.append(...this.sends);
      this.text = make("div", "ez-info-text", { id: "pnginfo_generation_info" });
      side.append(sends, this.text);
      this.root.append(source, side);
      this.listen(source);
    }

    listen(source) {
      this.zone.addEventListener("click", () => this.field.click());
      this.field.addEventListener("change", () => { this.read(this.field.files[0]); this.field.value = ""; });
      source.addEventListener("dragover", (event) => {
        event.preventDefault();
        this.zone.dataset.drop = "";
      });
      for (const end of ["dragleave", "drop"]) source.addEventListener(end, () => { delete this.zone.dataset.drop; });
      source.addEventListener("drop", async (event) => {
        event.preventDefault();
        event.stopPropagation();
        this.read(await fileIn(event.dataTransfer).catch(() => null));
      });
      document.addEventListener("paste", (event) => {
        if (!this.root.offsetParent || event.target.closest?.("input, textarea")) return;
        if (event.clipboardData?.files.length) this.read(event.clipboardData.files[0]);
      });
      this.picture.addEventListener("load", () => {
        this.zone.dataset.seen = "";
        this.tell();
      });
      this.picture.addEventListener("error", () => { delete this.zone.dataset.seen; });
    }

    /** Ask what the file says; only a picture takes the place of the one before. */
    async read(file) {
      if (!file) return;
      const turn = (this.turn += 1);
      this.complain("");
      const wrong = this.judged(file);
      if (wrong) return this.complain(wrong);
      this.line.textContent = t("Reading {name}", { name: file.name });
      try {
        const { infotext, items } = await ask("easel/v1/png-info", { method: "POST", body: file });
        if (turn === this.turn) this.draw({ file, infotext: infotext ?? "", items });
      } catch (error) {
        const why = await this.reason(file, error);
        if (turn !== this.turn) return;
        this.tell();
        this.complain(why);
      }
    }

    judged({ name, size: bytes }) {
      if (!bytes) return t("{name} is empty: choose a picture", { name });
      if (bytes <= this.most * MB) return "";
      return t("{name} has {size}; at most {most} MB can be read", { name, size: size(bytes), most: this.most });
    }

    async reason(file, error) {
      const { name } = file;
      if (error.status) return t("{name} can't be read: {why}", { name, why: error.message });
      const isThere = await file.slice(0, 1).arrayBuffer().catch(() => null);
      return isThere ? t("The server does not answer, so {name} was not read: try again", { name })
        : t("{name} was changed or moved: choose it again", { name });
    }

    complain(text) {
      this.fault.textContent = text;
      this.fault.hidden = !text;
    }

    /** found: {file, infotext, items}; null: no picture. */
    draw(found) {
      if (this.shown && !this.shown.sent) URL.revokeObjectURL(this.shown.address);
      delete this.zone.dataset.seen;
      this.shown = found && { ...found, address: URL.createObjectURL(found.file) };
      if (found) this.picture.src = this.shown.address;
      else this.picture.removeAttribute("src");
      this.words.textContent = found ? found.file.name : t("Drop a picture here, paste it, or choose it");
      this.zone.setAttribute("aria-label", found ? t("Choose another picture") : this.words.textContent);
      this.zone.title = found ? t("Choose another picture") : "";
      this.remove.hidden = !found;
      for (const button of this.sends) button.disabled = !found;
      const entries = found ? Object.entries(found.items) : [];
      if (found?.infotext) entries.unshift(["parameters", found.infotext]);
      this.text.replaceChildren(...entries.map(([name, words]) => this.entry(name, String(words))));
      if (!entries.length) {
        const none = make("p");
        none.textContent = t(found ? "This picture holds no parameters." : "What a picture says about itself appears here.");
        this.text.append(none);
      }
      this.tell();
    }

    tell() {
      const { file } = this.shown ?? {};
      const { naturalWidth: width, naturalHeight: height } = this.picture;
      const sides = width && "seen" in this.zone.dataset ? [`${width} × ${height}`] : [];
      this.line.textContent = file ? [file.name, ...sides, size(file.size)].join(" · ") : "";
    }

    entry(name, words) {
      const made = make("section");
      const title = make("h3");
      title.textContent = name;
      const text = make("div", "ez-infotext");
      text.textContent = words;
      const copy = tool("Copy text", ICONS.copy, async () => {
        try {
          await navigator.clipboard.writeText(words);
          title.textContent = `${name} · ${t("Copied")}`;
          setTimeout(() => { title.textContent = name; }, 2000);
        } catch {
          this.complain(t("The browser does not allow copying here; select the text instead"));
        }
      });
      made.append(title, copy, text);
      return made;
    }

    clear() {
      this.turn += 1;
      this.complain("");
      this.draw(null);
      this.zone.focus();
    }

    send(to) {
      const { infotext, address: place } = this.shown;
      if (!infotext && to === "txt2img") return this.complain(t("This picture holds no parameters."));
      this.complain("");
      this.shown.sent = true; // its address must last
      this.trigger("send", { to, infotext, address: place });
    }
  }

  window.EaselPngInfo = {
    mount(element, props, trigger) {
      panel ??= new PngInfo(props.most_mb);
      panel.trigger = trigger;
      element.querySelector(".ez-info-place").replaceChildren(panel.root);
    },
  };
})();
