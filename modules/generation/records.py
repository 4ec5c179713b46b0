"""Records as plain values, for stores and messages. Knows no record."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

_LEAVES = frozenset({str, int, float, bool, type(None), bytes})


def plain(value: Any) -> Any:
    """What `dataclasses.asdict` makes of a record, many times faster: it copies what can change and
    nothing else.
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is dict:
        return {plain(key): plain(each) for key, each in value.items()}
    if kind in (tuple, list):
        return kind(plain(each) for each in value)
    if dataclasses.is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _names(kind)}
    return value


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(entry.name for entry in dataclasses.fields(kind))
