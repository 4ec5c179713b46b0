"""Settings > Defaults: what of the forms is not as in a fresh one, and keeping it so (A1111
interface 11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.app import App
from modules.library.ui_config import Place, key_of
from modules.page import panes
from modules.page.defaults import Defaults
from modules.page.layout import Form
from modules.page.native_size import native_size
from modules.page.notices import Notices
from modules.page.settings_state import words

_ABOUT = (
    "What txt2img and img2img hold when somebody opens the page for the first time. Set the forms "
    "as you like them, look at what differs, and keep it."
)
#: Events of the tab that the section's buttons trigger.
EVENTS = ("defaults-view", "defaults-keep", "defaults-forget")


@dataclass
class FormDefaults:
    """The forms with their defaults. saved: to be called when those are others."""

    app: App
    defaults: Defaults
    forms: tuple[Form, ...]
    saved: Callable[[], None]

    def changes(self, told: Mapping[str, Any]) -> dict[Place, Any]:
        """What of all that the browser `told` of the forms is not as in a fresh one."""
        found: dict[Place, Any] = {}
        for form in self.forms:
            found |= self.defaults.changes(form, form.read(told), native_size(self.app))
        return found


def lay_out(form: Form, elem_id: str) -> None:
    """The section with its buttons."""
    with form.column(elem_id, "easel-section", "easel-defaults"):
        form.line("", text="Defaults", tag="h2")
        form.line("", text=_ABOUT, tag="p")
        with form.row("", "easel-defaults-tools"):
            form.button("defaults-view", "View changes", "ui_defaults_view")
            form.button("defaults-keep", "Apply", "ui_defaults_apply")
            form.button("defaults-forget", "Forget all saved defaults", "ui_defaults_forget")
        form.mount("settings-defaults", "ui_defaults_board")


def connect(events: Any, parts: FormDefaults, notices: Notices) -> None:
    """events: what offers EVENTS."""
    view, keep, forget = (getattr(events, name) for name in EVENTS)
    carried = [notices.carrier.component]
    notices.on_forms(view, parts.forms, _viewing(parts), carried)
    notices.on_forms(keep, parts.forms, _keeping(parts), carried)
    notices.on(forget, _forgetting(parts), None, carried)


def _told(line: str, rows: list[dict[str, str]] | None = None) -> list[Any]:
    return [panes.changes({}, defaults={"line": line, "rows": rows or []})]


def _viewing(parts: FormDefaults) -> Callable[[Mapping[str, Any]], list[Any]]:
    def view(told: Mapping[str, Any]) -> list[Any]:
        rows = [
            {
                "place": key_of(place).removesuffix("/value"),
                "old": words(parts.defaults.default(place)),
                "new": words(value),
            }
            for place, value in parts.changes(told).items()
        ]
        return _told("" if rows else "The forms are as a fresh page has them.", rows)

    return view


def _keeping(parts: FormDefaults) -> Callable[[Mapping[str, Any]], list[Any]]:
    def keep(told: Mapping[str, Any]) -> list[Any]:
        found = parts.changes(told)
        if not found:
            return _told("The forms are as a fresh page has them.")
        parts.defaults.save(found)
        parts.saved()
        count = "1 value is" if len(found) == 1 else f"{len(found)} values are"
        return _told(f"{count} kept in {parts.defaults.file.path.name}.")

    return keep


def _forgetting(parts: FormDefaults) -> Callable[[], list[Any]]:
    def forget() -> list[Any]:
        count = parts.defaults.forget()
        parts.saved()
        return _told(f"{count} forgotten. A fresh form is as the program has it.")

    return forget
