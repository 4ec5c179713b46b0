/* One picture over the whole page: arrows turn, S saves, wheel or + and - zoom, Esc or a click closes.
 *
 * Knows nothing of jobs: it asks its caller for the address of the picture to show.
 */
(() => {
  "use strict";
  const LARGEST = 8;

  /** asked: {address(), label(), step(by), save(), onClose()}. */
  function open(asked) {
    const box = document.createElement("dialog");
    box.className = "ez-lightbox";
    const image = document.createElement("img");
    box.append(image);
    let zoom = 1;
    const scale = (factor) => {
      zoom = Math.min(LARGEST, Math.max(1, zoom * factor));
      image.style.transform = zoom === 1 ? "" : `scale(${zoom})`;
    };
    const draw = () => {
      image.src = asked.address();
      image.alt = asked.label();
      box.setAttribute("aria-label", asked.label());
      scale(0);
    };
    const keys = {
      ArrowLeft: () => { asked.step(-1); draw(); },
      ArrowRight: () => { asked.step(1); draw(); },
      s: () => asked.save(),
      "+": () => scale(1.25),
      "-": () => scale(0.8),
    };
    box.addEventListener("keydown", (event) => {
      const action = event.ctrlKey || event.metaKey ? null : keys[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    });
    box.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (zoom === 1) {
        const { left, top, width, height } = image.getBoundingClientRect();
        const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
        image.style.transformOrigin = `${x * 100}% ${y * 100}%`;
      }
      scale(event.deltaY < 0 ? 1.25 : 0.8);
    }, { passive: false });
    box.addEventListener("click", () => box.close());
    box.addEventListener("close", () => {
      box.remove();
      asked.onClose();
    });
    document.body.append(box);
    draw();
    box.showModal();
  }

  window.EaselLightbox = { open };
})();
