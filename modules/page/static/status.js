/* What the program is doing, told in the top row while there is something to say, and the device in
 * the footer. Also wakes the result panels when somebody else queued a job.
 */
(() => {
  "use strict";
  const SOON = 1000; // ms, while the worker starts or the server is away
  const LATER = 3000;
  const PATIENCE = 10000; // ms for an answer that is given at once: a line may die and tell nobody
  let timer = 0;
  let device = "";
  let silentSince = 0; // when the last look began, if it waited in vain

  function say(text, isError = false) {
    const place = document.querySelector(".easel-state");
    if (!place) return;
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
    place.classList.toggle("easel-error", isError);
    document.body.dataset.easelWorker = text ? (isError ? "failed" : "starting") : "ready";
  }

  function drawDevice() {
    const place = document.querySelector(".easel-footer span:last-child");
    if (place && device) place.textContent = device;
  }

  async function look() {
    clearTimeout(timer);
    let pause = LATER;
    const began = performance.now();
    try {
      const answer = await fetch(new URL("easel/v1/status", document.baseURI), {
        credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.status === 401) { // the session has ended
        location.assign(new URL("login", document.baseURI));
        return;
      }
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const status = await answer.json();
      if (silentSince) setTimeout(() => EaselCalls.giveUp(began), PATIENCE); // what the dead line kept
      silentSince = 0;
      device = status.device;
      if (status.worker === "starting") {
        say(easelHeard(status.message) || t("Starting"));
        pause = SOON;
      } else if (status.worker === "failed") {
        say(easelHeard(status.message) || t("The worker could not start"), true);
      } else {
        say("");
        if (status.worker === "busy" || status.queue) window.EaselResults?.wake();
      }
      drawDevice();
    } catch (error) {
      say(t("The server does not answer; trying again"), true);
      const isSilent = error.name === "TimeoutError";
      if (isSilent && silentSince) EaselCalls.giveUp(silentSince);
      silentSince = isSilent ? began : 0;
      pause = SOON;
    }
    if (!document.hidden) timer = setTimeout(look, pause);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.EaselStatus = { look, drawDevice };
})();
