/* The Settings tab: what the server tells of all settings when the tab is opened, the menu of their
 * sections, a search that leaves what holds the words, and what was changed here and is not stored.
 *
 * What settings there are and what they hold is the server's business (`settings_form.py`); how their
 * fields work is form.js's; tables of them are drawn by settings-tables.js.
 */
(() => {
  "use strict";
  const { make } = EaselDom;
  const HEAD = "settings_head";
  const TAB = "settings";
  const places = {}; // parts of the page by what belongs there
  const touched = new Set(); // keys of what somebody changed on this page
  let stored = {}; // values by key, as the server has them
  let sections = null; // once they are drawn: {element, title, link, rows: [{element, words}]}

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const value = (key) => EaselForm.value(TAB, key);
  const ask = (event) => EaselForm.trigger(HEAD, event, {});
  const keys = () => Object.keys(EaselForm.values(TAB));

  function say(text) {
    const line = document.querySelector("#settings_result .easel-text");
    if (line && line.textContent !== text) line.textContent = text;
  }

  /* ---- what was changed here and is not stored ---- */
  const isPending = (key) => touched.has(key) && !same(value(key), stored[key]);
  const pending = () => keys().filter(isPending);

  function tell() {
    const { length: n } = pending();
    if (!n) say("");
    else say(n === 1 ? t("1 change is not applied yet.") : t("{n} changes are not applied yet.", { n }));
  }

  /** Show a value that is the server's, also one that came after the list of choices. */
  function show(key, found) {
    const { choices = [], free, kind } = EaselForm.shape(TAB, key);
    const missing = kind.startsWith("choice") && !free && found !== null
      ? [found].flat().filter((each) => !choices.includes(each)) : [];
    EaselForm.update(TAB, { [key]: { value: found, ...(missing.length && { choices: [...choices, ...missing] }) } });
  }

  /** The server's values now: fields follow that nobody has touched here. */
  function adopt(values) {
    for (const [key, found] of Object.entries(values)) {
      if (!EaselForm.shape(TAB, key)) continue;
      stored[key] = found;
      if (isPending(key)) continue;
      touched.delete(key);
      if (!same(value(key), found)) show(key, found);
    }
  }

  /** To the defaults, which count once they are applied. */
  function back(names) {
    for (const key of names) {
      const { frozen, value: usual } = EaselForm.shape(TAB, key);
      if (frozen) continue;
      touched.add(key);
      EaselForm.set(TAB, key, usual);
    }
    tell();
    places["-board"].refresh();
  }

  EaselForm.on(({ tab, name, value: now, byPerson }) => {
    if (tab === HEAD && name === "search") filter(now);
    if (tab !== TAB || !byPerson) return;
    touched.add(name);
    tell();
  });

  /* ---- drawing ---- */
  function drawMenu(menu) {
    const nav = make("nav", "", { "aria-label": "Sections of the settings" });
    let last = "";
    for (const [category, id, title] of menu) {
      if (category !== last) {
        const heading = make("h2");
        heading.textContent = t(category);
        nav.append(heading);
        last = category;
      }
      const link = make("a", "", { href: `#${id}` });
      link.textContent = t(title);
      nav.append(link);
    }
    places["-menu"].replaceChildren(nav);
  }

  function draw({ record, menu, stored: values }) {
    stored = { ...values };
    EaselForm.add(TAB, record, values);
    EaselForm.draw(TAB, "sections", places[""], (event, told) => EaselForm.trigger(HEAD, event, told));
    drawMenu(menu);
    sections = [...places[""].querySelectorAll(".easel-section")].map((element) => {
      const title = element.querySelector("h2").textContent.toLowerCase();
      const rows = [...element.querySelectorAll(".ef-field")].map((row) => {
        return { element: row, words: `${title} ${row.textContent} ${row.id}`.toLowerCase() };
      });
      return { element, title, rows, link: places["-menu"].querySelector(`a[href="#${element.id}"]`) };
    });
    filter(EaselForm.value(HEAD, "search"));
  }

  /** Each word must occur in a setting's label, help or key, or in its section's title. */
  function filter(text) {
    if (!sections) return;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = (place) => words.every((word) => place.includes(word));
    let shown = 0;
    for (const { element, title, rows, link } of sections) {
      let found = holds(title) && !rows.length ? 1 : 0;
      for (const row of rows) {
        const isHit = holds(row.words);
        row.element.classList.toggle("easel-filtered", !isHit);
        if (isHit) found += 1;
      }
      for (const each of [element, link]) each.classList.toggle("easel-filtered", !found);
      shown += found;
    }
    for (const heading of places["-menu"].querySelectorAll("h2")) {
      let next = heading.nextElementSibling;
      let isLeft = false;
      for (; next?.matches("a"); next = next.nextElementSibling) isLeft ||= !next.classList.contains("easel-filtered");
      heading.classList.toggle("easel-filtered", !isLeft);
    }
    document.getElementById("settings_none").hidden = shown > 0;
  }

  function clearSearch() {
    EaselForm.set(HEAD, "search", "");
    filter("");
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.closest?.("#settings_search")) clearSearch();
  });

  EaselForm.answer("options", (told) => {
    if (told.record && !sections) draw(told);
    if (!sections) return;
    adopt(told.stored ?? {});
    if (told.line) say(told.line);
    places["-board"]?.refresh();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#settings_menu a");
    if (link) {
      event.preventDefault();
      EaselSettingsBoard.goTo(document.querySelector(link.getAttribute("href")), "start");
    }
    // Others may have changed settings since the tab was opened first.
    if (event.target.closest?.("#tab_settings-button") && places[""]) ask(sections ? "settings-look" : "settings-open");
  });

  /** A line for each setting that is not at its default, or is another on this page. */
  function lines() {
    return keys().filter((key) => isPending(key) || !same(stored[key], EaselForm.shape(TAB, key).value)).map((key) => {
      const { id, label, value: usual } = EaselForm.shape(TAB, key);
      return { key, id, label, usual, stored: stored[key], ...(isPending(key) && { page: value(key) }) };
    });
  }

  const makers = {
    "-board": (element) => new EaselSettingsBoard(element, { lines, back, clearSearch }),
    "-defaults": (element) => {
      EaselForm.answer("defaults", (told) => EaselSettingsBoard.drawDefaults(element, told));
      return element;
    },
  };

  window.EaselSettings = {
    /** `place`: "" for the sections, "-menu", "-board", "-defaults". */
    mount(place, element) {
      places[place] = makers[place]?.(element) ?? element;
      if (place === "") ask("settings-open");
    },
    apply: () => ask(sections ? "settings-apply" : "settings-open"),
    compare() {
      if (!sections) return;
      places["-board"].open();
      ask("settings-look");
    },
    /** What the server is to store, as text. */
    told() {
      EaselFormKinds.choice.leave();
      return JSON.stringify({ [TAB]: Object.fromEntries(pending().map((key) => [key, value(key)])) });
    },
    /** Labels of the settings that were changed on this page and are not stored. */
    unapplied: () => (sections ? pending().map((key) => t(EaselForm.shape(TAB, key).label)) : []),
    /** Have the element in sight that the search may have taken away. */
    reveal(id) {
      if (id && document.getElementById(id)?.closest(".easel-filtered")) clearSearch();
    },
  };
})();
