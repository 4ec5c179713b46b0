/* Lets the page come to rest. Gradio's clock of the page's own start goes on in every frame for as long
 * as the page is open, though nobody sees it any more: it is taken out of the frames, once.
 *
 * The clock holds the browser's function as it was before our scripts, so its frames are those that
 * pass by ours. Others' may do so too (a browser's extension, a test), for a frame or two: only what
 * was alone in many frames in a row is taken out.
 */
(() => {
  "use strict";
  const AFTER = 1000; // ms from ready; what belongs to the start has ended by itself then
  const STEADY = 30; // frames in a row with one stranger
  const PATIENCE = 600; // frames; then there is no such clock, or it is never alone

  function rest() {
    const plain = window.requestAnimationFrame;
    const known = new Set();
    const ours = (callback) => {
      const number = plain.call(window, callback);
      known.add(number);
      return number;
    };
    window.requestAnimationFrame = ours;
    let [last, alone, left] = [0, 0, PATIENCE];
    const look = () => {
      const number = ours(look); // numbers count up over the whole page
      const strangers = [];
      for (let each = last ? last + 1 : number; each < number; each += 1) {
        if (!known.delete(each)) strangers.push(each);
      }
      last = number;
      alone = strangers.length === 1 ? alone + 1 : 0;
      left -= 1;
      if (alone < STEADY && left) return;
      if (alone >= STEADY) window.cancelAnimationFrame(strangers[0]);
      window.cancelAnimationFrame(number);
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
