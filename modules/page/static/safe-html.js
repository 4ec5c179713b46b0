/* Text with a few of HTML's marks as elements: what styles words is kept, nothing that runs, loads
 * or looks like the page. Other elements are replaced by what they hold; no attribute is taken over.
 */
(() => {
  "use strict";
  const KEPT = new Set(["b", "i", "em", "strong", "u", "s", "small", "sub", "sup", "code", "br", "p", "ul",
    "ol", "li", "hr", "blockquote"]);
  const GONE = new Set(["script", "style", "template", "iframe", "object", "noscript", "title", "svg", "math"]);

  function copied(node) {
    if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
    if (node.nodeType !== Node.ELEMENT_NODE || GONE.has(node.localName)) return [];
    const inside = [...node.childNodes].flatMap(copied);
    const isLink = node.localName === "a" && /^https?:\/\//i.test(node.getAttribute("href") ?? "");
    if (!KEPT.has(node.localName) && !isLink) return inside;
    const made = document.createElement(node.localName);
    if (isLink) Object.assign(made, { href: node.getAttribute("href"), target: "_blank", rel: "noopener noreferrer" });
    made.append(...inside);
    return [made];
  }

  /** The nodes for `html`; a document of its own reads it, which runs and fetches nothing. */
  window.easelSafeHtml = (html) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    return [...parsed.body.childNodes].flatMap(copied);
  };
})();
