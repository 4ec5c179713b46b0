/* What a page does where nobody looks at it: a sound and a desktop message when pictures are ready, the
 * browser's title while they are made, and a screen that stays awake meanwhile.
 *
 * The desktop's permission is asked only when its button is pressed. Knows jobs' records, no route but
 * that of the sound.
 */
(() => {
  "use strict";
  const { make, span, address } = EaselDom;
  const KEY = "easel-notify"; // in the browser's storage: "yes" where messages are wanted
  const TITLE = "Easel";
  const options = { title: true, awake: true, sound: "", volume: 1 };
  let wanted = false;
  let lock = null; // the screen's
  let player = null;

  try {
    wanted = localStorage.getItem(KEY) === "yes";
  } catch {}

  const isPossible = () => "Notification" in window && window.isSecureContext;
  const isOn = () => wanted && isPossible() && Notification.permission === "granted";

  function keep(value) {
    wanted = value;
    try {
      localStorage.setItem(KEY, value ? "yes" : "no");
    } catch {}
    drawButton();
  }

  async function toggle() {
    if (isOn()) return keep(false);
    const answer = await Notification.requestPermission();
    keep(answer === "granted");
    if (answer === "denied") {
      EaselNotices.show(t("The browser does not allow messages from this page; its settings for this address can."));
    }
  }

  /** Where the browser has no messages to offer (a page over plain HTTP, say) there is no button. */
  function drawButton() {
    const last = document.querySelector(".easel-footer span:last-child");
    if (!last || !isPossible()) return;
    let button = document.querySelector(".ez-notify-button");
    if (!button) {
      button = make("button", "ez-footer-button ez-notify-button", { type: "button" });
      button.addEventListener("click", toggle);
      last.before(button);
    }
    button.setAttribute("aria-pressed", String(isOn()));
    button.textContent = isOn() ? t("Messages on the desktop: on") : t("Tell me on the desktop when pictures are ready");
  }

  /* ---- while it runs ---- */
  function progress(job, percent) {
    const left = job.eta ? ` ETA: ${span(job.eta)}` : "";
    if (options.title) document.title = `[${percent}%${left}] ${TITLE}`;
    stayAwake();
  }

  async function stayAwake() {
    if (!options.awake || lock || document.hidden || !navigator.wakeLock) return;
    lock = "asked";
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
    } catch {
      lock = null; // low battery: the machine knows better
    }
  }

  /* ---- at its end ---- */
  function rest() {
    document.title = TITLE;
    lock?.release?.();
  }

  function play() {
    if (!options.sound || !options.volume) return;
    player ??= new Audio();
    const source = address(options.sound);
    if (player.src !== source) player.src = source;
    player.volume = options.volume;
    player.play().catch(() => {}); // no sound before the first click on the page: browsers' rule
  }

  /** A job that this page followed has ended. */
  function ended(job) {
    rest();
    if (job.source !== "page" || job.state === "cancelled") return;
    if (job.items.length) play();
    if (!document.hidden || !isOn()) return;
    const failed = job.state === "failed";
    const count = job.items.length;
    const words = failed ? t("A job failed") : count > 1 ? t("{n} pictures are ready", { n: count }) : t("A picture is ready");
    const body = failed ? job.error?.message ?? "" : String(job.request.prompt ?? "").slice(0, 200);
    const icon = count ? address(job.items[0].url) : undefined;
    try {
      const message = new Notification(words, { body, icon, tag: "easel" });
      message.addEventListener("click", () => {
        window.focus();
        message.close();
      });
    } catch {} // phones allow messages only to a service worker
  }

  window.EaselNotify = {
    progress, ended, rest,
    configure: (state) => {
      options.title = state.progress_in_title ?? true;
      options.awake = state.stay_awake ?? true;
      options.sound = state.sound ?? "";
      options.volume = (state.volume ?? 100) / 100;
      drawButton();
    },
  };
})();
