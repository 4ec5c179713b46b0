"""Changing settings from the page: what may be changed, and what the page is told of them.

Knows the table of settings and who may change what; draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def wanted(told: Any) -> dict[str, Any]:
    """Values by key of what a page `told` that it changed; RequestError where it is no page of
    ours.
    """
    if not isinstance(told, Mapping) or not all(key in OPTIONS for key in told):
        raise RequestError("the page did not say which settings it changed; reload it")
    return {key: from_control(OPTIONS[key], value) for key, value in told.items()}


def stored(settings: Settings, rows: Iterable[Option]) -> dict[str, Any]:
    """The values by key, as their controls show them."""
    return {row.key: shown(settings.get(row.key)) for row in rows}


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
        return tuple(value) if isinstance(value, list) else value
    if row.optional and value in ("", None):
        return None
    return value


def shown(value: Any) -> Any:
    """A setting's value as its control has it."""
    return list(value) if isinstance(value, tuple) else value
