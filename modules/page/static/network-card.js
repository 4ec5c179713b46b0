/* One network in full: its picture, what its owner wrote, what its file says. Opened in the drawer. */
(() => {
  "use strict";
  const { make, address, ask } = EaselDom;
  const API = "easel/v1/networks";
  const FIELDS = [["description", "Description", 2], ["activation_text", "Activation text", 2],
    ["negative_text", "Negative prompt", 1], ["sd_version", "Made for", 1], ["notes", "Notes", 3]];
  const size = (bytes) => bytes > 1e9 ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes > 1e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${Math.ceil(bytes / 1e3)} kB`;

  const named = (card) => `kind=${card.kind}&name=${encodeURIComponent(card.name)}`;

  function field([name, label, rows], value) {
    const words = make("label", "ez-card-field");
    const area = make(rows > 1 ? "textarea" : "input", "", rows > 1 ? { rows } : { type: "text" });
    area.name = name;
    area.value = value ?? "";
    words.append(t(label), area);
    return words;
  }

  function weight(value) {
    const words = make("label", "ez-card-field");
    const number = make("input", "", { type: "number", min: 0, max: 2, step: 0.05, name: "preferred_weight" });
    number.value = value ?? 0;
    words.append(t("Preferred weight (0: the setting's)"), number);
    return words;
  }

  function facts(card) {
    const list = make("p", "ez-card-facts", { dir: "auto" });
    const when = new Date(card.changed * 1000).toLocaleDateString();
    list.textContent = [card.file, size(card.size), card.hash, when].filter(Boolean).join(" · ");
    return list;
  }

  function metadata(entries) {
    const details = make("details", "ez-card-metadata");
    const summary = make("summary");
    summary.textContent = t("What the file says ({n})", { n: entries.length });
    const text = make("pre");
    text.textContent = entries.map(([name, value]) => `${name}: ${value}`).join("\n");
    details.append(summary, text);
    details.hidden = !entries.length;
    return details;
  }

  /** Fill `root` with the card; `changed()` is called when something of it was saved. */
  async function show(root, brief, changed) {
    let card;
    try {
      card = await ask(`${API}/card?${named(brief)}`);
    } catch (error) {
      EaselNotices.show(t("{name} can't be shown: {why}", { name: brief.name, why: error.message }));
      return;
    }
    const form = make("form", "ez-card-form");
    const title = make("h3", "", { dir: "auto" });
    title.textContent = card.alias || card.name;
    const picture = make("img", "ez-card-picture", { alt: "" });
    if (card.thumbnail) picture.src = address(card.thumbnail);
    picture.hidden = !card.thumbnail;
    const notes = Object.fromEntries(
      Object.entries(card.notes).map(([name, value]) => [name.replaceAll(" ", "_"), value]));
    const buttons = make("div", "ez-card-buttons");
    const back = make("button", "", { type: "button" });
    back.textContent = t("Back");
    back.addEventListener("click", () => { root.hidden = true; });
    const shown = make("button", "ez-card-shown", { type: "button",
      title: t("The selected picture of the tab becomes the preview") });
    shown.textContent = t("Replace preview");
    const choose = make("label", "ez-card-file", { title: t("A picture of yours becomes the preview") });
    const file = make("input", "", { type: "file", accept: "image/*" });
    choose.append(t("Preview from a file"), file);
    const save = make("button", "ez-card-save", { type: "submit" });
    save.textContent = t("Save");
    buttons.append(back, shown, choose, save);
    const fault = make("p", "ez-complaint", { role: "alert" });
    form.append(title, picture, facts(card), ...FIELDS.map((row) => field(row, notes[row[0]])),
      weight(notes.preferred_weight), buttons, fault, metadata(Object.entries(card.metadata)));
    const told = (text) => { fault.textContent = text; };
    const replace = async (data) => {
      told("");
      if (!(await send(`${API}/preview?${named(card)}`, data, told))) return;
      changed();
      const fresh = await ask(`${API}/card?${named(brief)}`).catch(() => card);
      if (fresh.thumbnail) picture.src = address(fresh.thumbnail); // what is being written stays
      picture.hidden = !fresh.thumbnail;
    };
    file.addEventListener("change", () => {
      replace(file.files[0]);
      file.value = ""; // the same file may be chosen again, once it is mended
    });
    shown.addEventListener("click", async () => {
      const data = await selected();
      if (data) replace(data);
      else told(t("There is no picture yet: make one, or choose a file"));
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = { ...notes, ...Object.fromEntries(new FormData(form)) };
      body.preferred_weight = Number(body.preferred_weight) || 0;
      const text = new Blob([JSON.stringify(body)], { type: "application/json" });
      told("");
      if (await send(`${API}/notes?${named(card)}`, text, told)) {
        root.hidden = true;
        changed();
      }
    });
    root.replaceChildren(form);
    root.hidden = false;
    root.scrollTop = 0;
    back.focus();
  }

  /** The selected picture of the open tab, else of the other one; null where there is none. */
  async function selected() {
    const tabs = ["txt2img", "img2img"];
    if (document.querySelector("#tab_img2img")?.offsetParent) tabs.reverse();
    const url = tabs.map((tab) => EaselResults.valueOf(tab, "url")).find(Boolean);
    const answer = url ? await fetch(address(url), { credentials: "same-origin" }).catch(() => null) : null;
    return answer?.ok ? answer.blob() : null;
  }

  /** told(words): it was refused; what was written stays. */
  async function send(path, body, told) {
    if (!body) return false;
    try {
      await ask(path, { method: "POST", body, headers: body.type ? { "Content-Type": body.type } : {} });
      return true;
    } catch (error) {
      told(error.status ? t("Not saved: {why}", { why: error.message })
        : t("The server does not answer, so nothing was saved: try again"));
      return false;
    }
  }

  window.EaselNetworkCard = { show };
})();
