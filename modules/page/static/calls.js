/* What Gradio asks of the server for the page's own handlers: where it gets no answer, that is said,
 * and so is where the page is older than what answers. And whatever waits on a line that has died
 * without a word is ended: a browser would wait for ever, and with six such waits ask nothing more.
 *
 * Gradio itself is silent about it. Knows one address, no handler.
 */
(() => {
  "use strict";
  const HANDLERS = /\/gradio_api\/run\//;
  const PAUSE = 5000; // ms between two looks whether the page is the server's
  const plain = window.fetch;
  const siblings = new BroadcastChannel("easel-page"); // the pages of this browser
  const underway = new Map(); // AbortController of what is asked -> when it was, in ms
  let isTold = false;
  let looked = 0;

  async function asked(resource, options) {
    const end = new AbortController();
    const signals = [end.signal, options?.signal ?? resource?.signal].filter(Boolean);
    underway.set(end, performance.now());
    try {
      return await plain(resource, { ...options, signal: AbortSignal.any(signals) });
    } finally {
      underway.delete(end);
    }
  }

  window.fetch = async (resource, options) => {
    const address = String(resource?.url ?? resource);
    if (!HANDLERS.test(address)) return asked(resource, options);
    try {
      const answer = await asked(resource, options);
      if (answer.status >= 500) failed();
      return answer;
    } catch (error) {
      EaselNotices.show(t("The server does not answer, so nothing was done. What you wrote is kept: try again"));
      throw error;
    }
  };

  async function failed() {
    if (await isOld()) tell();
    else EaselNotices.show(t("The server could not do this; its log says why. What you wrote is kept"));
  }

  /** Whether the server has another page by now: it was started anew, or somebody pressed Reload UI. */
  async function isOld() {
    const own = window.gradio_config?.app_id;
    try {
      const answer = await plain(new URL("gradio_api/app_id", document.baseURI), {
        credentials: "same-origin", cache: "no-store",
      });
      return own !== undefined && answer.ok && (await answer.json()).app_id !== own;
    } catch {
      return false; // the server is away: the status tells so
    }
  }

  function tell() {
    if (isTold) return;
    isTold = true;
    const names = window.EaselSettings?.unapplied() ?? [];
    const lines = [t("The page was renewed on the server: reload it. What you wrote in txt2img and img2img is kept.")];
    if (names.length) lines.push(t("Settings that are not applied yet are to be set again: {names}", { names: names.join(", ") }));
    EaselNotices.show(lines.join("\n"), { label: t("Reload"), run: () => location.reload() }, { stays: true });
  }

  // An older page makes pictures as before; only its settings are nobody's any more.
  document.addEventListener("visibilitychange", async () => {
    const isDue = !document.hidden && document.querySelector("#settings_submit") && Date.now() - looked > PAUSE;
    if (!isDue) return;
    looked = Date.now();
    if (await isOld()) tell();
  });
  siblings.addEventListener("message", async () => { if (await isOld()) tell(); });

  window.EaselCalls = {
    /** End what was asked before that moment and has no answer yet. */
    giveUp(moment) {
      for (const [end, began] of underway) if (began < moment) end.abort();
    },
    /** This page had another one built in its place, and loads it: the others learn of it. */
    renewed() {
      siblings.postMessage("renewed");
      location.reload();
    },
  };
})();
