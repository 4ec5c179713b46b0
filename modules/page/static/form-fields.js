/* The kinds of fields that the browser has controls for: sliders, numbers, texts, boxes to tick.
 *
 * A kind draws its element, shows a value in it, and hears the events within it, by their types:
 * `hears(event, {element, field, value, commit})`. Keeps no values; knows no tab. Nothing is measured
 * while drawing. Drop-downs are in form-choice.js.
 */
(() => {
  "use strict";
  const { make, svg } = window.EaselDom;
  const controlId = (field) => `${field.id}_control`;

  function worded(tag, className, text, attributes) {
    const element = make(tag, className, attributes);
    element.textContent = t(text);
    return element;
  }

  /** The outermost element of a field. */
  function frame(field, tag = "div") {
    const classes = ["ef-field", `ef-${field.kind}`, "block", ...(field.classes ?? [])];
    const element = make(tag, classes.join(" "), { id: field.id });
    element.hidden = field.visible === false;
    if ((field.scale ?? 1) !== 1) element.style.setProperty("--ef-grow", field.scale);
    if ((field.min_width ?? 120) !== 120) element.style.setProperty("--ef-basis", `${field.min_width}px`);
    return element;
  }

  const caption = (field) => worded("label", "ef-label", field.label, { for: controlId(field) });

  /** The small line of text below a field; the control points at it. */
  function hint(element, field) {
    const control = element.matches("fieldset") ? element : element.querySelector("input, textarea");
    element.querySelector(":scope > .ef-hint")?.remove();
    control.removeAttribute("aria-describedby");
    if (!field.hint) return element;
    const id = `${field.id}_hint`;
    element.append(worded("div", "ef-hint", field.hint, { id }));
    control.setAttribute("aria-describedby", id);
    return element;
  }

  const RETURN = "M4 11a8 8 0 1 1 2 6M4 5v6h6";

  /** A value as people read it. */
  function said(value) {
    if (typeof value === "boolean") return t(value ? "on" : "off");
    if (Array.isArray(value)) return value.map((each) => t(each)).join(", ") || t("none");
    return value === null || value === "" ? t("empty") : t(String(value));
  }

  /** What any kind of field may have besides: the way back to its own value, and that nobody changes
   * it. */
  function dress(element, field) {
    if (field.returns) {
      const title = t("Back to the default: {value}", { value: said(field.value) });
      const button = make("button", "ef-return", { type: "button" });
      button.title = title;
      button.setAttribute("aria-label", `${t(field.label)}: ${title}`);
      button.append(svg(RETURN));
      element.append(button);
    }
    if (!field.frozen) return;
    element.classList.add("ef-frozen");
    element.title = t("This server was started so that nobody changes it here");
    for (const control of element.querySelectorAll("input, textarea, button")) control.disabled = true;
  }

  /** Draw what the server changed of a field besides its value. */
  function refresh(element, field, looks) {
    if ("visible" in looks) element.hidden = field.visible === false;
    if ("label" in looks) element.querySelector(".ef-label").textContent = t(field.label);
    if ("hint" in looks) hint(element, field);
    EaselFormKinds[field.kind].refresh?.(element, field, looks);
  }

  const parsed = (input) => (input.value === "" || input.validity.badInput ? null : Number(input.value));

  /* ---- slider ---- */
  function limit(element, field) {
    for (const input of element.querySelectorAll("input")) {
      Object.assign(input, { min: field.low, max: field.high, step: field.step });
    }
  }

  const slider = {
    draw(field) {
      const element = frame(field);
      const head = make("div", "ef-head");
      const box = make("div", "ef-number-box");
      box.append(make("input", "", { type: "number", id: controlId(field), autocomplete: "off" }));
      if (!field.returns) {
        box.append(make("button", "ef-reset", { type: "button", "aria-label": t("Reset {label}", { label: t(field.label) }) }));
      }
      head.append(caption(field), box);
      element.append(head, make("input", "ef-range", { type: "range", "aria-label": field.label }));
      limit(element, field);
      return hint(element, field);
    },
    show(element, field, value, from) {
      const [number, range] = element.querySelectorAll("input");
      if (from !== number) number.value = value ?? "";
      const shown = Math.min(field.high, Math.max(field.low, value ?? field.low));
      if (from !== range && value !== null) range.value = shown;
      range.style.setProperty("--ef-part", (shown - field.low) / (field.high - field.low || 1));
      element.classList.toggle("ef-changed", value !== field.value);
    },
    input: (event, { commit }) => commit(parsed(event.target)),
    click(event, { element, field, commit }) {
      if (!event.target.closest(".ef-reset")) return;
      commit(field.value);
      element.querySelector("input").focus({ preventScroll: true }); // the button goes away
    },
    refresh(element, field, looks) {
      if ("low" in looks || "high" in looks) limit(element, field);
      if (!("label" in looks)) return;
      element.querySelector(".ef-range").setAttribute("aria-label", t(field.label));
      element.querySelector(".ef-reset")?.setAttribute("aria-label", t("Reset {label}", { label: t(field.label) }));
    },
  };

  /* ---- number ---- */
  const number = {
    draw(field) {
      const element = frame(field);
      const input = make("input", "", { type: "number", id: controlId(field), autocomplete: "off" });
      const ends = { min: field.low, max: field.high, step: field.step ?? "any" };
      for (const [name, value] of Object.entries(ends)) if (value != null) input.setAttribute(name, value);
      element.append(caption(field), input);
      return hint(element, field);
    },
    show(element, field, value, from) {
      const input = element.querySelector("input");
      if (from !== input) input.value = value ?? "";
    },
    input: (event, { field, commit }) => commit(parsed(event.target) ?? (field.seed ? -1 : null)),
  };

  /* ---- colour ---- */
  const colour = {
    draw(field) {
      const element = frame(field);
      const box = make("div", "ef-colour-box");
      box.append(make("input", "", { type: "color", id: controlId(field) }), make("span"));
      element.append(caption(field), box);
      return hint(element, field);
    },
    show(element, field, value, from) {
      const input = element.querySelector("input");
      if (from !== input) input.value = value;
      element.querySelector(".ef-colour-box > span").textContent = value;
    },
    input: (event, { commit }) => commit(event.target.value),
  };

  /* ---- text ---- */
  const GROWS = CSS.supports("field-sizing", "content");

  /** As high as its text, in a browser that doesn't do so by itself. */
  function grow(area) {
    if (GROWS) return;
    requestAnimationFrame(() => {
      area.style.height = "0";
      area.style.height = `${area.scrollHeight}px`; // the style sheet has the ends
    });
  }

  const isLine = (field) => field.max_lines === 1;

  const text = {
    draw(field) {
      const element = frame(field);
      const attributes = { id: controlId(field), rows: field.lines ?? 1 };
      if (field.placeholder) attributes.placeholder = field.placeholder;
      const area = make("textarea", "", attributes);
      area.style.setProperty("--ef-lines", field.lines ?? 1);
      area.style.setProperty("--ef-most", field.max_lines ?? 20);
      element.append(caption(field), area);
      return hint(element, field);
    },
    show(element, field, value, from) {
      const area = element.querySelector("textarea");
      if (from === area && area.value === value) return;
      if (area.value !== value) area.value = value;
      grow(area);
    },
    input(event, { field, commit }) {
      const area = event.target;
      if (isLine(field) && area.value.includes("\n")) area.value = area.value.replace(/\s*\n\s*/g, " ");
      grow(area);
      commit(area.value);
    },
    keydown(event, { field }) {
      if (isLine(field) && event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
    },
  };

  /* ---- boxes to tick ---- */
  function tick(type, words, attributes = {}) {
    const label = make("label", "ef-tick");
    const input = make("input", "", { type, ...attributes });
    label.append(input, worded("span", "", words));
    return label;
  }

  const checkbox = {
    draw(field) {
      const element = frame(field);
      const label = tick("checkbox", field.label, { id: controlId(field) });
      label.lastChild.className = "ef-label";
      element.append(label);
      return hint(element, field);
    },
    show(element, field, value) {
      element.querySelector("input").checked = value;
    },
    input: (event, { commit }) => commit(event.target.checked),
  };

  function options(element, field) {
    const type = field.kind === "radio" ? "radio" : "checkbox";
    const list = make("div", "ef-options");
    for (const each of field.choices) {
      const label = tick(type, each, { name: field.id });
      label.firstChild.value = each;
      list.append(label);
    }
    element.querySelector(":scope > .ef-options")?.remove();
    element.firstChild.after(list);
  }

  const several = {
    draw(field) {
      const element = frame(field, "fieldset");
      element.append(worded("legend", "ef-label", field.label));
      options(element, field);
      return hint(element, field);
    },
    show(element, field, value) {
      const chosen = field.kind === "radio" ? [value] : value;
      for (const input of element.querySelectorAll("input")) input.checked = chosen.includes(input.value);
    },
    input(event, { element, field, commit }) {
      if (field.kind === "radio") commit(event.target.value);
      else commit([...element.querySelectorAll("input:checked")].map((input) => input.value));
    },
    refresh(element, field, looks) {
      if ("choices" in looks) options(element, field);
    },
  };

  // Somebody's script may tell of a change alone; a value that is kept already is told to nobody.
  for (const kind of [slider, number, colour, text, checkbox, several]) kind.change = kind.input;

  window.EaselFormParts = { controlId, worded, frame, caption, dress, hint, refresh, said };
  window.EaselFormKinds = { slider, number, colour, text, checkbox, radio: several, checks: several };
})();
