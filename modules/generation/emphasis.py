"""Emphasis: the brackets in a text that weigh its words, and the word BREAK.

Comes after prompt editing; knows no tokens. Rules and the quirks that are kept: A1111 numerics,
attention parse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ROUND = 1.1
SQUARE = 1 / 1.1
MAX_NESTING = 200  # a bracket nested deeper is an ordinary character


@dataclass(frozen=True)
class Segment:
    """A piece of text with one weight. `is_break` marks the word BREAK, whose text is not
    encoded.
    """

    text: str
    weight: float = 1.0

    @property
    def is_break(self) -> bool:
        # A BREAK within weighted brackets has another weight, and is then only a word.
        return self.text == "BREAK" and self.weight == -1


_BREAK = re.compile(r"\bBREAK\b")
_ATTENTION = re.compile(
    r"\\[()\[\]\\]"  # an escaped bracket or backslash
    r"|\\"
    r"|:\s*[-+]?[0-9.]+\s*\)"  # an explicit weight and the bracket that it closes
    r"|[()\[\]:]"
    r"|[^\\()\[\]:]+"
)


class _Scan:
    """Segments in the making, and where the open brackets of either kind began."""

    def __init__(self) -> None:
        self.texts: list[list[str]] = []  # each in pieces
        self.weights: list[float] = []
        self.rounds: list[int] = []
        self.squares: list[int] = []
        self.begun = True  # whether a bracket stood since the last piece of text

    def add(self, text: str, weight: float = 1.0) -> None:
        # Text with no bracket between has one weight: kept together, a close weighs it once.
        if not self.begun and weight == self.weights[-1] == 1.0:
            self.texts[-1].append(text)
            return
        self.texts.append([text])
        self.weights.append(weight)
        self.begun = False

    def add_run(self, run: str) -> None:
        first, *rest = _BREAK.split(run)
        if not rest:
            self.add(first)
            return
        self.add(first.rstrip())  # BREAK swallows the whitespace around it
        for part in rest[:-1]:
            self.add("BREAK", -1.0)
            self.add(part.strip())
        self.add("BREAK", -1.0)
        self.add(rest[-1].lstrip())

    def open(self, opened: list[int], bracket: str) -> None:
        """Note the place of an open bracket; nested too deep, it is a character."""
        if len(opened) >= MAX_NESTING:
            self.add(bracket)
            return
        opened.append(len(self.texts))
        self.begun = True

    def close(self, opened: list[int], factor: float) -> None:
        """Weigh everything since the last open bracket of that kind."""
        self.begun = True
        for place in range(opened.pop(), len(self.weights)):
            self.weights[place] *= factor

    def take(self, token: str) -> None:
        if token[0] == "\\":
            self.add(token[1:])
        elif token == "(":
            self.open(self.rounds, token)
        elif token == "[":
            self.open(self.squares, token)
        elif token == ")" and self.rounds:
            self.close(self.rounds, ROUND)
        elif token == "]" and self.squares:
            self.close(self.squares, SQUARE)
        elif token[0] == ":" and token[-1] == ")" and self.rounds:
            self.take_weight(token)
        else:
            self.add_run(token)

    def take_weight(self, token: str) -> None:
        try:
            factor = float(token[1:-1])
        except ValueError:  # such as 1.2.3: no weight but text, and the bracket closes as usual
            self.add_run(token[:-1])
            factor = ROUND
        self.close(self.rounds, factor)

    def finish(self) -> list[Segment]:
        while self.rounds:
            self.close(self.rounds, ROUND)
        while self.squares:
            self.close(self.squares, SQUARE)
        merged: list[tuple[list[str], float]] = []
        for pieces, weight in zip(self.texts, self.weights, strict=True):
            if merged and merged[-1][1] == weight:
                merged[-1][0].extend(pieces)
            else:
                merged.append((pieces, weight))
        return [Segment("".join(pieces), weight) for pieces, weight in merged] or [Segment("")]


def parse_attention(text: str) -> list[Segment]:
    """Emphasis: (more), [less], (explicit:1.3), \\( for a literal bracket, BREAK. Never empty.

    Round and square brackets are counted apart; what is left open counts to the end.
    """
    scan = _Scan()
    for token in _ATTENTION.findall(text):
        scan.take(token)
    return scan.finish()
