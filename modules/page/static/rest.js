/* Lets the page come to rest. Gradio's clock of the page's own start goes on in every frame for as long
 * as the page is open, though nobody sees it any more: it is taken out of the frames, once.
 *
 * The clock holds the browser's function as it was before our scripts, so what asks for frames without
 * passing by ours is what is to go; what looks the function up at each call goes on as it did.
 */
(() => {
  "use strict";
  const AFTER = 1000; // ms from ready; what belongs to the start has ended by itself then
  const FRAMES = 3; // until all that looks the function up has passed by
  const NEAR = 100; // numbers of frames that are looked at: they count up over the whole page

  function rest() {
    const plain = window.requestAnimationFrame;
    const known = new Set();
    const ours = (callback) => {
      const number = plain.call(window, callback);
      known.add(number);
      return number;
    };
    window.requestAnimationFrame = ours;
    let left = FRAMES;
    const look = () => {
      if ((left -= 1)) return void ours(look);
      const last = plain.call(window, () => {});
      for (let number = Math.max(1, last - NEAR); number < last; number += 1)
        if (!known.has(number)) window.cancelAnimationFrame(number);
      if (window.requestAnimationFrame === ours) window.requestAnimationFrame = plain;
    };
    ours(look);
  }

  const isReady = () => document.body.dataset.easelReady !== undefined;
  const observer = new MutationObserver(() => {
    if (!isReady()) return;
    observer.disconnect();
    setTimeout(rest, AFTER);
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-easel-ready"] });
})();
