/* Turning pictures with a gamepad: its cross and its sticks, left and right, while a view is open.
 *
 * Asks the pads as often as pictures may turn, and only while somebody follows. Knows no view.
 */
(() => {
  "use strict";
  const FAR = 0.5; // how far a stick is out that means it
  const [LEFT, RIGHT] = [14, 15]; // the cross, on a pad of the standard layout

  /** -1, 0 or 1: to the left, nowhere, to the right. */
  function direction(pads) {
    for (const pad of pads) {
      if (!pad) continue;
      if (pad.buttons[LEFT]?.pressed) return -1;
      if (pad.buttons[RIGHT]?.pressed) return 1;
      const out = [pad.axes[0], pad.axes[2]].find((axis) => Math.abs(axis ?? 0) > FAR);
      if (out) return Math.sign(out);
    }
    return 0;
  }

  /** Calls turn(-1 or 1) every `period` ms that a pad says so, until the function it gives is called. */
  function follow(turn, period) {
    const timer = setInterval(() => {
      const way = direction(navigator.getGamepads?.() ?? []);
      if (way) turn(way);
    }, Math.max(50, period));
    return () => clearInterval(timer);
  }

  window.EaselGamepad = { follow };
})();
