/* The start of the page: what the form held before, and what the server knows now, asked for at once
 * while Gradio still draws its tabs; then the tab that was open, and the word that all is there.
 *
 * Where the server gives no answer, the form stays as it was when the page was built.
 */
(() => {
  "use strict";
  const FORMS = ["txt2img", "img2img"];
  const TRIES = 5;
  const PAUSE = 300; // ms between them
  const SOON = 30; // ms
  const PATIENCE = 150; // looks whether the tab that was open is so again
  const STEADY = 5; // looks at which it must be open, one after another
  const $ = (selector) => document.querySelector(selector);
  let told = null; // the server's answer
  let isOver = false;
  let timer = 0;
  let patience = PATIENCE;
  let steady = 0;

  async function ask(left = TRIES) {
    try {
      const answer = await fetch(new URL("easel/page/opening", document.baseURI), {
        method: "POST", credentials: "same-origin", body: EaselKeeping.record(),
      });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return await answer.json();
    } catch (error) {
      if (left > 1) {
        await new Promise((go) => setTimeout(go, PAUSE));
        return ask(left - 1);
      }
      EaselNotices.show(t("The server does not say what the form held before ({error})", { error: error.message }));
      return { first: FORMS.find((tab) => $(`#tab_${tab}`)) ?? "", opened: "", source: "" };
    }
  }

  /** Whether what the tab shows at first is there. */
  function isThere(tab) {
    if (!$("#quicksettings") || !$("#tabs")) return false;
    if (!FORMS.includes(tab)) return true;
    return Boolean($(`#${tab}_controls_pane .ef-field`) && $(`#${tab}_generate`) && $(`#${tab}_gallery .ez-results`));
  }

  /** Whether img2img's sub-tab is the one that was open, with what it starts from. */
  function isPainting() {
    const open = EaselSources.open();
    if (!open || (told.source && open !== told.source)) return false;
    return Boolean($(`#${EaselSources.idOf(open)} :is(.easel-canvas, .ez-batch)`));
  }

  /** Open what was open; false while that is not so. Gradio may put back its own first tab once. */
  function isOpened() {
    const { opened, source } = told;
    if (opened && opened !== told.first) {
      const button = $(`#tab_${opened}-button`);
      if (button?.ariaSelected !== "true") {
        button?.click();
        return false;
      }
    }
    const tab = opened || told.first;
    if (!isThere(tab)) return false;
    if (tab !== "img2img" || isPainting()) return true;
    EaselPage.later(() => {}); // the canvas is what is looked at first
    if (source && EaselSources.open() !== source) EaselSources.show(source);
    return false;
  }

  /** A pane was drawn, or the answer came: go on with what is possible now. */
  function drawn() {
    clearTimeout(timer);
    if (isOver || !told) return;
    const mayMove = Boolean(told.source || (told.opened && told.opened !== told.first));
    if (!isThere(told.first)) {
      timer = setTimeout(drawn, SOON); // the results' panel, which is none of the forms', may come last
      return;
    }
    steady = isOpened() ? steady + 1 : 0;
    patience -= 1;
    if (patience && steady < (mayMove ? STEADY : 1)) {
      timer = setTimeout(drawn, SOON);
      return;
    }
    isOver = true;
    EaselPage.ready(told.page ?? {});
  }

  window.EaselOpening = { drawn };
  ask().then((answer) => {
    if (answer.forms) EaselForm.take(answer.forms);
    told = answer;
    drawn();
  });
})();
