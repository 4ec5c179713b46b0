/* img2img's Batch sub-tab: the list of pictures to be sent, and reading folders of the machine.
 *
 * record() hands over what a job is to work on, names and sums. Its elements come and go with
 * Gradio's tabs; the list does not. Text from outside goes in by textContent alone.
 */
(() => {
  "use strict";
  const { make, svg, ask } = EaselDom;
  const ROWS = 200; // drawn at most
  const TRIES = 30; // of one look into a folder, while the server does not answer
  const PICTURE = /\.(png|jpe?g|webp|avif|gif|tiff?)$/i;
  const ICONS = { add: "M4 5h16v14H4zM12 9v6M9 12h6", close: "M6 6l12 12M18 6 6 18" };
  const isShown = (id) => Boolean(document.querySelector(`#${id}`)?.offsetParent);
  const valueOf = (id) => document.querySelector(`#${id} :is(input, textarea)`)?.value.trim() ?? "";
  let root = null;
  let reading = null; // an AbortController while Generate waits for pictures
  let isDrawn = true;

  const list = new EaselUploads.UploadList(() => {
    if (!isDrawn) return;
    isDrawn = false;
    requestAnimationFrame(draw);
  });

  /* ---- the list ---- */
  function build() {
    root.replaceChildren();
    const zone = make("button", "ez-batch-zone", { type: "button" });
    const words = make("span");
    words.textContent = t("Drop pictures or a folder here, or choose them");
    zone.append(svg(ICONS.add), words);
    const field = make("input", "", { type: "file", multiple: "", hidden: "", accept: "image/*,.tif,.tiff,.avif",
      "aria-label": t("Pictures of the batch") });
    zone.addEventListener("click", () => field.click());
    field.addEventListener("change", () => { add(field.files); field.value = ""; });
    root.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.dataset.drop = "";
    });
    for (const end of ["dragleave", "drop"]) root.addEventListener(end, () => { delete zone.dataset.drop; });
    root.addEventListener("drop", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      add(await EaselUploads.dropped(event.dataTransfer));
    });
    const head = make("div", "ez-batch-head");
    const clear = make("button", "ez-batch-clear", { type: "button" });
    clear.textContent = t("Remove all");
    clear.addEventListener("click", () => list.clear());
    head.append(make("b"), make("span", "", { role: "status" }), clear);
    const bar = make("div", "ez-job-bar");
    bar.append(make("i"));
    root.append(zone, field, head, bar, make("ul", "ez-batch-list"));
  }

  function add(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/") || PICTURE.test(file.name));
    if (pictures.length) list.add(pictures);
    const left = files.length - pictures.length;
    if (left) EaselNotices.show(t("{n} files are no pictures and were left out", { n: left }));
  }

  function inWords(count) {
    const problems = list.entries.filter((entry) => entry.problem).length;
    if (list.isLost) return t("The server does not answer; trying again");
    if (list.waiting) return t("sending {n} of {all}", { n: count - list.waiting + 1, all: count });
    if (list.lost) return t("{n} were not sent when the page was left: add them again", { n: list.lost });
    return problems ? t("{n} can't be used", { n: problems }) : "";
  }

  function draw() {
    isDrawn = true;
    if (!root?.isConnected) return;
    const count = list.entries.length;
    const [title, said, clear] = root.querySelector(".ez-batch-head").children;
    title.textContent = count === 1 ? t("1 picture") : t("{n} pictures", { n: count });
    const words = inWords(count);
    if (said.textContent !== words) said.textContent = words;
    said.classList.toggle("ez-error", list.isLost || Boolean(list.lost));
    root.querySelector(".ez-batch-head").hidden = !count && !list.lost;
    clear.hidden = !count;
    root.querySelector(".ez-job-bar").hidden = !list.waiting;
    root.querySelector(".ez-job-bar i").style.width = `${Math.round(100 * (1 - list.waiting / (count || 1)))}%`;
    Object.assign(root.dataset, { count, waiting: list.waiting });
    drawRows();
  }

  function drawRows() {
    const { entries } = list;
    // What can't be used comes first: it is what somebody has to do something about.
    const shown = [...entries.filter((entry) => entry.problem), ...entries.filter((entry) => !entry.problem)];
    const rows = shown.slice(0, ROWS).map((entry) => {
      const row = make("li", entry.problem ? "ez-batch-bad" : entry.file ? "ez-batch-waits" : "");
      const name = make("span", "", { title: entry.name });
      name.textContent = entry.name;
      row.append(name);
      if (entry.problem) {
        const small = make("small");
        small.textContent = entry.problem;
        row.append(small);
      }
      const remove = make("button", "", { type: "button", "aria-label": t("Remove {name}", { name: entry.name }) });
      remove.append(svg(ICONS.close));
      remove.addEventListener("click", () => list.remove(entry));
      row.append(remove);
      return row;
    });
    if (shown.length > ROWS) {
      const more = make("li", "ez-batch-more");
      more.textContent = t("and {n} more", { n: shown.length - ROWS });
      rows.push(more);
    }
    root.querySelector(".ez-batch-list").replaceChildren(...rows);
  }

  /* ---- folders ---- */
  const say = (words) => EaselResults.say("img2img", words);

  async function look(path, after, signal) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask("easel/v1/inputs/folder", { method: "POST", signal,
          headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path, after }) });
      } catch (error) {
        if (error.status || signal.aborted || tries === TRIES) throw error;
        say(t("The server does not answer; trying again"));
        await new Promise((go) => setTimeout(go, 2000));
      }
    }
  }

  /** All pictures of the folder: [name, sum, problem]. An error names the control `field`. */
  async function folder(path, field, signal) {
    const rows = [];
    let after = "";
    try {
      do {
        const part = await look(path, after, signal);
        rows.push(...part.stored.map(({ name, sha256, problem }) => [name, sha256, easelHeard(problem)]));
        after = part.next;
        say(t("Reading {n} of {all}: {name}", { n: rows.length, all: part.count, name: rows.at(-1)?.[0] ?? "" }));
      } while (after);
    } catch (error) {
      if (signal.aborted) throw new Error(t("reading the folder was stopped"));
      throw Object.assign(error, { field });
    }
    return rows;
  }

  /** What Generate is to work on; waits for what is still on its way. */
  async function record() {
    if (reading) throw new Error(t("the pictures are still on their way"));
    reading = new AbortController();
    const { signal } = reading;
    try {
      if (isShown("img2img_batch_from_dir_tab")) {
        const pictures = await folder(valueOf("img2img_batch_input_dir"), "batch_input_dir", signal);
        const named = valueOf("img2img_batch_inpaint_mask_dir");
        return { source: "folder", pictures, masks: named ? await folder(named, "batch_mask_dir", signal) : [] };
      }
      if (list.waiting) say(t("Sending the pictures"));
      await list.settled(signal);
      return { source: "upload", pictures: list.rows(), masks: [] };
    } finally {
      reading = null;
      say("");
    }
  }

  /* ---- what happens around it ---- */
  function showMasks() {
    const isMasked = isShown("img2img_batch_from_dir_tab") && valueOf("img2img_batch_inpaint_mask_dir");
    document.body.toggleAttribute("data-easel-batch-masks", Boolean(isMasked));
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#img2img_interrupt")) reading?.abort();
    if (event.target.closest?.('[role="tab"]')) setTimeout(showMasks, 100);
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#img2img_batch_inpaint_mask_dir")) showMasks();
  });

  window.EaselBatch = {
    record,
    add,
    mount(element) {
      root = element.querySelector(".ez-batch");
      build();
      draw();
      setTimeout(showMasks, 300);
    },
  };
})();
