/* Emphasis and order by key, as functions of a text and a selection.
 *
 * emphasise() and moveItem() give {text, start, end}: the new text and what is selected in it; null
 * where there is nothing to change. Knows no page.
 */
(() => {
  "use strict";
  const CLOSING = { "(": ")", "[": "]" };
  const BRACKETS = "()[]<>|"; // never part of a word
  const STEP_OF_BRACKETS = 1.1; // what one pair of brackets without a number stands for

  const rounded = (weight) => Math.round(weight * 1000) / 1000;

  /** The `<lora:name:1>` around the cursor, as [from, to]; null where there is none. */
  function tagAround(text, at) {
    const from = text.lastIndexOf("<", at - 1);
    const to = text.indexOf(">", at);
    if (from < 0 || to < 0 || text.slice(from + 1, to).search(/[<>]/) >= 0) return null;
    return [from, to + 1];
  }

  /** The place after the bracket that closes the one at `from`; -1 where none does. */
  function closed(text, from) {
    const open = [];
    for (let at = from; at < text.length; at++) {
      if (text[at] === "\\") at++;
      else if (text[at] in CLOSING) open.push(CLOSING[text[at]]);
      else if (text[at] === open.at(-1) && open.pop() && !open.length) return at + 1;
    }
    return -1;
  }

  /** Whether text[from, to) means a weight: [a|b] and [a:b:0.5] mean something else. */
  const isEmphasis = (text, from, to) =>
    text[from] === "(" || !/[|:]/.test(text.slice(from + 1, to - 1));

  /** The innermost emphasis around the cursor with the brackets that wrap it at once. */
  function bracketsAround(text, at) {
    const open = [];
    for (let place = 0; place < at; place++) {
      if (text[place] === "\\") place++;
      else if (text[place] in CLOSING) open.push(place);
      else if (text[place] === ")" || text[place] === "]") open.pop();
    }
    let found = null;
    while (open.length) {
      const from = open.pop();
      const to = closed(text, from);
      if (to < at || !isEmphasis(text, from, to)) continue;
      if (found && (found[0] !== from + 1 || found[1] !== to - 1)) break;
      found = [from, to];
    }
    return found;
  }

  function wordAround(text, at, delimiters) {
    const isPart = (letter) => letter !== undefined && !`${BRACKETS}${delimiters}`.includes(letter);
    let [from, to] = [at, at];
    while (isPart(text[from - 1])) from--;
    while (isPart(text[to])) to++;
    return from === to ? null : [from, to];
  }

  /** {words, weight} of a block, however it is written. */
  function read(block) {
    let [words, weight] = [block, 1];
    while (words[0] in CLOSING && closed(words, 0) === words.length) {
      const inner = words.slice(1, -1);
      const numbered = words[0] === "(" && inner.match(/^([\s\S]*):\s*(-?\d*\.?\d+)\s*$/);
      if (numbered && !/[([]/.test(numbered[1])) return { words: numbered[1], weight: weight * numbered[2] };
      if (!isEmphasis(words, 0, words.length)) break;
      weight *= words[0] === "(" ? STEP_OF_BRACKETS : 1 / STEP_OF_BRACKETS;
      words = inner;
    }
    return { words, weight };
  }

  function emphasiseTag(tag, by) {
    const parts = tag.slice(1, -1).split(":");
    if (parts.length < 2) return null;
    const weight = parts.length > 2 ? Number(parts[2]) : 1;
    if (Number.isNaN(weight)) return null;
    parts[2] = String(rounded(weight + by));
    return `<${parts.join(":")}>`;
  }

  /** direction 1 or -1; options {step, tagStep, delimiters}. */
  function emphasise(text, start, end, direction, { step, tagStep, delimiters }) {
    const put = ([from, to], made) => ({
      text: text.slice(0, from) + made + text.slice(to), start: from, end: from + made.length,
    });
    const tag = tagAround(text, start);
    if (tag && end <= tag[1]) {
      const made = emphasiseTag(text.slice(...tag), direction * tagStep);
      return made && put(tag, made);
    }
    const block = start !== end ? [start, end]
      : bracketsAround(text, start) ?? wordAround(text, start, delimiters);
    if (!block) return null;
    const found = read(text.slice(...block));
    const weight = rounded(found.weight + direction * step);
    return put(block, weight === 1 ? found.words : `(${found.words}:${weight})`);
  }

  /** Move the comma-separated part under the cursor one place to the right (1) or left (-1). */
  function moveItem(text, start, direction) {
    const parts = text.split(",");
    let at = 0;
    let passed = parts[0].length;
    while (passed < start && at < parts.length - 1) passed += parts[++at].length + 1;
    const other = at + direction;
    if (other < 0 || other >= parts.length) return null;
    const words = parts.map((part) => part.trim());
    [words[at], words[other]] = [words[other], words[at]];
    const before = words.slice(0, other).join(", ");
    const from = before ? before.length + 2 : 0;
    return { text: words.join(", "), start: from, end: from + words[other].length };
  }

  window.EaselEmphasis = { emphasise, moveItem };
})();
