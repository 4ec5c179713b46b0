/* Sizes told beside the controls that lead to them. Knows numbers only. */
(() => {
  "use strict";
  const even = (side) => Math.floor(side / 8) * 8;

  /** Width and height after hires fix, by the rules of the engine's plan. */
  function enlarged(width, height, scale, x, y) {
    if (!x && !y) return [even(Math.trunc(width * scale)), even(Math.trunc(height * scale))];
    if (!y) return [even(x), even(Math.floor((x * height) / width))];
    if (!x) return [even(Math.floor((y * width) / height)), even(y)];
    return [even(x), even(y)]; // the rest is cut off on both sides
  }

  /** The words beside "Hires. fix". */
  function hires(isOn, width, height, scale, x, y) {
    if (!isOn || !(width > 0 && height > 0)) return "";
    const [from, to] = [[even(width), even(height)], enlarged(even(width), even(height), scale, x, y)];
    return `from ${from.join("x")} to ${to.join("x")}`;
  }

  window.EaselSizes = { hires };
})();
