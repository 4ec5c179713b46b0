"""The Settings tab: its head, drawn with the page, and all settings, which the server tells when
somebody opens the tab: they are more than all other fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modules.app import App
from modules.page import defaults_view, footer, panes, quick, settings_form, settings_state
from modules.page.defaults_view import FormDefaults
from modules.page.fields import textbox
from modules.page.language import Language
from modules.page.layout import Form
from modules.page.native_size import native_size
from modules.page.notices import Notices, Places
from modules.page.reload import Reload
from modules.settings import OPTIONS

SCRIPTS = ("settings-tables.js", "settings.js")
STYLES = ("settings.css",)
# What the browser triggers; `static/settings.js` has the rest.
_EVENTS = ("settings-open", "settings-look", "settings-apply", "reload-ui")
# A section that holds no settings: its category, name and title in the menu.
_DEFAULTS = ("Other", "defaults", "Defaults")
# The events' handlers get what was changed on this page, and nothing else.
_TELLS = "(...others) => [EaselSettings.told(), ...others.slice(1)]"


def build(
    app: App, notices: Notices, speech: Language, forms: FormDefaults, reload: Reload
) -> Form:
    """The tab; the form is that of its head."""
    form = _head()
    events: Any = panes.place(form, "tab", *_EVENTS, *defaults_view.EVENTS)
    carried = [notices.carrier.component]

    ids = settings_form.elem_ids(app)

    def opened() -> list[Any]:
        return [panes.changes({}, options={**_settings(app, ids), **_stored(app)})]

    def look() -> list[Any]:
        return [panes.changes({"quick": quick.values(app)}, options=_stored(app))]

    places = Places(ids, {key: row.label for key, row in OPTIONS.items()})
    notices.on(getattr(events, "settings-open"), opened, None, carried)
    notices.on(getattr(events, "settings-look"), look, None, carried)
    apply = getattr(events, "settings-apply")
    notices.on_forms(apply, [], _storing(app, speech), carried, js=_TELLS, places=places)
    reload.on(getattr(events, "reload-ui"))
    defaults_view.connect(events, forms, notices)
    return form


def _head() -> Form:
    """What is seen at once, and the places of what the server tells."""
    form = Form("settings_head")
    with form.pane("tab"):
        with form.row("", "easel-settings-head"):
            form.button("settings-apply", "Apply settings", "settings_submit", variant="primary")
            form.button("reload-ui", "Reload UI", "settings_restart_gradio")
            form.button("settings-changes", "Show changes", "settings_show_changes")
            words = "Search settings"
            form.add("search", textbox(words, placeholder=words, elem_id="settings_search"))
            form.line("settings_result", role="status")
        with form.row("", "easel-settings"):
            form.mount("settings-menu", "settings_menu")
            form.mount("settings", "settings_sections")
    return form


def _filled(app: App, ids: Mapping[str, str]) -> Form:
    """All settings, as they are now. ids: element ids by key."""
    form = Form("settings")
    listed = settings_form.choices_of(app)
    with form.pane("sections"):
        form.mount("settings-board", "settings_board")
        for section, rows in settings_form.sections(app):
            settings_form.add_section(form, app, section, rows, listed, ids)
        defaults_view.lay_out(form, settings_form.place_of(_DEFAULTS[1]))
        none = "No setting has these words."
        form.line("settings_none", "easel-none", text=none, hidden=True)
    return form


def _settings(app: App, ids: Mapping[str, str]) -> dict[str, Any]:
    """menu: the sections, each with its category, element id and title."""
    listed = [*(section for section, _ in settings_form.sections(app)), _DEFAULTS]
    menu = [[category, settings_form.place_of(name), title] for category, name, title in listed]
    return {"record": _filled(app, ids).record(), "menu": menu}


def _stored(app: App) -> dict[str, Any]:
    rows = settings_form.shown_rows(app)
    return {"stored": settings_state.stored(app.settings.current, rows)}


def _storing(app: App, speech: Language) -> Callable[[Mapping[str, Any]], list[Any]]:
    def store(told: Mapping[str, Any]) -> list[Any]:
        changed = settings_state.change(app, settings_state.wanted(told.get("settings")))
        speech.refresh()
        answer = {**_stored(app), "line": _line(speech, changed)}
        if not changed:
            return [panes.changes({}, options=answer)]
        page = footer.state(app, native_size(app))
        return [panes.changes({"quick": quick.values(app)}, options=answer, page=page)]

    return store


def _line(speech: Language, changed: list[str]) -> str:
    """What was done, in the page's language."""
    if not changed:
        return speech.of("No changes.")
    one, many = "1 setting changed: {keys}", "{n} settings changed: {keys}"
    line = speech.of(one if len(changed) == 1 else many)
    line = line.replace("{n}", str(len(changed))).replace("{keys}", ", ".join(changed))
    if any(OPTIONS[key].reload for key in changed):
        line += f". {speech.of('Press Reload UI to see it.')}"
    return line
