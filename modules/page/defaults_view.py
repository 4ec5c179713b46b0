"""Settings > Defaults: what of the forms is not as in a fresh one, and keeping it so (A1111
interface 11).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.library.ui_config import Place, key_of
from modules.page.defaults import Defaults
from modules.page.layout import Form
from modules.page.native_size import native_size
from modules.page.notices import Notices
from modules.page.settings_state import words

_ABOUT = (
    "What txt2img and img2img hold when somebody opens the page for the first time. Set the forms "
    "as you like them, look at what differs, and keep it."
)
_START = """
const start = () => {
  if (window.EaselSettings) EaselSettings.mountDefaults(element, props, watch);
  else setTimeout(start, 20);
};
start();
"""


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


def build(elem_id: str, parts: FormDefaults, notices: Notices) -> None:
    """The section with its buttons."""
    with gr.Column(elem_id=elem_id, elem_classes=["easel-section", "easel-defaults"]):
        gr.HTML("<h2>Defaults</h2>", apply_default_css=False)
        gr.HTML(f"<p>{_ABOUT}</p>", apply_default_css=False)
        with gr.Row(elem_classes=["easel-defaults-tools"]):
            view = gr.Button("View changes", size="sm", scale=0, elem_id="ui_defaults_view")
            keep = gr.Button("Apply", size="sm", scale=0, elem_id="ui_defaults_apply")
            forget = gr.Button(
                "Forget all saved defaults", size="sm", scale=0, elem_id="ui_defaults_forget"
            )
        board = gr.HTML(
            value=None,
            html_template='<div class="easel-defaults-board"></div>',
            js_on_load=_START,
            apply_default_css=False,
            elem_id="ui_defaults_board",
        )
    notices.on_forms(view.click, parts.forms, _viewing(parts), [board])
    notices.on_forms(keep.click, parts.forms, _keeping(parts), [board])
    notices.on(forget.click, _forgetting(parts), None, [board])


def _told(line: str, rows: list[dict[str, str]] | None = None) -> list[Any]:
    return [{"line": line, "rows": rows or [], "n": time.time_ns()}]


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
