/* Keeps the form in the browser, so that a reload loses nothing that was typed.
 *
 * The page hands over every change of its forms; on load it asks for the record, which the server
 * checks before it fills the form. One record per browser tab, and the newest one for a new tab.
 */
(() => {
  "use strict";
  const KEY = "easel-form";
  const SAVE_AFTER = 100; // ms
  let size = null; // the checkpoint's own, to tell later which sizes somebody chose
  let defaults = null; // a fresh form's values by tab, to tell later what somebody changed
  let timer = 0;
  let isOpen = false; // what fills the form at first is no change

  function stored() {
    try {
      const text = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
      const record = JSON.parse(text ?? "{}");
      return record && typeof record === "object" ? record : {};
    } catch {
      return {};
    }
  }

  const record = stored();
  // Which tab was open is this browser tab's own affair.
  try {
    if (sessionStorage.getItem(KEY) === null) delete record.opened;
  } catch {}

  const isShown = (selector) => Boolean(document.querySelector(selector)?.offsetParent);

  function save() {
    clearTimeout(timer);
    timer = 0;
    if (!isOpen) return;
    record.opened = ["txt2img", "img2img", "history", "pnginfo", "settings"]
      .find((name) => isShown(`#tab_${name}`)) ?? "";
    if (record.opened === "img2img") record.source = EaselSources.open();
    if (size) record.size = size;
    if (defaults) record.defaults = defaults;
    const text = JSON.stringify(record);
    try {
      sessionStorage.setItem(KEY, text);
      localStorage.setItem(KEY, text);
    } catch {} // forbidden or full: then a reload starts with an empty form
  }

  function keep(tab, values) {
    if (!isOpen) return;
    record[tab] = values;
    if (!timer) timer = setTimeout(save, SAVE_AFTER);
  }

  addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });

  window.EaselKeeping = {
    keep,
    record: () => JSON.stringify(record),
    open: () => { isOpen = true; },
    setSize: (sides) => { size = sides; },
    setDefaults: (values) => { defaults = values; },
  };
})();
