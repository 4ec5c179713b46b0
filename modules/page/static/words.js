/* The page's words in the language that is set: `t("Interrupt")`, `t("{n} pictures", { n: 3 })`.
 *
 * A text without a translation is given back as it is. `easelHeard(message)` translates what the
 * server said in English. The translations come with the page
 * (`language.py`), so a script may ask for words as soon as it runs.
 */
(() => {
  "use strict";
  const language = window.easelLanguage ?? {};
  const words = new Map(Object.entries(language.words ?? {}));
  if (language.rtl) document.documentElement.dir = "rtl";

  function t(text, values) {
    const found = words.get(text) ?? text;
    return values ? found.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all) : found;
  }

  /* ---- what the server says ---- */
  const LEAST = 8; // letters of a translated sentence besides its values: fewer fit too much
  let sentences = null; // [pattern, names of its values, translation], the most exact first

  function compiled() {
    const exact = (text) => text.replace(/\{\w+\}/g, "").length;
    return [...words.keys()].filter((text) => text.includes("{") && exact(text) >= LEAST)
      .sort((one, other) => exact(other) - exact(one))
      .map((text) => {
        const names = [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
        const parts = text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
        return [new RegExp(`^${parts.join("(.+?)")}$`, "s"), names, text];
      });
  }

  /** A message of the server's, each line of it, in the page's language: one that the translation
   * has with its values, "{name} is empty; give a number", is known again by the words between. */
  function heard(message) {
    if (!words.size || typeof message !== "string") return message;
    sentences ??= compiled();
    const line = (text) => {
      if (words.has(text)) return words.get(text);
      for (const [pattern, names, key] of sentences) {
        const found = pattern.exec(text);
        if (found) return t(key, Object.fromEntries(names.map((name, at) => [name, t(found[at + 1])])));
      }
      return text;
    };
    return message.split("\n").map(line).join("\n");
  }

  window.t = t;
  window.easelHeard = heard;
})();
