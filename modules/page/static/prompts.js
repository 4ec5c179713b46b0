/* The prompt boxes: words put in and moved, token counters, pictures and texts dropped on them.
 *
 * What a key does to a text is in emphasis.js; which key, in shortcuts.js.
 */
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const options = {
    emphasis_step: 0.1, emphasis_tag_step: 0.05, delimiters: " ,.\n", move_items: true, count_tokens: true,
  };

  /** New text that Gradio sees and the browser's undo knows. */
  function setText(area, text, start = text.length, end = start) {
    area.focus();
    area.select();
    const done = document.execCommand(text ? "insertText" : "delete", false, text);
    if (!done || area.value !== text) {
      area.value = text;
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    area.setSelectionRange(start, end);
  }

  /** What EaselEmphasis made of the box's text. */
  function put(area, made) {
    if (made) setText(area, made.text, made.start, made.end);
  }

  const emphasise = (area, direction) => put(area, EaselEmphasis.emphasise(
    area.value, area.selectionStart, area.selectionEnd, direction,
    { step: options.emphasis_step, tagStep: options.emphasis_tag_step, delimiters: options.delimiters }));

  const moveItem = (area, direction) =>
    put(area, EaselEmphasis.moveItem(area.value, area.selectionStart, direction));

  const isPrompt = (target) => target?.matches?.('[id$="_prompt"] textarea') ?? false;

  /* ---- words that a click puts in and takes out: networks ---- */
  let negativeHadFocus = false;
  document.addEventListener("focusin", (event) => {
    if (isPrompt(event.target)) negativeHadFocus = event.target.closest(".easel-prompt").id.endsWith("_neg_prompt");
  });

  const plain = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  /** A tag whatever its weight, or a word that stands alone. */
  function pattern(word) {
    const tag = word.match(/^<(\w+):([^:>]+)/);
    return tag
      ? new RegExp(`\\s*<${tag[1]}:${plain(tag[2])}(?::[^>]*)?>`)
      : new RegExp(`(^|[\\s,(])${plain(word)}(?=$|[\\s,):])`);
  }

  const holds = (area, word) => pattern(word).test(area.value);

  /** Put `word` (and the words that belong to it) at the end of the prompt, or take both out. */
  function toggle(area, word, more = "") {
    if (!area) return;
    const text = area.value;
    if (holds(area, word)) {
      const before = options.network_separator?.trim();
      const own = before && word.startsWith("<") ? text.replace(new RegExp(`${plain(before)}(${pattern(word).source})`), "$1") : text;
      const without = own.replace(pattern(word), "");
      setText(area, (more ? without.replace(more, "") : without).replace(/[ \t]{2,}/g, " ").replace(/[,\s]+$/, ""));
      return;
    }
    const isTag = word.startsWith("<");
    const separator = !text || /\s$/.test(text) ? "" : isTag ? options.network_separator ?? " " : ", ";
    setText(area, `${text}${separator}${word}${more ? ` ${more}` : ""}`);
  }

  /* ---- token counters ---- */
  const counting = new Map();

  const styles = { txt2img: [], img2img: [] };

  async function counted(id, text) {
    const isNegative = id.endsWith("_neg_prompt");
    const chosen = styles[id.split("_")[0]] ?? [];
    if (!text && !chosen.length) return "0/75"; // as a page begins: nothing to ask
    try {
      const answer = await fetch(new URL("easel/v1/tokens", document.baseURI), {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ [isNegative ? "negative" : "text"]: text, styles: chosen }),
      });
      const told = await answer.json();
      const { count, limit } = isNegative ? told.negative : told;
      return answer.ok ? `${count}/${limit}` : "";
    } catch {
      return "";
    }
  }

  function count(id, text) {
    clearTimeout(counting.get(id));
    counting.set(id, setTimeout(async () => {
      const badge = $(`#${id}_tokens`);
      if (!badge) return;
      const plain = String(text ?? "");
      badge.textContent = options.count_tokens ? await counted(id, plain) : "";
      const bare = plain.replace(/\\[()[\]]/g, "");
      const marks = (mark) => bare.split(mark).length;
      const uneven = marks("(") !== marks(")") || marks("[") !== marks("]");
      $(`#${id}`)?.classList.toggle("easel-uneven", uneven);
      badge.title = uneven ? "The brackets don't pair up" : "Tokens used, and the end of this chunk";
    }, 150));
  }

  /** The styles of a tab are others: they count too. */
  function styled(tab, names) {
    styles[tab] = names ?? [];
    countAll();
  }

  /** Boxes that were filled before anybody could be told of it. */
  function countAll() {
    for (const area of document.querySelectorAll(".easel-prompt textarea")) {
      count(area.closest(".easel-prompt").id, area.value);
    }
  }

  /* ---- a picture or a text dropped on a prompt: read its parameters ---- */
  const promptBox = (event) => event.target.closest?.('[id$="_prompt"].easel-prompt');

  async function textOf(file) {
    if (!file.type.startsWith("image/")) return file.size < 10000 ? file.text() : "";
    const answer = await fetch(new URL("easel/v1/png-info", document.baseURI), {
      method: "POST", credentials: "same-origin", body: file,
    });
    return answer.ok ? (await answer.json()).infotext ?? "" : "";
  }

  /** A picture dragged from this page comes as its address. */
  function ownAddress(transfer) {
    const address = transfer?.getData("text/uri-list").split("\n").find((line) => line && line[0] !== "#");
    return address?.startsWith(new URL("easel/v1/", document.baseURI).href) ? address : "";
  }

  async function dropped(file, address) {
    try {
      if (file) return await textOf(file);
      const answer = await fetch(address, { credentials: "same-origin" });
      return answer.ok ? await textOf(await answer.blob()) : "";
    } catch {
      return ""; // the server is away; the status tells so
    }
  }

  async function onDrop(event) {
    const box = promptBox(event);
    const file = event.dataTransfer?.files?.[0];
    const address = file ? "" : ownAddress(event.dataTransfer);
    if (!box || !(file || address)) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = box.id.split("_")[0];
    const text = await dropped(file, address);
    const area = $(`#${tab}_prompt textarea`);
    if (!area) return;
    if (!text) {
      window.EaselResults?.say(tab, t("That file holds no parameters"), true);
      return;
    }
    setText(area, text);
    setTimeout(() => $(`#${tab}_paste`)?.click(), 50);
  }

  document.addEventListener("drop", onDrop, true);
  document.addEventListener("dragover", (event) => {
    if (promptBox(event)) event.preventDefault();
  }, true);

  window.EaselPrompts = {
    count, countAll, styled, emphasise, moveItem, toggle, holds,
    movesItems: () => options.move_items,
    /** Whether the prompt that had the focus last is a negative one. */
    isNegative: () => negativeHadFocus,
    configure: (found) => Object.assign(options, found),
  };
})();
