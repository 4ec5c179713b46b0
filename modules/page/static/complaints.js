/* What is wrong with a value, told beside its control: by the server's answer, or at once where a
 * number can't be taken as it was typed.
 *
 * Knows blocks by their ids and numbers by their neighbours' ends, no single control. Text goes in by
 * textContent alone.
 */
(() => {
  "use strict";
  const NUMBER = ".gradio-container input[type=number]";
  const SUBMITS = "#txt2img_generate, #img2img_generate, #settings_submit";
  const SEED = '[id$="_seed"], [id$="_subseed"]';
  let corrected = 0; // when a number was last put right
  let pressed = 0; // when the button was pressed whose click may follow

  /** Whether the control shows, so that a message beside it would be seen. */
  const isSeen = (place) => Boolean(place?.offsetParent);

  function clear(place) {
    place.querySelectorAll(":scope > .ez-complaint").forEach((words) => words.remove());
    place.classList.remove("ez-complains");
    for (const control of place.querySelectorAll("[aria-invalid]")) {
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
    }
  }

  const clearAll = () => document.querySelectorAll(".ez-complains").forEach(clear);

  /** Show `text` below the block with that id; false where it is not in sight. */
  function beside(id, text, { focus = true } = {}) {
    const named = id.startsWith("@") ? window.EaselSources?.place(id) : id;
    const place = named && document.getElementById(named);
    if (!isSeen(place)) return false;
    clear(place);
    const words = document.createElement("div");
    words.className = "ez-complaint";
    words.id = `${named}_complaint`;
    words.setAttribute("role", "alert");
    words.textContent = text;
    place.append(words);
    place.classList.add("ez-complains");
    const control = place.querySelector("textarea, input:not([type=range], [type=file]), button");
    control?.setAttribute("aria-invalid", "true");
    control?.setAttribute("aria-describedby", words.id);
    if (focus) control?.focus({ preventScroll: true });
    words.scrollIntoView({ block: "nearest" });
    return true;
  }

  /* ---- numbers ---- */
  function ends(input) {
    const range = input.closest(".block")?.querySelector("input[type=range]");
    const from = range ?? input;
    const step = Number(from.step) || 0;
    if (!range && input.closest(SEED)) return { low: -1, high: Number.MAX_SAFE_INTEGER, whole: true, empty: "-1" };
    return {
      low: from.min === "" ? -Infinity : Number(from.min),
      high: from.max === "" ? Infinity : Number(from.max),
      whole: Number.isInteger(step) && step > 0,
    };
  }

  function range({ low, high }) {
    if (low === -Infinity && high === Infinity) return t("a number");
    if (high === Infinity) return t("a number from {low}", { low });
    return t("a number from {low} to {high}", { low, high });
  }

  /** [the value to take, words about it or ""]. */
  function judged(input) {
    const rule = ends(input);
    const { badInput } = input.validity;
    if (badInput || input.value === "") {
      if (rule.empty && !badInput) return [rule.empty, ""];
      const kept = input.dataset.easelGood ?? rule.empty ?? String(Math.max(0, rule.low));
      return [kept, t("give {range}; it is {kept} as before", { range: range(rule), kept })];
    }
    const value = Number(input.value);
    if (value < rule.low || value > rule.high) {
      const fixed = value < rule.low ? rule.low : rule.high;
      return [String(fixed), t("{value} can't be: give {range}; it is {fixed} now",
        { value: input.value, range: range(rule), fixed })];
    }
    if (rule.whole && !Number.isInteger(value)) {
      const fixed = Math.min(rule.high, Math.max(rule.low, Math.round(value)));
      return [String(fixed), t("{value} is no whole number; it is {fixed} now", { value: input.value, fixed })];
    }
    return [input.value, ""];
  }

  /** Put right what was typed into a number, and say so. True where it was right. */
  function settle(input) {
    const [value, words] = judged(input);
    if (value === input.value && !words) return true;
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    if (!words) return true;
    corrected = performance.now();
    const place = input.closest(".block[id]");
    if (!place || !beside(place.id, words, { focus: false })) EaselNotices.show(words);
    return false;
  }

  const remember = (input) => {
    if (input.value !== "" && !input.validity.badInput) input.dataset.easelGood = input.value;
  };

  document.addEventListener("blur", (event) => {
    if (event.target.matches?.(NUMBER)) settle(event.target);
  }, true);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(NUMBER)) remember(event.target);
  });
  document.addEventListener("input", (event) => {
    const place = event.target.closest?.(".ez-complains");
    if (place) clear(place);
  }, true);

  // A choice of a list, or a way back to a default, is no input.
  EaselForm.on(({ tab, name }) => {
    const place = EaselForm.element(tab, name);
    if (place?.matches(".ez-complains")) clear(place);
  });

  // A press on Generate that put a number right makes nothing: nobody has asked for that number.
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.(SUBMITS)) pressed = performance.now();
  }, true);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(SUBMITS)) return;
    if (pressed && corrected >= pressed) {
      event.stopImmediatePropagation();
      event.preventDefault();
    } else {
      clearAll();
    }
    pressed = 0;
  }, true);

  window.EaselComplaints = {
    beside,
    /** Whether what is being typed just now can be taken. */
    settled: () => !document.activeElement?.matches(NUMBER) || settle(document.activeElement),
  };
})();
