/* Small tools of the page's own scripts: elements, icons, and questions to the server.
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

  function make(tag, className, attributes = {}) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  const address = (path) => new URL(path.replace(/^\//, ""), document.baseURI).href;

  async function ask(path, options = {}) {
    const answer = await fetch(address(path), { credentials: "same-origin", ...options });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      const words = typeof told.errors === "string" && told.errors ? told.errors : `HTTP ${answer.status}`;
      throw Object.assign(new Error(words), { status: answer.status });
    }
    return answer.json();
  }

  window.EaselDom = { make, svg, address, ask };
})();
