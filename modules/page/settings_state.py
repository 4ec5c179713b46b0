"""Changing settings from the page: what may be changed, and which ones are not as they were.

Knows the table of settings and who may change what; draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modules.app import App
from modules.errors import RequestError
from modules.settings import OPTIONS, Option, Settings


def change(app: App, changes: Mapping[str, Any]) -> list[str]:
    """Store them; the keys whose value is another now. EaselError, and nothing stored, where one is
    frozen or can't be used.
    """
    for key in changes:
        row = OPTIONS.get(key)
        if row is not None and app.flags.is_frozen(key, row.section):
            raise RequestError(
                f"the setting {row.label!r} ({key}) is frozen: this server was started so that "
                "nobody changes it here",
                field=key,
            )
    return app.settings.update(changes)


def wanted(rows: Sequence[Option], values: Sequence[Any], board: Any) -> dict[str, Any]:
    """Of the controls' `values`, those that somebody changed since the page got them. board: what
    `told` gave then. What was changed elsewhere meanwhile is not among them, and so stays.
    """
    before = board.get("page") if isinstance(board, dict) else None
    before = before if isinstance(before, dict) else {}
    found: dict[str, Any] = {}
    for row, value in zip(rows, values, strict=True):
        meant = from_control(row, value)
        if meant != from_control(row, before.get(row.key, shown(row.default))):
            found[row.key] = meant
    return found


def table(
    settings: Settings, rows: Sequence[Option], pending: Mapping[str, Any]
) -> list[dict[str, str]]:
    """A line for each setting that is not at its default, or is another on the page (`pending`):
    label, key, and the words for its stored value, the page's ("" where it is the stored one) and
    the default.
    """
    return [
        {
            "key": row.key,
            "label": row.label,
            "stored": words(settings.get(row.key)),
            "page": words(pending[row.key]) if row.key in pending else "",
            "default": words(row.default),
        }
        for row in rows
        if row.key in pending or settings.get(row.key) != row.default
    ]


def told(
    settings: Settings, rows: Sequence[Option], values: Sequence[Any] | None = None
) -> dict[str, Any]:
    """What the page must know: the defaults in words, which settings are off them, and the values
    that its controls have (`values`, else the stored ones), where those are no defaults.
    """
    if values is None:
        values = [shown(settings.get(row.key)) for row in rows]
    return {
        "defaults": {row.key: words(row.default) for row in rows},
        "changed": [row.key for row in rows if settings.get(row.key) != row.default],
        "page": {
            row.key: value
            for row, value in zip(rows, values, strict=True)
            if from_control(row, value) != row.default
        },
    }


def words(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    if value in ("", None):
        return "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_control(row: Option, value: Any) -> Any:
    """A control's value as the setting has it."""
    if row.type is tuple:
        return tuple(value or ())
    if row.optional and value in ("", None):
        return None
    return value


def shown(value: Any) -> Any:
    """A setting's value as its control has it."""
    return list(value) if isinstance(value, tuple) else value
