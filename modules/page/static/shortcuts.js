/* The page's keys in one table, and a sheet that is drawn from it.
 *
 * A row is {keys, where, text, run(event), when(event)}: keys such as ["Ctrl+Enter"], where: the
 * heading it stands under, text: what it does. `when` says whether the row holds for this event
 * (default: always). A row without `run` is handled where it belongs, and only listed here. Others
 * add rows by EaselShortcuts.add; the canvas lists its own in EaselCanvas.SHORTCUTS.
 */
(() => {
  "use strict";
  const { AHEAD, BACK, make } = EaselDom;
  const ANYWHERE = "Everywhere";
  const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
  const rows = [];
  let restarts = true; // Ctrl+Enter while a job runs (setting easel_restart_on_ctrl_enter)

  const $ = (selector) => document.querySelector(selector);
  const isShown = (selector) => Boolean($(selector)?.offsetParent);

  /** "txt2img" or "img2img" where that is the open tab, else "". */
  const currentTab = () =>
    isShown("#tab_img2img") ? "img2img" : isShown("#tab_txt2img") ? "txt2img" : "";

  const isTyping = (target) => Boolean(target.closest?.("input, textarea, select, [contenteditable]"));
  const isPrompt = (event) => event.target?.matches?.('[id$="_prompt"] textarea') ?? false;

  /** Escape belongs to what it closes first. */
  const isOwnEscape = (target) =>
    $("dialog[open]") || target.closest?.('[role="listbox"], [aria-expanded="true"], .options, .ez-drawer');

  async function generate() {
    const tab = currentTab();
    if (!EaselComplaints.settled()) return;
    if (restarts && EaselResults.isRunning(tab)) await EaselResults.interruptNow(tab);
    $(`#${tab}_generate`)?.click();
  }

  const inTab = () => Boolean(currentTab());
  const running = ({ target }) => inTab() && EaselResults.isRunning(currentTab()) && !isOwnEscape(target);
  /** Nothing else has the arrow keys. */
  const isFree = ({ target }) => inTab() && (target === document.body || target === document.documentElement);

  const own = [
    { keys: ["Ctrl+Enter"], where: "Pictures", text: "Generate; while a job runs, in its place",
      when: inTab, run: generate },
    { keys: ["Alt+Enter"], where: "Pictures", text: "Skip the picture in work", when: inTab,
      run: () => EaselResults.skip(currentTab()) },
    { keys: ["Escape"], where: "Pictures", text: "Interrupt", when: running,
      run: () => EaselResults.interrupt(currentTab()) },
    { keys: [BACK], where: "Pictures", text: "Previous picture", when: isFree,
      run: () => EaselResults.step(currentTab(), -1) },
    { keys: [AHEAD], where: "Pictures", text: "Next picture", when: isFree,
      run: () => EaselResults.step(currentTab(), 1) },
    { keys: ["Ctrl+ArrowUp"], where: "In a prompt", text: "More weight for the word, bracket or selection",
      when: isPrompt, run: (event) => EaselPrompts.emphasise(event.target, 1) },
    { keys: ["Ctrl+ArrowDown"], where: "In a prompt", text: "Less weight", when: isPrompt,
      run: (event) => EaselPrompts.emphasise(event.target, -1) },
    { keys: ["Alt+ArrowLeft"], where: "In a prompt", text: "Move the part between commas to the left",
      when: (event) => isPrompt(event) && EaselPrompts.movesItems(),
      run: (event) => EaselPrompts.moveItem(event.target, -1) },
    { keys: ["Alt+ArrowRight"], where: "In a prompt", text: "Move it to the right",
      when: (event) => isPrompt(event) && EaselPrompts.movesItems(),
      run: (event) => EaselPrompts.moveItem(event.target, 1) },
    { keys: ["?"], where: ANYWHERE, text: "This sheet",
      when: ({ target }) => !isTyping(target) && !$("dialog[open]"), run: () => open() },
  ];

  /** The key of an event as the table writes it: "Ctrl+Enter". Command counts as Ctrl. */
  function nameOf(event) {
    const held = [
      (event.ctrlKey || event.metaKey) && "Ctrl",
      event.altKey && "Alt",
      // A letter or sign tells by itself that Shift was held.
      event.shiftKey && event.key.length > 1 && "Shift",
    ];
    return [...held.filter(Boolean), event.key].join("+");
  }

  function onKey(event) {
    if (event.isComposing) return; // the key belongs to an input method
    const name = nameOf(event);
    const row = rows.find((each) => each.run && each.keys.includes(name) && (each.when?.(event) ?? true));
    if (!row) return;
    event.preventDefault();
    event.stopPropagation();
    row.run(event);
  }

  /* ---- the sheet ---- */
  const CTRL = "Ctrl";
  const SIGNS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Delete: "Del" };

  function keyCap(name) {
    const cap = make("kbd");
    cap.textContent = isApple && name === CTRL ? "⌘" : t(SIGNS[name] ?? (name === " " ? "Space" : name));
    return cap;
  }

  function drawn(row) {
    const line = make("div", "ez-key-row");
    const caps = make("dt");
    row.keys.forEach((keys, place) => {
      if (place) caps.append(" ");
      const held = make("span");
      held.append(...(keys === "+" ? ["+"] : keys.split("+")).map(keyCap));
      caps.append(held);
    });
    const words = make("dd");
    words.textContent = t(row.text);
    line.append(caps, words);
    return line;
  }

  function sheet() {
    const box = make("dialog", "ez-sheet", { "aria-labelledby": "ez_sheet_title" });
    const title = make("h2", "", { id: "ez_sheet_title" });
    title.textContent = t("Keyboard shortcuts");
    const close = make("button", "ez-sheet-close", { type: "button", "aria-label": t("Close") });
    close.textContent = "×";
    close.addEventListener("click", () => box.close());
    const body = make("div", "ez-sheet-body");
    const all = [...rows, ...(window.EaselCanvas?.SHORTCUTS ?? [])];
    for (const where of new Set(all.map((row) => row.where))) {
      const part = make("section");
      const head = make("h3");
      head.textContent = t(where);
      const list = make("dl");
      list.append(...all.filter((row) => row.where === where).map(drawn));
      part.append(head, list);
      body.append(part);
    }
    const top = make("header");
    top.append(title, close);
    box.append(top, body);
    return box;
  }

  function open() {
    if ($("dialog.ez-sheet")) return;
    const before = document.activeElement;
    const box = sheet();
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    box.addEventListener("close", () => {
      box.remove();
      before?.focus?.();
    });
    document.body.append(box);
    box.showModal();
  }

  const add = (more) => rows.push(...more);
  add(own);
  document.addEventListener("keydown", onKey, true);

  /** The page's own line below the tabs has a button too: not everybody guesses a key. */
  function addButton() {
    const last = $(".easel-footer span:last-child");
    if (!last || $(".ez-keys-button")) return;
    const button = make("button", "ez-footer-button ez-keys-button", { type: "button" });
    button.textContent = t("Keyboard shortcuts");
    button.addEventListener("click", open);
    last.before(button);
  }

  window.EaselShortcuts = {
    add, open, currentTab,
    configure: (state) => {
      restarts = state.restart_on_enter ?? true;
      addButton();
    },
  };
})();
