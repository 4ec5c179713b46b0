/* The prompt boxes: emphasis and order by key, token counters, pictures dropped on them. */
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const options = { emphasis_step: 0.1, move_items: true, count_tokens: true };

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

  /** The bracket block around the cursor, else the word under it. */
  function span(text, start, end) {
    if (start !== end) return [start, end];
    const open = text.lastIndexOf("(", start - 1);
    const close = text.indexOf(")", start);
    if (open >= 0 && close >= 0 && !text.slice(open + 1, close).includes("(")
      && text.lastIndexOf(")", start - 1) < open) return [open, close + 1];
    const isWord = (letter) => letter !== undefined && !/[\s.,\\/!?%^*;:{}=`~()[\]<>|]/.test(letter);
    let from = start;
    let to = start;
    while (from > 0 && isWord(text[from - 1])) from--;
    while (to < text.length && isWord(text[to])) to++;
    return [from, to];
  }

  /** Ctrl+Up and Ctrl+Down: (word:1.1) and back. */
  function emphasise(area, direction) {
    const text = area.value;
    const [from, to] = span(text, area.selectionStart, area.selectionEnd);
    if (from === to) return;
    let inner = text.slice(from, to);
    let weight = 1;
    const numbered = inner.match(/^\(([\s\S]*):\s*(-?[\d.]+)\)$/);
    if (numbered) {
      inner = numbered[1];
      weight = Number(numbered[2]);
    } else {
      while (/^\([\s\S]*\)$/.test(inner)) {
        inner = inner.slice(1, -1);
        weight *= 1.1;
      }
    }
    weight = Math.round((weight + direction * options.emphasis_step) * 1000) / 1000;
    const made = weight === 1 ? inner : `(${inner}:${weight})`;
    setText(area, text.slice(0, from) + made + text.slice(to), from, from + made.length);
  }

  /** Alt+Left and Alt+Right: move the comma-separated part under the cursor. */
  function moveItem(area, direction) {
    const parts = area.value.split(",");
    let at = 0;
    let passed = parts[0].length;
    while (passed < area.selectionStart && at < parts.length - 1) passed += parts[++at].length + 1;
    const other = at + direction;
    if (other < 0 || other >= parts.length) return;
    const words = parts.map((part) => part.trim());
    [words[at], words[other]] = [words[other], words[at]];
    const before = words.slice(0, other).join(", ");
    const start = before ? before.length + 2 : 0;
    setText(area, words.join(", "), start, start + words[other].length);
  }

  const isPrompt = (target) => target?.matches?.('[id$="_prompt"] textarea') ?? false;

  /** True where the key was one of ours. */
  function onKey(event) {
    if (!isPrompt(event.target)) return false;
    const ctrl = event.ctrlKey || event.metaKey;
    if (ctrl && ["ArrowUp", "ArrowDown"].includes(event.key)) {
      emphasise(event.target, event.key === "ArrowUp" ? 1 : -1);
    } else if (event.altKey && options.move_items && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      moveItem(event.target, event.key === "ArrowRight" ? 1 : -1);
    } else {
      return false;
    }
    return true;
  }

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
      const without = text.replace(pattern(word), "");
      setText(area, (more ? without.replace(more, "") : without).replace(/[ \t]{2,}/g, " ").replace(/[,\s]+$/, ""));
      return;
    }
    const isTag = word.startsWith("<");
    const separator = !text || /\s$/.test(text) ? "" : isTag ? " " : ", ";
    setText(area, `${text}${separator}${word}${more ? ` ${more}` : ""}`);
  }

  /* ---- token counters ---- */
  const counting = new Map();

  const styles = { txt2img: [], img2img: [] };

  async function counted(id, text) {
    const isNegative = id.endsWith("_neg_prompt");
    const chosen = styles[id.split("_")[0]] ?? [];
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

  async function onDrop(event) {
    const box = promptBox(event);
    const file = event.dataTransfer?.files?.[0];
    if (!box || !file) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = box.id.split("_")[0];
    const text = await textOf(file);
    const area = $(`#${tab}_prompt textarea`);
    if (!area) return;
    if (!text) {
      window.EaselResults?.say(tab, "That file holds no parameters", true);
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
    count, countAll, styled, onKey, toggle, holds,
    /** Whether the prompt that had the focus last is a negative one. */
    isNegative: () => negativeHadFocus,
    configure: (found) => Object.assign(options, found),
  };
})();
