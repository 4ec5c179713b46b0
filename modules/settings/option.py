"""What one setting is: its label, type, range and the values it accepts; and what a section of them
is.

A section is a frozen dataclass whose field names are A1111's setting keys; each field is made by
`option()`. Values that come loosely typed (from a form, a JSON body, an old file) are brought to
the option's type when a section is made, or refused with a SettingsError. The module knows no
single setting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from modules.errors import SettingsError

T = TypeVar("T")
Control = Literal[
    "checkbox", "slider", "number", "text", "colour", "radio", "dropdown", "multiselect"
]
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0", ""}
_HEX_COLOUR = re.compile(r"#[0-9a-f]{6}")
_RGB_COLOUR = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,[^)]*)?\)")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One row of the table of settings. `low`, `high` and `step` are in the value's own unit.

    `choices_from` names a list that only a running program knows ("checkpoints", "vaes",
    "upscalers", "samplers", "loras", "hypernetworks", "settings", "tabs", "controls"); values of
    such a list are not checked here. `instead` maps a value that the original knows to the nearest
    one known here. `built` is False while nothing reads the setting; it is kept all the same.
    `hidden` options are stored but shown nowhere.
    """

    key: str = ""
    section: str = ""
    section_title: str = ""
    category: str = ""
    label: str
    help: str
    default: Any
    type: type
    optional: bool
    choices: tuple[str, ...]
    choices_from: str
    low: float | None
    high: float | None
    step: float | None
    infotext: str
    reload: bool
    restrict_api: bool
    hidden_dir: bool
    hidden: bool
    colour: bool
    built: bool
    instead: Mapping[str, str]

    @property
    def control(self) -> Control:
        """The kind of widget that edits it."""
        if self.type is bool:
            return "checkbox"
        if self.type is tuple:
            return "multiselect"
        if self.type in (int, float):
            is_range = None not in (self.low, self.high, self.step)
            return "slider" if is_range else "number"
        if self.choices:
            return "radio" if len(self.choices) <= 4 else "dropdown"
        if self.choices_from:
            return "dropdown"
        return "colour" if self.colour else "text"

    def coerce(self, value: Any) -> Any:
        """`value` in this option's type and range; SettingsError where it has no such meaning."""
        if value is None:
            if self.optional:
                return None
            raise self._refusal(value)
        if self.type is bool:
            return self._bool(value)
        if self.type in (int, float):
            return self._number(value)
        if self.type is tuple:
            return self._list(value)
        return self._text(value)

    def _bool(self, value: Any) -> bool:
        word = str(value).strip().lower()
        if isinstance(value, bool | int | float | str) and word in _TRUE | _FALSE:
            return word in _TRUE
        raise self._refusal(value)

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._refusal(value)
        try:
            number: float = int(value) if isinstance(value, int) else float(value)
        except ValueError:
            raise self._refusal(value) from None
        if not math.isfinite(number) or (self.type is int and number != int(number)):
            raise self._refusal(value)
        if (self.low is not None and number < self.low) or (
            self.high is not None and number > self.high
        ):
            raise self._refusal(value)
        return self.type(number)

    def _list(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self._refusal(value)
        return tuple(self._choice(item) for item in value)

    def _text(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._refusal(value)
        text = str(value)
        if self.colour:
            return self._hex_colour(text)
        return self._choice(text)

    def _choice(self, text: str) -> str:
        if not self.choices or text in self.choices:
            return text
        folded = text.strip().casefold()
        for choice in self.choices:
            if choice.casefold() == folded:
                return choice
        for known, here in self.instead.items():
            if known.casefold() == folded:
                return here
        raise self._refusal(text)

    def _hex_colour(self, text: str) -> str:
        word = text.strip().lower()
        if _HEX_COLOUR.fullmatch(word):
            return word
        parts = _RGB_COLOUR.fullmatch(word)
        if parts:
            levels = [round(float(part)) for part in parts.groups()]
            if all(0 <= level <= 255 for level in levels):
                return "#" + "".join(f"{level:02x}" for level in levels)
        raise self._refusal(text)

    @property
    def allowed(self) -> str:
        """What values it takes, in words."""
        if self.choices:
            return ("any of " if self.type is tuple else "one of ") + ", ".join(self.choices)
        if self.type is bool:
            return "true or false"
        if self.type in (int, float):
            noun = "a whole number" if self.type is int else "a number"
            if self.low is not None and self.high is not None:
                return f"{noun} from {plain(self.low)} to {plain(self.high)}"
            return f"{noun} of at least {plain(self.low)}" if self.low is not None else noun
        if self.type is tuple:
            return "a list of texts"
        return "a colour such as #ffffff" if self.colour else "a text"

    def _refusal(self, value: Any) -> SettingsError:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        return SettingsError(
            f"setting {self.key or self.label} can't be {shown}; give {self.allowed}",
            field=self.key,
        )


def plain(number: float) -> str:
    """1000000 rather than 1e+06 or 1000000.0."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def option(
    default: T,
    label: str,
    help: str = "",
    *,
    choices: tuple[str, ...] = (),
    choices_from: str = "",
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    infotext: str = "",
    reload: bool = False,
    restrict_api: bool = False,
    hidden_dir: bool = False,
    hidden: bool = False,
    colour: bool = False,
    built: bool = True,
    instead: Mapping[str, str] | None = None,
) -> T:
    """A field of a section. The type follows the default; a default of None is a text that may be
    missing.
    """
    row = Option(
        label=label,
        help=help,
        default=default,
        type=str if default is None else type(default),
        optional=default is None,
        choices=choices,
        choices_from=choices_from,
        low=low,
        high=high,
        step=step,
        infotext=infotext,
        reload=reload,
        restrict_api=restrict_api,
        hidden_dir=hidden_dir,
        hidden=hidden,
        colour=colour,
        built=built,
        instead=instead or {},
    )
    return field(default=default, metadata={"option": row})


class Section:
    """Base of the sections. A subclass is a frozen dataclass and gives its id, title and category
    as class keywords.
    """

    section: ClassVar[str]
    section_title: ClassVar[str]
    category: ClassVar[str]

    def __init_subclass__(cls, *, id: str, title: str, category: str) -> None:
        cls.section, cls.section_title, cls.category = id, title, category

    def __post_init__(self) -> None:
        for row in options_of(type(self)):
            value = getattr(self, row.key)
            usable = row.coerce(value)
            if usable is not value:
                object.__setattr__(self, row.key, usable)


@cache
def options_of(section: type[Section]) -> tuple[Option, ...]:
    """The rows of one section, in the order in which they are written."""
    rows = []
    for entry in fields(section):  # type: ignore[arg-type]  # every Section is a dataclass
        row: Option = entry.metadata["option"]
        rows.append(
            replace(
                row,
                key=entry.name,
                section=section.section,
                section_title=section.section_title,
                category=section.category,
            )
        )
    return tuple(rows)
