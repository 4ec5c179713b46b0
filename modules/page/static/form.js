/* The form's store: the values of every field, the panes that are drawn, and what others may ask of
 * them.
 *
 * Comes from the record `window.easelForms`. Knows no kind of field (`EaselFormKinds`) and no
 * arrangement (`EaselFormLayout`): it asks these when a pane is drawn. Each pane listens once for all
 * of its fields.
 */
(() => {
  "use strict";
  const HEARD = ["input", "change", "mousedown", "click", "keydown", "focusout"];
  const stores = new Map(); // tab -> {fields, values, elements, panes}
  const places = new Map(); // element id -> {tab, name}
  const owners = new WeakMap(); // a drawn field's element -> {tab, name}
  const listeners = [];
  const actions = new Map();
  const mounters = new Map();
  const answers = new Map(); // what the server may say besides: name -> handler
  let waiting = []; // empty places that nobody has filled yet: [name, element]
  let taken = null; // number of the server's answer that was taken last

  const same = (one, other) => one === other || JSON.stringify(one) === JSON.stringify(other);

  /** values: what the fields hold where that is not what a fresh form has. */
  function add(tab, record, values = {}) {
    const store = { fields: {}, values: {}, elements: {}, panes: {} };
    for (const [name, field] of Object.entries(record.fields)) {
      store.fields[name] = { ...field };
      store.values[name] = name in values ? values[name] : field.value;
      places.set(field.id, { tab, name });
    }
    for (const [name, nodes] of Object.entries(record.panes)) store.panes[name] = { nodes, root: null, trigger: null };
    stores.set(tab, store);
  }

  /* ---- values ---- */
  /** What the field makes of a value by the program; undefined where it can't hold it. */
  function fitting(field, value) {
    const offers = (each) => field.free || (field.choices ?? []).includes(each);
    switch (field.kind) {
      case "slider":
        return Number.isFinite(value) ? Math.min(field.high, Math.max(field.low, value)) : undefined;
      case "number":
        return value === null || Number.isFinite(value) ? value : undefined;
      case "text":
      case "colour":
        return String(value ?? "");
      case "checkbox":
        return Boolean(value);
      case "checks":
      case "choices":
        return (value ?? []).filter(offers);
      default:
        return (value === null && (field.free || field.value === null)) || offers(value) ? value : undefined;
    }
  }

  /** Keep and draw a value; `from` is the control that shows it already. */
  function put(tab, name, value, byPerson, from = null) {
    const store = stores.get(tab);
    const before = store.values[name];
    store.values[name] = value;
    const element = store.elements[name];
    if (element) show(store, name, element, from);
    if (same(before, value)) return;
    for (const listener of listeners) {
      try {
        listener({ tab, name, value, byPerson });
      } catch (error) {
        reportError(error); // one listener's fault is not the others'
      }
    }
  }

  function show({ fields, values }, name, element, from) {
    const { [name]: shape } = fields;
    EaselFormKinds[shape.kind].show(element, shape, values[name], from);
    if (shape.returns) element.classList.toggle("ef-off", !same(values[name], shape.value));
  }

  function set(tab, name, value) {
    const field = stores.get(tab)?.fields[name];
    const found = field && fitting(field, value);
    if (found !== undefined) put(tab, name, found, false);
  }

  function update(tab, changes) {
    const store = stores.get(tab);
    for (const [name, change] of Object.entries(changes)) {
      const field = store.fields[name];
      if (!field) continue;
      const { value, ...looks } = change;
      Object.assign(field, looks);
      if (store.elements[name] && Object.keys(looks).length) {
        EaselFormParts.refresh(store.elements[name], field, looks);
        put(tab, name, store.values[name], false);
      }
      if (value !== undefined) set(tab, name, value);
      else if ("low" in looks || "high" in looks) set(tab, name, store.values[name]);
    }
  }

  /** The server's answer, once: Gradio may hand over the same text again. */
  function take(text) {
    const { n, ...tabs } = JSON.parse(text || "{}");
    if (n !== undefined && n === taken) return;
    taken = n;
    for (const [name, told] of Object.entries(tabs)) {
      if (stores.has(name)) update(name, told);
      else answers.get(name)?.(told);
    }
  }

  const values = (tab) => ({ ...stores.get(tab)?.values });

  /* ---- drawing ---- */
  function field(tab, name) {
    const store = stores.get(tab);
    const { [name]: shape } = store.fields;
    const element = EaselFormKinds[shape.kind].draw(shape);
    store.elements[name] = element;
    EaselFormParts.dress(element, shape);
    owners.set(element, { tab, name });
    show(store, name, element, null);
    return element;
  }

  /** Have the places filled that are on the page and whose filler is known. */
  function mount() {
    const now = waiting.filter(([name, element]) => mounters.has(name) && element.isConnected);
    waiting = waiting.filter((each) => !now.includes(each));
    for (const [name, element] of now) mounters.get(name)(element);
  }

  /** Tell the server: only that of the tab's panes which Gradio gave the event hands it on. */
  function trigger(tab, event, data = {}) {
    const drawn = Object.values(stores.get(tab)?.panes ?? {}).filter((pane) => pane.trigger);
    for (const pane of drawn) pane.trigger(event, data);
    return drawn.length > 0;
  }

  function press(button, tab, pane) {
    const name = button.dataset.action;
    const handler = actions.get(name);
    if (handler) handler({ tab, button, trigger: pane.trigger });
    else if (!trigger(tab, name)) console.error(`nothing is declared for the button's action ${name}`);
  }

  /** One pane's events, to the kind of the field in which they happen. */
  function hear(tab, pane, event) {
    if (event.target.closest(".ef-pane") !== pane.root) return; // a pane within this one hears it
    if (event.type === "click") {
      const button = event.target.closest("button[data-action]");
      if (button) {
        press(button, tab, pane);
        return;
      }
    }
    if (EaselFormLayout.hear(event)) return;
    const element = event.target.closest(".ef-field");
    const owner = element && owners.get(element);
    if (!owner) return;
    const store = stores.get(owner.tab);
    const shape = store.fields[owner.name];
    if (shape.frozen) return;
    if (event.type === "click" && event.target.closest(".ef-return")) {
      put(owner.tab, owner.name, shape.value, true);
      element.querySelector("input, textarea")?.focus({ preventScroll: true }); // the button goes away
      return;
    }
    EaselFormKinds[shape.kind][event.type]?.(event, {
      element,
      field: shape,
      value: store.values[owner.name],
      commit: (value, from = event.target) => put(owner.tab, owner.name, value, true, from),
    });
  }

  function draw(tab, name, element, trigger = null) {
    const pane = stores.get(tab)?.panes[name];
    if (!pane) throw new Error(`the form has no pane ${tab}/${name}`);
    pane.trigger = trigger;
    if (!pane.root) {
      pane.root = EaselFormLayout.draw(pane.nodes, { field: (each) => field(tab, each), mount: (...each) => waiting.push(each) });
      for (const type of HEARD) pane.root.addEventListener(type, (event) => hear(tab, pane, event));
    }
    if (pane.root.parentElement !== element) element.replaceChildren(pane.root);
    mount();
  }

  for (const [tab, record] of Object.entries(window.easelForms ?? {})) add(tab, record);

  window.EaselForm = {
    add, draw, values, set, update, take, trigger,
    value: (tab, name) => stores.get(tab)?.values[name],
    on: (listener) => { listeners.push(listener); },
    action: (name, handler) => { actions.set(name, handler); },
    mounter(name, handler) {
      mounters.set(name, handler);
      mount();
    },
    /** Declare who hears what the server's answer says under that name, beside the tabs'. */
    answer: (name, handler) => { answers.set(name, handler); },
    /** What the field was described as: {kind, label, value, ...}. */
    shape: (tab, name) => stores.get(tab)?.fields[name] ?? null,
    find: (id) => places.get(id) ?? null,
    element: (tab, name) => stores.get(tab)?.elements[name] ?? null,
    /** All values of these tabs as one text, for a handler on the server. */
    told(...tabs) {
      EaselFormKinds.choice.leave();
      return JSON.stringify(Object.fromEntries(tabs.map((tab) => [tab, values(tab)])));
    },
  };
})();
