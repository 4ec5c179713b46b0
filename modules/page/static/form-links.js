/* What in the forms follows what, what their buttons do in the browser, and the server's answers.
 *
 * Knows the fields by name; how they are drawn is form.js's affair. A button whose action is not
 * declared here is an event for the server.
 */
(() => {
  "use strict";
  const TABS = ["txt2img", "img2img"];
  const HIRES = ["enable_hr", "width", "height", "hr_scale", "hr_resize_x", "hr_resize_y"];
  const PROMPTS = { prompt: "prompt", negative_prompt: "neg_prompt" };
  const CHECKPOINTS = ["refiner_checkpoint", "hr_checkpoint_name"];
  const OFTEN = 150; // ms between two stores while a value is typed or dragged
  const { value, values, set, trigger } = EaselForm;
  const sides = (tab) => ["width", "height"].map((name) => Number(value(tab, name)));

  /* ---- lines and other parts that follow ---- */
  function tellHires() {
    const line = document.querySelector("#txt2img_hr-line .easel-text");
    if (line) line.textContent = EaselSizes.hires(...HIRES.map((name) => value("txt2img", name)));
  }

  function follow(tab, name) {
    if (tab === "txt2img" && HIRES.includes(name)) tellHires();
    if (tab === "img2img" && ["width", "height"].includes(name)) EaselPage.canvasSize(...sides(tab));
    if (name === "scale_by") EaselSources.tellSize(value(tab, name));
    if (name === "styles") EaselPrompts.styled(tab, value(tab, name));
    if (PROMPTS[name]) EaselPrompts.count(`${tab}_${PROMPTS[name]}`, value(tab, name));
  }

  /* ---- the rows above the tabs, which count at once ---- */
  const waiting = new Map(); // names of settings just stored, with whether they changed since

  /** Whether the number can be stored; what is being typed is judged when its control is left. */
  function isGood({ kind, low = -Infinity, high = Infinity, step }, number) {
    if (kind !== "slider" && kind !== "number") return true;
    return number !== null && number >= low && number <= high && (step !== 1 || Number.isInteger(number));
  }

  function store(name) {
    if (!isGood(EaselForm.shape("quick", name), value("quick", name))) return;
    if (name === "sd_model_checkpoint") trigger("quick", "checkpoint", {});
    else trigger("quick", "setting", { name });
  }

  /** Now, and once more where another change comes soon after. */
  function storeSoon(name) {
    if (waiting.has(name)) {
      waiting.set(name, true);
      return;
    }
    store(name);
    waiting.set(name, false);
    setTimeout(() => {
      const isChanged = waiting.get(name);
      waiting.delete(name);
      if (isChanged) storeSoon(name);
    }, OFTEN);
  }

  /** What only a person's choice leads to, not a form that is filled. */
  function chosen(tab, name) {
    if (tab === "quick") storeSoon(name);
    if (name === "style_name") trigger(tab.replace("_styles", ""), "style-show", {});
    // What was said of an absent one is over.
    if (CHECKPOINTS.includes(name)) EaselForm.update(tab, { [name]: { hint: null } });
  }

  EaselForm.on(({ tab, name, byPerson }) => {
    if (TABS.includes(tab)) {
      follow(tab, name);
      EaselKeeping.keep(tab, values(tab));
    }
    if (byPerson) chosen(tab, name);
  });

  /* ---- buttons ---- */
  const action = (name, handler) => EaselForm.action(name, handler);

  function put(tab, found) {
    for (const [name, each] of Object.entries(found)) set(tab, name, each);
  }

  function cleared({ tab }) {
    const isEmpty = !value(tab, "prompt") && !value(tab, "negative_prompt");
    if (isEmpty || !confirm(t("Clear prompt and negative prompt?"))) return;
    put(tab, { prompt: "", negative_prompt: "" });
  }

  function takeSize({ tab }) {
    const [width, height] = EaselSources.pictureSize(...sides(tab));
    put(tab, { width, height });
  }

  action("clear", cleared);
  action("networks", ({ tab }) => EaselPage.later(() => EaselNetworks.toggle(tab)));
  action("interrupt", ({ tab }) => EaselResults.interrupt(tab));
  action("skip", ({ tab }) => EaselResults.skip(tab));
  action("swap", ({ tab }) => put(tab, { width: value(tab, "height"), height: value(tab, "width") }));
  action("picture-size", takeSize);
  for (const name of ["seed", "subseed"]) {
    action(`random-${name}`, ({ tab }) => set(tab, name, -1));
    action(`reuse-${name}`, ({ tab }) => set(tab, name, EaselResults.valueOf(tab, name) ?? value(tab, name)));
  }
  for (const name of ["img2img", "sketch", "inpaint", "inpaint_sketch"]) {
    action(`copy-${name}`, () => EaselSources.copy(name));
  }
  action("jobs", () => EaselPage.later(() => EaselQueue.toggle()));
  action("settings-apply", () => EaselPage.later(() => EaselSettings.apply()));
  action("settings-changes", () => EaselPage.later(() => EaselSettings.compare()));
  action("theme", () => EaselPage.toggleTheme());

  EaselForm.mounter("batch-upload", (element) => {
    element.className = "ez-batch";
    EaselPage.later(() => EaselBatch.mount(element.parentElement));
  });

  for (const place of ["", "-menu", "-board", "-defaults"]) {
    EaselForm.mounter(`settings${place}`, (element) => EaselPage.later(() => EaselSettings.mount(place, element)));
  }

  /* ---- the server's answers ---- */
  EaselForm.answer("page", (state) => EaselPage.configure(state));
  EaselForm.answer("notice", ({ at, text: said }) => {
    const text = easelHeard(said);
    window.EaselSettings?.reveal(at);
    if (!at || !EaselComplaints.beside(at, text)) EaselNotices.show(text);
  });

  /* The drawers may be opened from any tab; what is chosen there is an event of the top row. */
  window.EaselLinks = {
    tellHires,
    mountDrawers: () => {
      EaselQueue.mount((event, told) => trigger("quick", "job", told));
      EaselNetworks.mount((event, told) => trigger("quick", "card", told));
    },
  };
})();
