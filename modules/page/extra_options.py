"""Settings that stand in a tab's form, as `extra_options_txt2img` and its kin want (A1111 interface
15): what they hold counts for the tab's jobs alone, and nothing of it is stored.

Knows no single setting's meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from modules.app import App
from modules.page import settings_form, settings_state
from modules.page.layout import Form
from modules.settings import OPTIONS, Option

_PREFIX = "option_"  # of the fields' names, so that none is taken for a part of the request


def build(app: App, shape: Form) -> None:
    """Their fields; nothing where the tab is to have none."""
    chosen = app.settings.current.settings_in_ui
    keys = {"txt2img": chosen.extra_options_txt2img, "img2img": chosen.extra_options_img2img}
    known = [OPTIONS[key] for key in keys[shape.tab] if key in OPTIONS]
    rows = [row for row in known if settings_form.is_shown(app, row)]
    if not rows:
        return
    listed = settings_form.choices_of(app)
    with ExitStack() as outer:
        if chosen.extra_options_accordion:
            outer.enter_context(shape.fold("Options", f"{shape.tab}_extra_options"))
        for first in range(0, len(rows), chosen.extra_options_cols):
            with shape.row():
                for row in rows[first : first + chosen.extra_options_cols]:
                    elem_id = f"{shape.tab}_setting_{row.key}"
                    made = settings_form.field(app, row, listed, elem_id=elem_id)
                    shape.add(_PREFIX + row.key, made)


def names(shape: Form) -> dict[str, str]:
    """The fields' names by the settings' keys."""
    return {row.key: _PREFIX + row.key for row in _rows(shape)}


def fresh(
    app: App, shape: Form, kept: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What the fields show on a page that opens: what somebody put there, else the settings of now.
    kept, before: what the form held and what a fresh one had then, as a browser tells it.
    """
    found = stored(app, shape)
    for name in found:
        is_own = name in kept and kept[name] != before.get(name)
        if is_own and not shape.fields[name].wanted(kept[name]):
            found[name] = kept[name]
    return {name: {"value": value} for name, value in found.items()}


def stored(app: App, shape: Form) -> dict[str, Any]:
    """What a fresh form has: the settings of now, by the fields' names."""
    values = settings_state.stored(app.settings.current, _rows(shape))
    return {_PREFIX + key: value for key, value in values.items()}


def changes(app: App, shape: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, by key, that a job is to have otherwise than they are stored."""
    wanted = settings_state.wanted({row.key: values[_PREFIX + row.key] for row in _rows(shape)})
    settings, flags = app.settings.current, app.flags
    return {
        key: value
        for key, value in wanted.items()
        if value != settings.get(key) and not flags.is_frozen(key, OPTIONS[key].section)
    }


def _rows(shape: Form) -> Iterator[Option]:
    for name in shape.fields:
        if name.startswith(_PREFIX):
            yield OPTIONS[name.removeprefix(_PREFIX)]
