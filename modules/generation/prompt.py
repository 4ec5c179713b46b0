"""The prompt language: comments, extra-network tags, AND, prompt editing and alternation; emphasis
lies beside it.

Pure functions of text, in the order in which a prompt goes through them. Nothing here knows tokens,
networks on disk or samplers. Rules and the quirks that are kept: A1111 numerics, prompts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from modules.generation.emphasis import MAX_NESTING as MAX_NESTING
from modules.generation.emphasis import Segment as Segment
from modules.generation.emphasis import parse_attention as parse_attention


@dataclass(frozen=True)
class Tag:
    """An extra network's tag: <kind:positional:name=value>."""

    kind: str
    positional: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)


_WHOLE_LINE_COMMENT = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
_COMMENT = re.compile(r"#[^\n]*(?:\n|$)")
_TAG = re.compile(r"<(\w+):([^>]+)>")
_AND = re.compile(r"\bAND\b")
_PART_WEIGHT = re.compile(r":\s*([-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+))$")
_PLAIN = re.compile(r"(?:[^\\\[\]():|]|\\.)+")
_NUMBER = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*\]")


def strip_comments(text: str) -> str:
    """The text without what stands between # and the end of a line."""
    return _COMMENT.sub("\n", _WHOLE_LINE_COMMENT.sub("\n", text))


def extra_networks(text: str) -> tuple[str, tuple[Tag, ...]]:
    """The text without extra-network tags, and these in order."""
    tags = []
    # Behind the last > no tag can end, and each < there would be followed to the text's end.
    end = text.rfind(">") + 1
    text, rest = text[:end], text[end:]
    for kind, arguments in _TAG.findall(text):
        parts = [argument.split("=", 2) for argument in arguments.split(":")]
        tags.append(
            Tag(
                kind,
                tuple("=".join(part) for part in parts if len(part) != 2),
                {part[0]: part[1] for part in parts if len(part) == 2},
            )
        )
    return _TAG.sub("", text) + rest, tuple(tags)


def split_and(text: str) -> list[tuple[str, float]]:
    """The parts between AND, each with its weight: `cat :1.2 AND dog` -> ("cat", 1.2), (" dog",
    1.0).

    A single part too: `a photo :1.5` has weight 1.5. Leading whitespace is kept.
    """
    parts = []
    for part in _AND.split(text):
        part = part.rstrip()
        weight = _PART_WEIGHT.search(part)
        if weight:
            parts.append((part[: weight.start()].rstrip(), float(weight[1])))
        else:
            parts.append((part, 1.0))
    return parts


# ---- prompt editing and alternation: a text for every step


class _Scheduled(NamedTuple):
    before: _Prompt
    after: _Prompt
    when: str


class _Alternate(NamedTuple):
    options: tuple[_Prompt, ...]


class _Bracketed(NamedTuple):
    """Brackets that belong to emphasis: kept as text, with what they hold."""

    opening: str
    parts: tuple[_Prompt, ...]  # joined by ":"
    closing: str


_Item = str | _Scheduled | _Alternate | _Bracketed
_Prompt = tuple[_Item, ...]


class _Construct(NamedTuple):
    item: _Item
    end: int  # the place after it
    depth: int


