/* The page's words in the language that is set: `t("Interrupt")`, `t("{n} pictures", { n: 3 })`.
 *
 * A text without a translation is given back as it is. The translations come with the page
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

  window.t = t;
})();
