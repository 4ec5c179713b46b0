/* Generate forever: a menu on the right button (or two fingers) over Generate and Interrupt.
 *
 * While it is on, Generate is pressed again whenever nothing of the tab runs or waits, so that
 * changes of the form take effect in the next job. It knows the buttons and the results' panel.
 */
(() => {
  "use strict";
  const PERIOD = 500; // ms between looks, only while it is on
  const PATIENCE = 15000; // ms until a pressed button must have led to a job
  const timers = new Map(); // by tab
  const pressed = new Map(); // when Generate was pressed and no job has come of it yet, by tab
  let menu = null;

  const button = (tab) => document.querySelector(`#${tab}_generate`);

  function tick(tab) {
    const since = pressed.get(tab);
    if (since && Date.now() - since > PATIENCE) {
      stop(tab);
      EaselNotices.show(t("Generate forever ended, because no job began"));
    } else if (!since && !EaselResults.isBusy(tab)) {
      pressed.set(tab, Date.now());
      button(tab)?.click();
    }
  }

  function start(tab) {
    if (timers.has(tab)) return;
    timers.set(tab, setInterval(() => tick(tab), PERIOD));
    button(tab)?.classList.add("easel-forever");
    tick(tab);
  }

  function stop(tab) {
    clearInterval(timers.get(tab));
    timers.delete(tab);
    pressed.delete(tab);
    button(tab)?.classList.remove("easel-forever");
  }

  function close() {
    menu?.remove();
    menu = null;
  }

  function open(tab, x, y) {
    close();
    const isOn = timers.has(tab);
    const entry = document.createElement("button");
    entry.type = "button";
    entry.setAttribute("role", "menuitem");
    entry.textContent = t(isOn ? "Cancel generate forever" : "Generate forever");
    entry.addEventListener("click", () => {
      (isOn ? stop : start)(tab);
      close();
    });
    menu = document.createElement("div");
    menu.className = "easel-menu";
    menu.setAttribute("role", "menu");
    menu.append(entry);
    document.body.append(menu);
    menu.style.left = `${Math.max(4, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(4, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`;
    entry.focus();
  }

  const tabOf = (target) =>
    target.closest?.("#txt2img_generate, #txt2img_interrupt, #img2img_generate, #img2img_interrupt")
      ?.id.split("_")[0];

  document.addEventListener("contextmenu", (event) => {
    const tab = tabOf(event.target);
    if (!tab) return;
    event.preventDefault();
    const box = event.target.getBoundingClientRect();
    open(tab, event.clientX || box.left, event.clientY || box.bottom);
  });
  document.addEventListener("touchstart", (event) => {
    const tab = event.touches.length === 2 && tabOf(event.target);
    if (tab) open(tab, event.touches[0].clientX, event.touches[0].clientY);
  }, { passive: true });
  document.addEventListener("pointerdown", (event) => {
    if (menu && !menu.contains(event.target)) close();
  });
  window.addEventListener("keydown", (event) => {
    if (!menu || event.key !== "Escape") return;
    event.stopPropagation(); // closes the menu, and interrupts nothing
    close();
  }, true);
  document.addEventListener("easel-submitted", (event) => pressed.delete(event.detail));
})();
