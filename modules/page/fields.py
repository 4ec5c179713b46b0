"""The controls of a form as plain records, which `static/form*.js` draws.

Knows what a control can hold and how it is described to the browser; neither what it is for nor
any library that draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

FieldKind = Literal[
    "slider", "number", "text", "colour", "checkbox", "radio", "checks", "choice", "choices"
]


@dataclass(kw_only=True)
class Field:
    """One control. value: what a fresh form has. low, high, step: of a slider or a number; the
    latter may have no ends, and without a step it need not be whole. choices: texts of a radio,
    checks, choice (one of a list) or choices (several). free: other texts may be typed. lines,
    max_lines: rows of a text at first and at most. hint: a line of small text. seed: an empty
    number means -1. returns: beside it is a button that leads back to `value`. frozen: nobody
    changes it here. scale, min_width (px): its share of the row.
    """

    kind: FieldKind
    elem_id: str
    label: str
    value: Any
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: Sequence[str] = ()
    free: bool = False
    lines: int = 1
    max_lines: int = 1
    placeholder: str = ""
    hint: str | None = None
    seed: bool = False
    returns: bool = False
    frozen: bool = False
    visible: bool = True
    classes: tuple[str, ...] = ()
    scale: int = 1
    min_width: int = 120

    def record(self) -> dict[str, Any]:
        """What the browser gets; what says nothing is left out."""
        told: dict[str, Any] = {
            "kind": self.kind,
            "id": self.elem_id,
            "label": self.label,
            "value": self.value,
        }
        for name in ("low", "high", "step"):
            if getattr(self, name) is not None:
                told[name] = getattr(self, name)
        if self.kind == "text":
            told |= {"lines": self.lines, "max_lines": self.max_lines}
        if self.kind in ("radio", "checks", "choice", "choices"):
            told["choices"] = list(self.choices)
        for name in ("free", "placeholder", "hint", "seed", "returns", "frozen"):
            if getattr(self, name):
                told[name] = getattr(self, name)
        if self.classes:
            told["classes"] = list(self.classes)
        return told | {
            "visible": self.visible,
            "scale": self.scale,
            "min_width": self.min_width,
        }

    def wanted(self, value: Any) -> str:
        """What it would take in the place of `value`; "" where it takes it."""
        match self.kind:
            case "slider" | "number":
                return self._wanted_number(value) if _is_number(value) else "a number"
            case "checkbox":
                return "" if isinstance(value, bool) else "true or false"
            case "text" | "colour":
                return "" if isinstance(value, str) else "a text"
            case "checks" | "choices":
                listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
                return "" if listed else "a list of texts"
            case _:
                return self._wanted_choice(value)

    def _wanted_number(self, value: float) -> str:
        low, high = self.ends
        if not low <= value <= high:
            return f"a number from {self.low} to {self.high}"
        is_whole = self.step is not None and float(self.step).is_integer()
        if self.low is not None:
            is_whole = is_whole and float(self.low).is_integer()
        return "a whole number" if is_whole and value != int(value) else ""

    def _wanted_choice(self, value: Any) -> str:
        if value in self.choices or (self.free and isinstance(value, str)):
            return ""
        listed = [*self.choices[:8], *(["..."] if len(self.choices) > 8 else [])]
        return f"one of {', '.join(listed)}"

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest number that it takes."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high

    def wanted_end(self, what: Literal["minimum", "maximum", "step"], value: Any) -> str:
        """As `wanted`, of a slider's range."""
        if self.kind != "slider":
            return "it to a slider"
        low, high = self.ends
        if not _is_number(value):
            return "a number"
        match what:
            case "minimum":
                return "" if value < high else f"less than {self.high}"
            case "maximum":
                return "" if value > low else f"more than {self.low}"
            case _:
                return "" if value > 0 else "more than 0"


@dataclass(kw_only=True)
class Button:
    """action: what `static/form-links.js` does, or the name of the event that reaches the server.
    icon: drawn in the place of the words, which a screen reader still reads.
    """

    elem_id: str
    label: str
    action: str
    icon: str = ""
    variant: str = ""
    visible: bool = True
    classes: tuple[str, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        told: dict[str, Any] = {"id": self.elem_id, "label": self.label, "action": self.action}
        for name in ("icon", "variant"):
            if getattr(self, name):
                told[name] = getattr(self, name)
        if self.classes:
            told["classes"] = list(self.classes)
        return told | {"visible": self.visible}


def slider(label: str, low: float, high: float, value: float, step: float, **more: Any) -> Field:
    return Field(kind="slider", label=label, low=low, high=high, value=value, step=step, **more)


def dropdown(label: str, choices: Sequence[str], value: str | None, **more: Any) -> Field:
    return Field(kind="choice", label=label, choices=list(choices), value=value, **more)


def number(label: str, value: int, **more: Any) -> Field:
    """A whole one, unless `more` has another step."""
    return Field(kind="number", label=label, value=value, **{"min_width": 100, "step": 1, **more})


def textbox(label: str, **more: Any) -> Field:
    return Field(kind="text", label=label, **{"value": "", **more})


def checkbox(label: str, **more: Any) -> Field:
    return Field(kind="checkbox", label=label, value=False, **{"min_width": 60, **more})


def radio(label: str, choices: Sequence[str], value: str, **more: Any) -> Field:
    return Field(kind="radio", label=label, choices=list(choices), value=value, **more)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
