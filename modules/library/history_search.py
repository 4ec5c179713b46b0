"""What a search over the history asks for, and how that is said in SQL. Pure.

Words must all occur (each as the beginning of a word) in the prompt, the negative prompt or the
file's name; "words in quotes" must stand together; a word with a minus before it must not occur.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TERM = re.compile(r'(-?)(?:"([^"]*)"|([^\s"]+))')
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A wish to see pictures. Times are seconds since 1970; None and "" narrow nothing.

    `owner` None: everybody's.
    """

    text: str = ""
    model: str = ""
    sampler: str = ""
    network: str = ""
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    since: float | None = None
    until: float | None = None
    favourite: bool = False
    owner: str | None = None
    offset: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        assert self.offset >= 0 and 1 <= self.limit <= 1000, self


@dataclass(frozen=True)
class Found:
    """One picture. `changed`: nanoseconds since 1970."""

    id: int
    path: str
    changed: int
    width: int
    height: int
    prompt: str
    seed: int | None
    model: str
    favourite: bool = False


def conditions(wish: Search) -> tuple[str, list[Any]]:
    """(" where ..." or "", its values)."""
    parts: list[tuple[str, Any]] = []
    match = full_text(wish.text)
    if match is not None:
        parts.append((_matching(match), [text for text in match if text]))
    equal = {
        "model": wish.model or None,
        "sampler": wish.sampler or None,
        "seed": wish.seed,
        "width": wish.width,
        "height": wish.height,
        "favourite": 1 if wish.favourite else None,
        "owner": wish.owner,
    }
    parts += [(f"{name} = ?", [value]) for name, value in equal.items() if value is not None]
    if wish.network:
        named = "exists (select 1 from json_each(pictures.networks) where value = ?)"
        parts.append((named, [wish.network]))
    if wish.since is not None:
        parts.append(("changed >= ?", [int(wish.since * 1e9)]))
    if wish.until is not None:
        parts.append(("changed < ?", [int(wish.until * 1e9)]))
    if not parts:
        return "", []
    return " where " + " and ".join(part for part, _ in parts), [
        value for _, values in parts for value in values
    ]


def full_text(text: str) -> tuple[str, str] | None:
    """(what must match, what must not) as FTS5 queries, "" for nothing; None without a word."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _TERM.findall(text):
        words = _WORD.findall(phrase or word)
        if not words:
            continue
        # Words alone are safe inside FTS5's quotes: no sign of its language is left in them.
        term = '"' + " ".join(words) + '"' + ("" if phrase else "*")
        (unwanted if minus else wanted).append(term)
    if not wanted and not unwanted:
        return None
    return " AND ".join(wanted), " OR ".join(unwanted)


def _matching(match: tuple[str, str]) -> str:
    inside = "id {}in (select rowid from words where words match ?)"
    wanted, unwanted = match
    parts = [inside.format("")] if wanted else []
    return " and ".join(parts + ([inside.format("not ")] if unwanted else []))
