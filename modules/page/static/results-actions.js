/* The buttons under the selected picture: one table, a row each.
 *
 * A row is {id, label, title, icon, small, when(at), run(at)}; `at` is {tab, job, item, panel}: the
 * picture's job, its own record, and the panel that shows it. Rows without `when` are always there,
 * `small` ones show their icon alone. Knows no polling; others add rows to EaselActions.rows. The ids
 * are A1111's; a function gives that of a tab.
 */
(() => {
  "use strict";
  const { make, svg, address, ask } = EaselDom;

  const icons = {
    save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
    download: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
    zip: "M4 9h16v11H4zM3 4h18v5H3zM10 13h4",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
    brush: "M4 20c3 0 5-1 5-4l9-11 2 2-11 9",
    mask: "M4 5h16v14H4zM9 12a3 3 0 1 0 6 0 3 3 0 1 0-6 0",
    sparkle: "M10 5l1.8 5.2L17 12l-5.2 1.8L10 19l-1.8-5.2L3 12l5.2-1.8zM18 3v5m-2.5-2.5h5M19 16v4m-2-2h4",
    compare: "M12 3v18M9 6H4v12h5M15 6h5v12h-5",
    seed: "M4 12a8 8 0 1 1 3 6M4 12V7m0 5h5",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    read: "M4 6h16M4 12h10M4 18h7m6-5v7m0 0 3-3m-3 3-3-3",
    folder: "M3 6h6l2 2h10v11H3z",
    delete: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13",
  };

  const fetched = (path) => make("a", "", { href: address(path), download: "" }).click();
  const named = ({ job, item }) => ({ job: job.id, index: item.index });
  const isPicture = ({ item }) => item.index >= 0; // no grid
  const send = (to) => (at) => at.panel.trigger("send", { ...named(at), to });
  const download = ({ item }) => fetched(`${item.url}?download=true`);

  /** A copy among the pictures worth keeping, and a line in the log there. */
  async function save({ panel, item }) {
    try {
      const { names } = await ask(`${item.url}/save`, { method: "POST" });
      panel.say(names.length > 1 ? t("{n} pictures saved", { n: names.length })
        : t("Saved as {name}", { name: names[0] }));
    } catch (error) {
      panel.say(t("Not saved: {why}", { why: error.message }), true);
    }
  }

  /** The job's pictures, and what was made larger from them. */
  function zip({ panel }) {
    const { shown, entries } = panel.pictures;
    const others = new Set(entries.map(({ job }) => job.id).filter((id) => id !== shown.id));
    const also = [...others].map((id) => `also=${id}`).join("&");
    fetched(`easel/v1/jobs/${shown.id}/zip?${also}`);
  }

  async function copy({ panel, item }) {
    try {
      await navigator.clipboard.writeText(item.infotext);
      panel.say(t("Copied"));
    } catch {
      panel.say(t("The browser does not allow copying here; select the text instead"), true);
    }
  }

  /* ---- comparing ---- */
  const candidate = ({ job, item }, label) => ({
    id: `${job.id}/${item.index}`, label, url: address(item.url), width: item.width, height: item.height,
  });

  /** What the selected picture can be compared with: its start, those beside it, those of other jobs. */
  function candidates({ panel, job, item }) {
    const { entries, others } = panel.pictures;
    const start = EaselFamily.hasStart(job)
      ? [{ id: "start", label: t("Start"), url: address(`${item.url}/start`), width: 0, height: 0 }] : [];
    const own = entries.map((entry, place) => candidate(entry, t("Picture {n}", { n: panel.pictures.number(place) })))
      .filter((each, place) => isPicture(entries[place]));
    const earlier = others.map((entry) => candidate(entry, t("Earlier: seed {seed}", { seed: entry.item.seed })));
    return [...start, ...own, ...earlier];
  }

  function compare(at) {
    const pictures = candidates(at);
    const right = pictures.find(({ id }) => id === `${at.job.id}/${at.item.index}`);
    const left = pictures.find((each) => each !== right);
    const onClose = () => at.panel.pictures.stage.focus();
    EaselPage.later(() => EaselCompare.open({ pictures, left, right, onClose }));
  }

  /* ---- this machine's own folders ---- */
  let showsFolders = null; // null: not asked yet

  async function askAboutFolders() {
    if (showsFolders !== null) return;
    showsFolders = false;
    try {
      showsFolders = (await ask("easel/v1/me")).shows_folders;
    } catch {} // then there is no such button
    if (showsFolders) document.dispatchEvent(new CustomEvent("easel-actions"));
  }

  async function showFolder({ panel, item }) {
    try {
      await ask(`${item.url}/show-folder`, { method: "POST" });
    } catch (error) {
      panel.say(t("The folder can't be shown: {why}", { why: error.message }), true);
    }
  }

  const rows = [
    { id: (tab) => `save_${tab}`, label: "Save", title: "Keep a copy in the folder for saved pictures",
      icon: icons.save, run: save },
    { id: (tab) => `${tab}_send_to_img2img`, label: "img2img", title: "Send picture and parameters to img2img",
      icon: icons.image, when: isPicture, run: send("img2img") },
    { id: (tab) => `${tab}_send_to_sketch`, label: "Sketch", title: "Paint over the picture on the colour canvas",
      icon: icons.brush, when: isPicture, run: send("sketch") },
    { id: (tab) => `${tab}_send_to_inpaint`, label: "Inpaint", title: "Paint a part of the picture anew",
      icon: icons.mask, when: isPicture, run: send("inpaint") },
    { id: (tab) => `${tab}_send_to_txt2img`, label: "txt2img", title: "Send the parameters to txt2img",
      icon: icons.read, when: (at) => at.tab === "img2img" && isPicture(at), run: send("txt2img") },
    { id: (tab) => `${tab}_upscale`, label: "Upscale",
      title: "Make this picture larger, by the settings of Hires. fix", icon: icons.sparkle,
      when: (at) => at.tab === "txt2img" && isPicture(at), run: (at) => at.panel.trigger("upscale", named(at)) },
    { id: (tab) => `${tab}_download`, label: "Download", title: "Download the picture with its parameters",
      icon: icons.download, small: true, run: download },
    { id: (tab) => `save_zip_${tab}`, label: "Zip", title: "Download all these pictures in one file",
      icon: icons.zip, small: true, when: ({ panel }) => panel.pictures.entries.length > 1, run: zip },
    { id: (tab) => `${tab}_compare`, label: "Compare", title: "Compare with another picture, or with its start",
      icon: icons.compare, small: true, when: (at) => isPicture(at) && candidates(at).length > 1, run: compare },
    { id: (tab) => `${tab}_reuse_seed_of_picture`, label: "Reuse seed",
      title: "Put this picture's seed into the form", icon: icons.seed, small: true, when: isPicture,
      run: send("seed") },
    { id: (tab) => `${tab}_copy_infotext`, label: "Copy text", title: "Copy the parameters", icon: icons.copy,
      small: true, run: copy },
    { id: (tab) => `${tab}_open_folder`, label: "Show folder", title: "Show the picture's folder on this machine",
      icon: icons.folder, small: true, when: () => showsFolders, run: showFolder },
    { id: (tab) => `${tab}_delete`, label: "Delete", title: "Delete the picture; it can be put back",
      icon: icons.delete, small: true,
      run: ({ item }) => EaselPage.later(() => EaselDeleting.remove({ name: item.file_name, path: item.url })) },
  ];

  /** The row of buttons of one tab. current(): `at`, or null while no picture is shown. */
  class Bar {
    constructor(tab, current) {
      this.tab = tab;
      this.current = current;
      this.root = make("div", "ez-actions");
      this.main = make("div");
      this.tools = make("div");
      this.root.append(this.main, this.tools);
      this.buttons = new Map();
      document.addEventListener("easel-actions", () => this.draw());
    }

    /** What fits the selected picture. */
    draw() {
      const at = this.current();
      if (!at) return;
      askAboutFolders();
      for (const row of rows) {
        if (!this.buttons.has(row)) this.add(row);
        this.buttons.get(row).hidden = Boolean(row.when && !row.when(at));
      }
    }

    add(row) {
      const { id, label, title, icon, small, run } = row;
      const button = make("button", small ? "ez-action ez-small" : "ez-action",
        { type: "button", id: id(this.tab), title: t(title), "aria-label": t(label) });
      const words = make("span");
      words.textContent = t(label);
      button.append(svg(icon), words);
      button.addEventListener("click", () => {
        const at = this.current();
        if (at) run(at);
      });
      this.buttons.set(row, button);
      (small ? this.tools : this.main).append(button);
    }
  }

  window.EaselActions = { rows, Bar, download };
})();
