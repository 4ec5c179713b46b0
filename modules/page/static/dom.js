/* Small tools of the page's own scripts: elements, icons, options of lists, spans of time, and
 * questions to the server.
 *
 * Knows no tab and no route. Text from outside goes into elements by textContent alone.
 */
(() => {
  "use strict";

  function svg(path) {
    const ns = "http://www.w3.org/2000/svg";
    const icon = document.createElementNS(ns, "svg");
    icon.setAttribute("viewBox", "0 0 24 24");
    icon.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(ns, "path");
    line.setAttribute("d", path);
    icon.append(line);
    return icon;
  }

  /** The arrow keys along the way that the page is read, and against it. */
  const isRtl = document.documentElement.dir === "rtl";
  const [AHEAD, BACK] = isRtl ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];

  const SPOKEN = new Set(["title", "aria-label", "placeholder", "alt"]);

  /** An element; what of its attributes people read is in the page's language. */
  function make(tag, className, attributes = {}) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    for (const [name, value] of Object.entries(attributes)) {
      node.setAttribute(name, SPOKEN.has(name) ? t(value) : value);
    }
    return node;
  }

  /** An option of a select. */
  function choice(value, words = value) {
    const option = make("option", "", { value });
    option.textContent = t(words);
    return option;
  }

  /** A square button with an icon alone. */
  function tool(label, icon, action) {
    const button = make("button", "ez-drawer-tool", { type: "button", title: label, "aria-label": label });
    button.append(svg(icon));
    button.addEventListener("click", action);
    return button;
  }

  /** A span of seconds in words, "2 min 5 s". */
  function span(count) {
    if (count >= 3600) return `${Math.floor(count / 3600)} h ${Math.floor((count % 3600) / 60)} min`;
    return count >= 60 ? `${Math.floor(count / 60)} min ${Math.round(count % 60)} s` : `${Math.round(count)} s`;
  }

  const address = (path) => new URL(path.replace(/^\//, ""), document.baseURI).href;

  async function ask(path, options = {}) {
    const answer = await fetch(address(path), { credentials: "same-origin", ...options });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      const words = typeof told.errors === "string" && told.errors ? easelHeard(told.errors) : `HTTP ${answer.status}`;
      throw Object.assign(new Error(words), { status: answer.status });
    }
    return answer.json();
  }

  window.EaselDom = { AHEAD, BACK, make, svg, choice, tool, span, address, ask };
})();
