/* How a form is arranged: rows, columns, buttons, sections with a switch, tabs and folds.
 *
 * Draws the nodes of a pane's record; where a field belongs it asks its caller for one. Keeps which
 * sections are open in the elements alone.
 */
(() => {
  "use strict";
  const { make } = window.EaselDom;
  const { worded } = window.EaselFormParts;

  function box(className, { id, classes = [] }) {
    return make("div", [className, ...classes].join(" "), id ? { id } : {});
  }

  function filled(element, nodes, pane) {
    for (const node of nodes) drawNode(node, element, pane);
    return element;
  }

  function button({ id, label, icon, action, variant, visible, classes = [] }) {
    const looks = icon ? ["easel-tool", `easel-icon-${icon}`] : variant ? [`ef-${variant}`] : [];
    const element = make("button", ["ef-button", ...looks, ...classes].join(" "), { type: "button", id });
    if (icon) {
      element.setAttribute("aria-label", t(label));
      element.title = t(label);
    } else {
      element.textContent = t(label);
    }
    element.dataset.action = action;
    element.hidden = visible === false;
    return element;
  }

  /** A text that other scripts fill. */
  function line({ line: id, text = "", tag = "div", role, hidden = false, classes = [] }, inner = "span") {
    const element = make(tag, ["ef-line", ...classes].join(" "), id ? { id } : {});
    if (role) element.setAttribute("role", role);
    element.hidden = hidden;
    element.append(worded(tag === "div" ? inner : "span", "easel-text", text));
    return element;
  }

  /** A section whose head holds the box that opens it; the style sheet hides the rest. */
  function section(node, pane) {
    const element = box("easel-switch ef-switch", node);
    const head = make("div", "easel-switch-head");
    head.append(pane.field(node.switch));
    if (node.line) head.append(line({ line: node.line }));
    element.append(head, filled(make("div", "easel-switch-body"), node.body, pane));
    return element;
  }

  /* ---- tabs and folds ---- */
  function open(tab) {
    for (const each of tab.parentElement.children) {
      const isOpen = each === tab;
      each.setAttribute("aria-selected", isOpen);
      each.tabIndex = isOpen ? 0 : -1;
    }
    const shown = tab.getAttribute("aria-controls");
    for (const panel of tab.parentElement.parentElement.children) {
      if (panel.matches(".ef-panel")) panel.hidden = panel.id !== shown;
    }
  }

  function tabs(node, pane) {
    const element = box("ef-tabs", node);
    const list = make("div", "ef-tablist", { role: "tablist" });
    element.append(list);
    for (const each of node.tabs) {
      const name = `${each.id}-button`;
      const tab = worded("button", "ef-tab", each.label, {
        type: "button", role: "tab", id: name, "aria-controls": each.id,
      });
      tab.hidden = each.visible === false;
      list.append(tab);
      element.append(filled(make("div", "ef-panel", { role: "tabpanel", id: each.id, "aria-labelledby": name }), each.body, pane));
    }
    open(list.querySelector(":scope > :not([hidden])") ?? list.firstChild);
    return element;
  }

  function fold(node, pane) {
    const element = box("ef-fold", node);
    const body = filled(make("div", "ef-fold-body", { id: `${node.id}_body` }), node.fold, pane);
    body.hidden = !node.open;
    element.append(worded("button", "ef-fold-head", node.label, {
      type: "button", "aria-expanded": Boolean(node.open), "aria-controls": body.id,
    }), body);
    return element;
  }

  function onClick(target) {
    const tab = target.closest(".ef-tab");
    if (tab) open(tab);
    const head = target.closest(".ef-fold-head");
    if (head) {
      const isOpen = head.getAttribute("aria-expanded") !== "true";
      head.setAttribute("aria-expanded", isOpen);
      head.nextElementSibling.hidden = !isOpen;
    }
    return Boolean(tab || head);
  }

  /** Arrows, Home and End walk through the tabs of a list. */
  function onKey(event) {
    const tab = event.target.closest(".ef-tab");
    if (!tab) return false;
    const all = [...tab.parentElement.querySelectorAll(".ef-tab:not([hidden])")];
    const forward = getComputedStyle(tab).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const place = all.indexOf(tab);
    const to = {
      Home: 0, End: all.length - 1, ArrowLeft: place - 1, ArrowRight: place + 1,
      [forward]: place + 1, [forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft"]: place - 1,
    }[event.key];
    if (to === undefined) return false;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    open(next);
    next.focus();
    return true;
  }

  /* ---- nodes ---- */
  function drawNode(node, into, pane) {
    if (node.field) into.append(pane.field(node.field));
    else if (node.row) into.append(filled(box("ef-row", node), node.row, pane));
    else if (node.column) into.append(filled(box("ef-column", node), node.column, pane));
    else if (node.button) into.append(button(node.button));
    else if (node.switch) into.append(section(node, pane));
    else if (node.tabs) into.append(tabs(node, pane));
    else if (node.fold) into.append(fold(node, pane));
    else if ("line" in node) into.append(line(node, "div"));
    else if (node.tokens) {
      // In the corner of the box before it.
      const counter = make("span", "easel-tokens", { id: node.tokens });
      counter.textContent = "0/75";
      into.lastElementChild.append(counter);
    } else if (node.mount) {
      const element = box("ef-mount", node);
      into.append(element);
      pane.mount(node.mount, element);
    } else throw new Error(`a form has no such node: ${Object.keys(node)}`);
  }

  window.EaselFormLayout = {
    /** The element with all of a pane's nodes. pane: {field(name), mount(name, element)}. */
    draw: (nodes, pane) => filled(make("div", "ef-pane"), nodes, pane),
    /** Whether the event was one for the arrangement itself. */
    hear(event) {
      if (event.type === "click") return onClick(event.target);
      return event.type === "keydown" && onKey(event);
    },
  };
})();
