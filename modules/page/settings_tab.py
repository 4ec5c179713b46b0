"""The Settings tab, drawn from the one table of all settings. Knows no single setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from html import escape
from itertools import groupby
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.library.networks import Kind
from modules.page import defaults_view, settings_state, widgets
from modules.page.defaults_view import FormDefaults
from modules.page.language import Language
from modules.page.notices import Notices, Places
from modules.page.reload import Reload
from modules.page.settings_state import shown
from modules.settings import OPTIONS, TABLE, Option, Settings

STYLES = ("settings.css",)
# A1111's settings name the tabs by these.
TAB_NAMES = ("txt2img", "img2img", "History", "PNG Info", "Settings")
# Sections of the menu that hold no settings: category, element, title.
_DEFAULTS = ("Other", "defaults", "Defaults")
# The words 'reset' in quotes make Gradio offer that event in Python.
_START = """
const start = () => {
  if (window.EaselSettings) EaselSettings.mount(element, props, trigger, watch);
  else setTimeout(start, 20);
};
start(); /* events: 'reset' */
"""


def build(
    app: App, notices: Notices, speech: Language, forms: FormDefaults, reload: Reload
) -> None:
    """The tab, whose contents are made when somebody opens it: its controls are as many as all
    others together, and each page would wait for them.
    """
    opener = gr.HTML(
        value=None,
        html_template="<div hidden></div>",
        js_on_load="trigger('submit')",  # a tab's contents are drawn when it is first shown
        apply_default_css=False,
        elem_id="settings_opener",
    )

    @gr.render(triggers=[opener.submit], queue=False, show_progress="hidden")  # type: ignore
    def draw() -> None:
        with gr.Column() as root:
            _draw(app, notices, speech, forms, reload)
        speech.say(root)


def _draw(
    app: App, notices: Notices, speech: Language, forms: FormDefaults, reload: Reload
) -> None:
    """All of it with its events, as the settings are now."""
    rows = [row for row in TABLE if is_shown(app, row)]
    choices = choices_of(app)
    made: list[Component] = []
    sections = [(first, list(entries)) for first, entries in groupby(rows, key=_section)]
    with gr.Row(elem_classes=["easel-settings-head"]):
        apply = gr.Button("Apply settings", variant="primary", elem_id="settings_submit", scale=0)
        again = gr.Button("Reload UI", elem_id="settings_restart_gradio", scale=0)
        changes = gr.Button("Show changes", elem_id="settings_show_changes", scale=0)
        search = widgets.textbox(
            "Search settings",
            placeholder="Search settings",
            elem_id="settings_search",
            show_label=False,
            container=False,
        )
        said = gr.Markdown("", elem_id="settings_result")
    with gr.Row(elem_classes=["easel-settings"]):
        menu = _menu([*(first for first, _ in sections), _DEFAULTS])
        gr.HTML(menu, apply_default_css=False, elem_id="settings_menu")
        with gr.Column(elem_id="settings_sections"):
            board = gr.HTML(
                value=settings_state.told(app.settings.current, rows),
                html_template='<div class="easel-board"></div>',
                js_on_load=_START,
                apply_default_css=False,
                elem_id="settings_board",
            )
            for (_, section, title), entries in sections:
                made += _draw_section(app, section, title, entries, choices)
            defaults_view.build(_place("defaults"), forms, notices)
            gr.HTML('<p class="easel-none" hidden>No setting has these words.</p>')
    fields = {row.key: component for row, component in zip(rows, made, strict=True)}
    places = Places.of_fields(fields, {})
    store = _storing(app, rows, speech)
    notices.on(apply.click, store, [board, *made], [said, board], places=places)
    notices.on(changes.click, _comparing(app, rows), [board, *made], [board])
    notices.on(board.reset, _resetting(app, rows, speech), None, [*made, said], with_data=True)  # type: ignore
    search.change(None, search, None, js="text => EaselSettings.filter(text)", **widgets.QUICK)
    reload.on(again)


def _section(row: Option) -> tuple[str, str, str]:
    return row.category, row.section, row.section_title


def _place(section: str) -> str:
    return f"settings_{section.replace('-', '_')}"


def _menu(sections: list[tuple[str, str, str]]) -> str:
    """Links to the sections under their categories; settings.js makes them scroll."""
    lines = ['<nav aria-label="Sections of the settings">']
    for category, entries in groupby(sections, key=lambda first: first[0]):
        lines.append(f"<h2>{escape(category)}</h2>")
        for _, section, title in entries:
            lines.append(f'<a href="#{_place(section)}">{escape(title)}</a>')
    return "".join([*lines, "</nav>"])


def _draw_section(
    app: App, section: str, title: str, rows: list[Option], choices: Mapping[str, list[str]]
) -> list[Component]:
    with gr.Column(elem_id=_place(section), elem_classes=["easel-section"]):
        gr.HTML(f"<h2>{escape(title)}</h2>", apply_default_css=False)
        with gr.Column(elem_classes=["easel-section-rows"]):
            above = quick_keys(app.settings.current)
            return [
                control(
                    row,
                    app.settings.current.get(row.key),
                    choices,
                    # Above the tabs it stands under the plain id.
                    elem_id=f"setting_{row.key}" + ("_in_settings" if row.key in above else ""),
                    interactive=not app.flags.is_frozen(row.key, row.section),
                )
                for row in rows
            ]


def _storing(app: App, rows: list[Option], speech: Language) -> Callable[..., list[Any]]:
    def store(board: Any, *values: Any) -> list[Any]:
        changed = settings_state.change(app, settings_state.wanted(rows, values, board))
        speech.refresh()
        told = settings_state.told(app.settings.current, rows, values)
        if not changed:
            return [speech.of("No changes."), told]
        one, many = "1 setting changed: {keys}", "{n} settings changed: {keys}"
        line = speech.of(one if len(changed) == 1 else many)
        line = line.replace("{n}", str(len(changed))).replace("{keys}", ", ".join(changed))
        if any(OPTIONS[key].reload for key in changed):
            line += f". {speech.of('Press Reload UI to see it.')}"
        return [line, told]

    return store


def _comparing(app: App, rows: list[Option]) -> Callable[..., list[Any]]:
    def compare(board: Any, *values: Any) -> list[Any]:
        pending = settings_state.wanted(rows, values, board)
        lines = settings_state.table(app.settings.current, rows, pending)
        return [{**board, "table": lines, "n": time.time_ns()}]

    return compare


def _resetting(
    app: App, rows: list[Option], speech: Language
) -> Callable[[gr.EventData], list[Any]]:
    """The event names settings; their controls show the defaults, which count once applied."""

    def reset(event: gr.EventData) -> list[Any]:
        names = {str(name) for name in event.names}
        updates = [
            gr.update(value=shown(row.default))
            if row.key in names and not app.flags.is_frozen(row.key, row.section)
            else gr.skip()
            for row in rows
        ]
        return [*updates, speech.of("Set back; press Apply settings to keep it.")]

    return reset


def quick_keys(settings: Settings) -> tuple[str, ...]:
    """The settings that stand above the tabs, in their order."""
    first = ("sd_model_checkpoint", "sd_vae")
    return tuple(dict.fromkeys((*first, *settings.ui.quicksettings_list)))


def is_shown(app: App, row: Option) -> bool:
    if row.hidden or not row.built:
        return False
    return not (row.hidden_dir and app.flags.hides_folders)


def choices_of(app: App) -> Mapping[str, list[str]]:
    """Lists that only a running program knows, by their names in the table."""
    return {
        "checkpoints": [entry.title for entry in app.catalog.checkpoints],
        "vaes": ["Automatic", "None", *(vae.name for vae in app.catalog.vaes)],
        "loras": ["None", *_names(app, "lora")],
        "hypernetworks": ["None", *_names(app, "hypernetwork")],
        "settings": [row.key for row in TABLE if is_shown(app, row)],
        "tabs": list(TAB_NAMES),
        "localizations": ["None", *app.localizations.names()],
    }


def _names(app: App, kind: Kind) -> list[str]:
    """The first thousand: every page carries the list, and any other name may be typed."""
    return [file.name for file in app.networks.list(kind)[:1000]]


def control(
    row: Option,
    value: Any,
    listed: Mapping[str, list[str]],
    *,
    compact: bool = False,
    **more: Any,
) -> Component:
    """The control that edits one setting. listed: choices that only a running program knows.
    compact: a list in the place of buttons.
    """
    value = shown(value)
    common: dict[str, Any] = {
        "label": row.label,
        "info": row.help or None,
        "interactive": True,
        **more,
    }
    choices = list(row.choices) or listed.get(row.choices_from, [])
    match "dropdown" if compact and row.control == "radio" else row.control:
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
