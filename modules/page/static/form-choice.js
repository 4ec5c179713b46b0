/* Drop-downs: one or several of a list, which typing filters. Keys and roles are those of the ARIA
 * combobox.
 *
 * The list itself is in form-choice-list.js; one serves all drop-downs, since one is open at a time.
 */
(() => {
  "use strict";
  const { make } = window.EaselDom;
  const { controlId, frame, caption, hint } = window.EaselFormParts;
  const FAR = 10; // rows that the page keys go
  const known = new WeakMap(); // choices -> their rows, made when first opened
  let now = null; // the drop-down that is open: {element, field, commit, input, found, isTyped}

  const inputOf = (element) => element.querySelector("input");
  const isSeveral = (field) => field.kind === "choices";

  function rowsOf(field) {
    if (!known.has(field.choices)) {
      known.set(field.choices, field.choices.map((value) => {
        const words = t(value);
        return { value, words, lower: words.toLowerCase() };
      }));
    }
    return known.get(field.choices);
  }

  const valueOf = (field) => (isSeveral(field) ? now.chosen : [now.chosen]);

  /* ---- the open list ---- */
  const list = new EaselFormList((at) => pick(now.found[at].value));
  list.onMark = (at) => now?.input.setAttribute("aria-activedescendant", `ef-option-${at}`);

  function open(element, context) {
    if (now?.element === element) return;
    close();
    const input = inputOf(element);
    now = { ...context, element, input, chosen: context.value, isTyped: false };
    list.open(element.querySelector(".ef-box"), now.field.label, isSeveral(now.field));
    input.setAttribute("aria-controls", "ef-list");
    input.setAttribute("aria-expanded", "true");
    fill();
    if (!isSeveral(now.field)) input.select();
  }

  function close() {
    if (!now) return;
    const { input } = now;
    now = null;
    list.close();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-controls");
    input.removeAttribute("aria-activedescendant");
  }

  /** The rows that hold every word that was typed, anywhere, case aside. */
  function fill() {
    const { field, input } = now;
    const words = now.isTyped ? input.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const rows = rowsOf(field);
    now.found = words.length ? rows.filter(({ lower }) => words.every((word) => lower.includes(word))) : rows;
    const chosen = new Set(valueOf(field));
    let marked = now.found.findIndex(({ value }) => chosen.has(value));
    // A free text stands for itself until somebody walks to an option.
    if (words.length) marked = field.free ? now.found.findIndex(({ words: each }) => each === input.value.trim()) : 0;
    input.removeAttribute("aria-activedescendant");
    list.fill(now.found.map(({ value, words: each }) => ({ words: each, isChosen: chosen.has(value) })),
      now.found.length ? marked : -1);
  }

  function pick(value) {
    const { field, commit, input } = now;
    if (!isSeveral(field)) {
      close();
      commit(value, null);
      return;
    }
    now.chosen = now.chosen.includes(value) ? now.chosen.filter((each) => each !== value) : [...now.chosen, value];
    now.isTyped = false;
    input.value = "";
    commit(now.chosen, null);
    const at = list.marked;
    fill();
    if (at >= 0 && at < now.found.length) list.mark(at, "nearest");
    list.place(); // a line of chips may have come or gone
  }

  /** The option that the typed text names, or the text where the field is free; else undefined. */
  function named(field, text) {
    const rows = rowsOf(field);
    const lower = text.toLowerCase();
    const row = rows.find(({ words }) => words === text) ?? rows.find((each) => each.lower === lower);
    if (row) return row.value;
    return field.free && text ? text : undefined;
  }

  /** Say that nothing of the list has been typed. */
  function complain(element, text, kept = "") {
    const words = kept ? "{value} is not in the list; it is {kept} as before" : "{value} is not in the list";
    window.EaselComplaints?.beside(element.id, t(words, { value: text, kept }), { focus: false });
  }

  /** Take what stands in the box, or put back what stood there. */
  function settle(element, { field, value, commit }) {
    const input = inputOf(element);
    const text = input.value.trim();
    const found = named(field, text);
    if (isSeveral(field)) {
      input.value = "";
      if (found !== undefined && !value.includes(found)) commit([...value, found], null);
      if (found === undefined && text !== "") complain(element, text);
      return;
    }
    if (found !== undefined && found !== value) commit(found, null);
    else if (text === "" && field.free && value !== null) commit(null, null);
    else input.value = value === null ? "" : t(value);
    if (found === undefined && text !== "") complain(element, text, input.value);
  }

  /** What is being typed counts, also where the box keeps the focus. */
  function leave() {
    if (!now) return;
    const { element, isTyped, field, chosen: value, commit } = now;
    close();
    if (isTyped) settle(element, { field, value, commit });
  }

  function toStored(element, context) {
    const input = inputOf(element);
    input.value = isSeveral(context.field) || context.value === null ? "" : t(context.value);
  }

  /* ---- keys ---- */
  function walk(event, element, context) {
    if (!now) {
      if (!["ArrowDown", "ArrowUp"].includes(event.key)) return false;
      open(element, context);
      return true;
    }
    const last = now.found.length - 1;
    const at = list.marked;
    const to = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, PageDown: at + FAR, PageUp: at - FAR, Home: 0, End: last,
    }[event.key];
    if (to === undefined || last < 0) return false;
    list.mark(Math.max(0, Math.min(to, last)), "nearest");
    return true;
  }

  function onKey(event, context) {
    const { element, field, value, commit } = context;
    if (event.target !== inputOf(element) || event.isComposing || event.ctrlKey || event.metaKey) return;
    let isOurs = false;
    if (event.key === "Enter") {
      if (now && list.marked >= 0 && now.found.length) pick(now.found[list.marked].value);
      else {
        settle(element, context);
        close();
      }
      isOurs = true;
    } else if (event.key === "Escape" && now) {
      close();
      toStored(element, context);
      event.stopPropagation();
      isOurs = true;
    } else if (event.key === "Backspace" && isSeveral(field) && !event.target.value && value.length) {
      commit(value.slice(0, -1), null);
      if (now) {
        now.chosen = value.slice(0, -1);
        fill();
      }
    } else isOurs = walk(event, element, context);
    if (isOurs) event.preventDefault();
  }

  /* ---- drawing ---- */
  function draw(field) {
    const element = frame(field);
    const box = make("div", "ef-box");
    const input = make("input", "", {
      type: "text", id: controlId(field), role: "combobox", "aria-expanded": "false", "aria-haspopup": "listbox",
      "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    });
    if (field.placeholder) input.placeholder = t(field.placeholder);
    box.append(input, make("i", "ef-arrow"));
    element.append(caption(field), box);
    return hint(element, field);
  }

  function chip(value) {
    const words = t(value);
    const element = make("span", "ef-chip");
    element.textContent = words;
    const remove = make("button", "ef-remove", { type: "button", "aria-label": t("Remove {name}", { name: words }) });
    remove.dataset.value = value;
    element.append(remove);
    return element;
  }

  function show(element, field, value) {
    const input = inputOf(element);
    if (!isSeveral(field)) {
      if (now?.element !== element) input.value = value === null ? "" : t(value);
      return;
    }
    element.querySelectorAll(".ef-chip").forEach((each) => each.remove());
    input.before(...value.map(chip));
  }

  const choice = {
    draw,
    show,
    refresh(element, field, looks) {
      if ("choices" in looks && now?.element === element) {
        now.field = field;
        fill();
      }
    },
    click(event, context) {
      const { element, value, commit } = context;
      const input = inputOf(element);
      const remove = event.target.closest(".ef-remove");
      if (remove) {
        const rest = value.filter((each) => each !== remove.dataset.value);
        commit(rest, null);
        if (now?.element === element) {
          now.chosen = rest;
          fill();
        }
        input.focus({ preventScroll: true });
        return;
      }
      if (!event.target.closest(".ef-box")) return;
      const closes = event.target.matches(".ef-arrow") && now?.element === element;
      input.focus({ preventScroll: true });
      if (closes) close();
      else open(element, context);
    },
    mousedown(event, { element }) {
      // The box's own parts take no focus away.
      if (event.target !== inputOf(element) && event.target.closest(".ef-box")) event.preventDefault();
    },
    input(event, context) {
      if (!event.isTrusted && event.target !== document.activeElement) { // written by a script
        settle(context.element, context);
        return;
      }
      open(context.element, context);
      now.isTyped = true;
      fill();
    },
    keydown: onKey,
    focusout(event, { element }) {
      if (event.target === inputOf(element)) leave();
    },
    leave,
  };

  addEventListener("scroll", (event) => {
    if (now && event.target !== list.element) list.place();
  }, { capture: true, passive: true });
  visualViewport.addEventListener("resize", () => { if (now) list.place(); });

  Object.assign(window.EaselFormKinds, { choice, choices: choice });
})();
