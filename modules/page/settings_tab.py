"""The Settings tab, drawn from the one table of all settings. Knows no single setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from itertools import groupby
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.errors import RequestError
from modules.library.networks import Kind
from modules.page import widgets
from modules.page.language import Language
from modules.page.notices import Notices
from modules.settings import TABLE, Option, Settings


def build(app: App, notices: Notices, speech: Language) -> tuple[list[Component], list[Option]]:
    """The tab; its controls and their rows in one order, so that a page load can fill them."""
    rows = [row for row in TABLE if _is_shown(app, row)]
    choices = _choices(app)
    made: list[Component] = []
    sections = [(first, list(entries)) for first, entries in groupby(rows, key=_section)]
    with gr.Row(elem_classes=["easel-settings-head"]):
        apply = gr.Button("Apply settings", variant="primary", elem_id="settings_submit", scale=0)
        search = widgets.textbox(
            "Search",
            placeholder="Search settings",
            elem_id="settings_search",
            show_label=False,
            container=False,
        )
        said = gr.Markdown("", elem_id="settings_result")
    with gr.Row(elem_classes=["easel-settings"]):
        gr.HTML(
            _menu([first for first, _ in sections]),
            apply_default_css=False,
            elem_id="settings_menu",
        )
        with gr.Column(elem_id="settings_sections"):
            for (_, section, title), entries in sections:
                made += _draw_section(section, title, entries, app.settings.current, choices)
            gr.HTML('<p class="easel-none" hidden>No setting has these words.</p>')
    notices.on(apply.click, _storing(app, rows, speech), made, [said])
    search.change(None, search, None, js="text => EaselSettings.filter(text)", **widgets.QUICK)
    return made, rows


def _section(row: Option) -> tuple[str, str, str]:
    return row.category, row.section, row.section_title


def _place(section: str) -> str:
    return f"settings_{section.replace('-', '_')}"


def _menu(sections: list[tuple[str, str, str]]) -> str:
    """Links to the sections under their categories; settings.js makes them scroll."""
    lines = ['<nav aria-label="Sections of the settings">']
    for category, entries in groupby(sections, key=lambda first: first[0]):
        lines.append(f"<h3>{escape(category)}</h3>")
        for _, section, title in entries:
            lines.append(f'<a href="#{_place(section)}">{escape(title)}</a>')
    return "".join([*lines, "</nav>"])


def _draw_section(
    section: str,
    title: str,
    rows: list[Option],
    settings: Settings,
    choices: Mapping[str, list[str]],
) -> list[Component]:
    with gr.Column(elem_id=_place(section), elem_classes=["easel-section"]):
        gr.HTML(f"<h2>{escape(title)}</h2>", apply_default_css=False)
        with gr.Column(elem_classes=["easel-section-rows"]):
            return [_control(row, settings, choices) for row in rows]


def _storing(app: App, rows: list[Option], speech: Language) -> Callable[..., list[str]]:
    def store(*values: Any) -> list[str]:
        before = app.settings.current
        wanted = {
            row.key: _from_control(row, value)
            for row, value in zip(rows, values, strict=True)
            if _from_control(row, value) != _from_control(row, before.get(row.key))
        }
        frozen = [row.key for row in rows if app.flags.is_frozen(row.key, row.section)]
        for key in wanted:
            if key in frozen:
                raise RequestError(f"the setting {key} is frozen by a flag", field=key)
        changed = app.settings.update(wanted)
        speech.refresh()
        if not changed:
            return ["No changes."]
        count = "1 setting" if len(changed) == 1 else f"{len(changed)} settings"
        return [f"{count} changed: {', '.join(changed)}"]

    return store


def _is_shown(app: App, row: Option) -> bool:
    if row.hidden or not row.built:
        return False
    return not (row.hidden_dir and app.flags.hides_folders)


def _choices(app: App) -> Mapping[str, list[str]]:
    return {
        "checkpoints": [entry.title for entry in app.catalog.checkpoints],
        "vaes": ["Automatic", "None", *(vae.name for vae in app.catalog.vaes)],
        "loras": ["None", *_names(app, "lora")],
        "hypernetworks": ["None", *_names(app, "hypernetwork")],
        "localizations": ["None", *app.localizations.names()],
    }


def _names(app: App, kind: Kind) -> list[str]:
    """The first thousand: every page carries the list, and any other name may be typed."""
    return [file.name for file in app.networks.list(kind)[:1000]]


def _from_control(row: Option, value: Any) -> Any:
    if row.type is tuple:
        return tuple(value or ())
    if row.optional and value in ("", None):
        return None
    return value


def values(settings: Settings, rows: list[Option]) -> list[Any]:
    """What the controls show for `settings`."""
    return [_shown(settings.get(row.key)) for row in rows]


def _shown(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _control(row: Option, settings: Settings, listed: Mapping[str, list[str]]) -> Component:
    value = _shown(settings.get(row.key))
    common: dict[str, Any] = {
        "label": row.label,
        "info": row.help or None,
        "elem_id": f"setting_{row.key}_in_settings"
        if row.key in QUICK_KEYS
        else f"setting_{row.key}",
        "interactive": True,
    }
    choices = list(row.choices) or listed.get(row.choices_from, [])
    match row.control:
        case "checkbox":
            return gr.Checkbox(value, **common)
        case "slider":
            return gr.Slider(row.low or 0, row.high or 0, value, step=row.step, **common)
        case "number":
            return gr.Number(value, precision=0 if row.type is int else None, **common)
        case "colour":
            return gr.ColorPicker(value, **common)
        case "radio":
            return gr.Radio(choices, value=value, **common)
        case "dropdown":
            return gr.Dropdown(choices, value=value, allow_custom_value=not row.choices, **common)
        case "multiselect":
            return gr.Dropdown(
                choices, value=value, multiselect=True, allow_custom_value=True, **common
            )
        case _:
            return gr.Textbox(value or "", **common)


# Shown in the quick settings row under the plain id.
QUICK_KEYS = frozenset({"sd_model_checkpoint", "sd_vae"})
