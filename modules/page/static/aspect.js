/* While Width or Height of img2img changes: a frame of that shape over the picture, which shows what
 * "Crop and resize" would keep. Knows the sliders and the open canvas by their elements.
 */
(() => {
  "use strict";
  const STAYS = 900; // ms after the last change
  let frame = null;
  let timer = 0;

  function hide() {
    frame?.remove();
    frame = null;
  }

  function show() {
    const side = (name) => Number(document.querySelector(`#img2img_${name} input[type=number]`)?.value);
    const [width, height] = [side("width"), side("height")];
    const views = [...document.querySelectorAll("#mode_img2img .easel-canvas[data-empty=false] .ec-view")];
    const box = views.find((view) => view.offsetParent)?.getBoundingClientRect();
    if (!box || !(width > 0 && height > 0)) return;
    const scale = Math.min(box.width / width, box.height / height);
    if (!frame) {
      frame = document.createElement("div");
      frame.className = "easel-aspect";
      document.body.append(frame);
    }
    Object.assign(frame.style, {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      left: `${box.left + (box.width - width * scale) / 2}px`,
      top: `${box.top + (box.height - height * scale) / 2}px`,
    });
    clearTimeout(timer);
    timer = setTimeout(hide, STAYS);
  }

  document.addEventListener("input", (event) => {
    if (event.isTrusted && event.target.closest?.("#img2img_width, #img2img_height")) {
      requestAnimationFrame(show);
    }
  }, true);
  document.addEventListener("scroll", hide, true);
})();
