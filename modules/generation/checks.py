"""Checks that the records of wishes share: a value is what its field needs, or RequestError says
which field, which value and what is allowed.

It knows no field by name but the pictures', and nothing of what the values are for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from modules.errors import RequestError

MAX_SIZE = 8192  # pixels a side; the settings may allow less
MIN_SIZE = 8
MAX_TEXT = 1_000_000  # characters
_SHA256 = re.compile(r"[0-9a-f]{64}")


def in_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(
            f"{name} is {value!r}; give a number from {_bound(low)} to {_bound(high)}", field=name
        )
    if not low <= value <= high:
        # A whole number of a thousand digits can't become a float, and nobody would read it.
        told = str(value) if abs(value) < 10**20 else f"{str(value)[:10]}..."
        raise RequestError(f"{name} {told} is outside {_bound(low)}..{_bound(high)}", field=name)


def _bound(value: float) -> str:
    """A whole number in full: half of a seed's digits help nobody."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def whole(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RequestError(
            f"{name} is {value!r}; give a whole number from {low} to {high}", field=name
        )
    in_range(name, value, low, high)


def text(name: str, value: str | None, *, optional: bool = True) -> None:
    if value is None and optional:
        return
    if not isinstance(value, str):
        raise RequestError(f"{name} is {value!r}; give a text", field=name)
    if len(value) > MAX_TEXT:
        raise RequestError(
            f"{name} has {len(value)} characters; give at most {MAX_TEXT}", field=name
        )
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise RequestError(
            f"{name} holds half a character (a lone surrogate); remove it", field=name
        )


def given(record: Any, prefix: str = "") -> None:
    """None only where it has a meaning: in fields whose default it is."""
    for entry in fields(record):
        if entry.default is not None and getattr(record, entry.name) is None:
            name = prefix + entry.name
            raise RequestError(f"{name} is missing", field=name)


def flag(name: str, value: bool | None) -> None:
    if value is not None and not isinstance(value, bool):
        raise RequestError(f"{name} is {value!r}; give true or false", field=name)


def mapping(name: str, value: Mapping[str, Any]) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise RequestError(f"{name} is no object of names and values", field=name)


def size(name: str, value: int | None) -> None:
    """None is the checkpoint's own size; what is no multiple of 8 is floored by the plan."""
    whole(name, value, MIN_SIZE, MAX_SIZE)


def image(name: str, value: str) -> None:
    if not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise RequestError(f"{name} is not the sha256 of a stored picture", field=name)


def known(record_type: type, record: Any) -> dict[str, Any]:
    """The values of a record of that type. RequestError where it has others, or is none."""
    if not isinstance(record, Mapping):
        raise RequestError(f"{record_type.__name__.lower()} is no object of names and values")
    unknown = sorted(set(record) - {entry.name for entry in fields(record_type)})
    if unknown:
        raise RequestError(f"unknown fields: {', '.join(unknown)}", field=unknown[0])
    return dict(record)


def listed(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise RequestError(f"{name} is {value!r}; give a list", field=name)
    return tuple(value)