class _Reader:
    """Finds the constructs of a text from its end to its start, so that nothing recurses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.constructs: dict[int, _Construct] = {}
        for place in range(len(text) - 1, -1, -1):
            if text[place] in "([" and not self._is_escaped(place):
                found = self._round(place) if text[place] == "(" else self._square(place)
                if found is not None and found.depth <= MAX_NESTING:
                    self.constructs[place] = found

    def _is_escaped(self, place: int) -> bool:
        before = place
        while before > 0 and self.text[before - 1] == "\\":
            before -= 1
        return (place - before) % 2 == 1

    def at(self, place: int) -> str:
        return self.text[place : place + 1]

    def prompt(self, place: int) -> tuple[_Prompt, int, int]:
        """What can be read from `place` on, the place after it, and how deep it nests."""
        items: list[_Item] = []
        depth = 0
        while place < len(self.text):
            plain = _PLAIN.match(self.text, place)
            construct = self.constructs.get(place)
            if plain:
                items.append(plain[0])
                place = plain.end()
            elif construct:
                items.append(construct.item)
                place, depth = construct.end, max(depth, construct.depth)
            else:
                break
        return tuple(items), place, depth

    def _round(self, place: int) -> _Construct | None:
        """(P) or (P:P)."""
        first, end, depth = self.prompt(place + 1)
        parts = [first]
        if self.at(end) == ":":
            second, end, deeper = self.prompt(end + 1)
            parts.append(second)
            depth = max(depth, deeper)
        if self.at(end) != ")":
            return None
        return _Construct(_Bracketed("(", tuple(parts), ")"), end + 1, depth + 1)

    def _square(self, place: int) -> _Construct | None:
        """[P], [P|P...], [P:number] or [P:P:number]."""
        first, end, depth = self.prompt(place + 1)
        after = self.at(end)
        if after == "]":
            return _Construct(_Bracketed("[", (first,), "]"), end + 1, depth + 1)
        if after == "|":
            return self._alternate(first, end, depth)
        if after != ":":
            return None
        number = _NUMBER.match(self.text, end + 1)
        if number:
            return _Construct(_Scheduled((), first, number[1]), number.end(), depth + 1)
        second, end, deeper = self.prompt(end + 1)
        number = _NUMBER.match(self.text, end + 1) if self.at(end) == ":" else None
        if number is None:
            return None
        scheduled = _Scheduled(first, second, number[1])
        return _Construct(scheduled, number.end(), max(depth, deeper) + 1)

    def _alternate(self, first: _Prompt, end: int, depth: int) -> _Construct | None:
        options = [first]
        while self.at(end) == "|":
            option, end, deeper = self.prompt(end + 1)
            options.append(option)
            depth = max(depth, deeper)
        if self.at(end) != "]":
            return None
        return _Construct(_Alternate(tuple(options)), end + 1, depth + 1)

    def whole(self) -> _Prompt | None:
        """The whole text, with stray brackets and colons as characters; None: it can't be read."""
        items: list[_Item] = []
        place = 0
        while place < len(self.text):
            found, place, _ = self.prompt(place)
            items += found
            if place < len(self.text):
                if self.text[place] not in "[]():":
                    return None  # a stray | or a backslash with nothing to escape
                items.append(self.text[place])
                place += 1
        return tuple(items)


def _walk(prompt: _Prompt) -> list[_Item]:
    """Every item, nested ones too."""
    found: list[_Item] = []
    for item in prompt:
        found.append(item)
        if isinstance(item, _Scheduled):
            found += _walk(item.before) + _walk(item.after)
        elif isinstance(item, _Alternate):
            found += [inner for option in item.options for inner in _walk(option)]
        elif isinstance(item, _Bracketed):
            found += [inner for part in item.parts for inner in _walk(part)]
    return found


def _render(prompt: _Prompt, step: int, when: Callable[[str], int]) -> str:
    """The text at a step, counted from 1."""
    texts = []
    for item in prompt:
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, _Scheduled):
            chosen = item.before if step <= when(item.when) else item.after
            texts.append(_render(chosen, step, when))
        elif isinstance(item, _Alternate):
            option = item.options[(step - 1) % len(item.options)]
            texts.append(_render(option, step, when))
        else:
            inner = ":".join(_render(part, step, when) for part in item.parts)
            texts.append(item.opening + inner + item.closing)
    return "".join(texts)


def prompt_schedule(
    text: str, steps: int, *, hires_steps: int | None = None, old_timelines: bool = False
) -> list[tuple[int, str]]:
    """What the prompt says in which step: (last step, text), steps counted from 1.

    `steps` is the first pass's total, doubled for second-order samplers; with `hires_steps`
    (likewise) the schedule is the second pass's. `old_timelines` counts as A1111 did before 1.6.
    """
    is_hires = hires_steps is not None and not old_timelines
    total = hires_steps if is_hires and hires_steps is not None else steps

    def when(number: str) -> int:
        value = float(number)
        if old_timelines:
            place = value * total if value < 1 else value
        elif "." in number:
            place = (value - 1.0 if is_hires else value) * total
        else:
            place = value - steps if is_hires else value
        return int(max(-1.0, min(float(total), place)))

    prompt = _Reader(text).whole()
    if prompt is None:
        return [(total, text)]
    items = _walk(prompt)
    switches = {when(item.when) for item in items if isinstance(item, _Scheduled)}
    switches = {end for end in switches if end >= 1} | {total}
    counts = {len(item.options) for item in items if isinstance(item, _Alternate)}
    if not counts:
        return [(end, _render(prompt, end, when)) for end in sorted(switches)]
    # Between two switches the turns of all alternations come round again after so many steps.
    period = math.lcm(*counts)
    texts: dict[tuple[int, int], str] = {}
    schedule = []
    for end in range(1, total + 1):
        key = (sum(switch < end for switch in switches), end % period)
        if key not in texts:
            texts[key] = _render(prompt, end, when)
        schedule.append((end, texts[key]))
    return schedule


def index_at(schedule: Sequence[tuple[int, object]], call: int) -> int:
    """Which entry holds at the denoiser's call number `call`, counted from 0.

    Ends count from 1 and calls from 0, so the first entry lasts one call longer; past the last end
    the first one holds again. Both as in the original.
    """
    return next((place for place, (end, _) in enumerate(schedule) if call <= end), 0)
