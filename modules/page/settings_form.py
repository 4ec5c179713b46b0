"""The settings as fields of a form, drawn from the one table of all settings: those of the Settings
tab, and those of the row above the tabs. Knows no single setting's meaning, and stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from modules.app import App
from modules.generation.choices import SAMPLERS
from modules.generation.infotext_fields import FIRST
from modules.library.networks import Kind
from modules.page.fields import Field, FieldKind
from modules.page.form import PARTS
from modules.page.layout import Form
from modules.page.settings_state import shown
from modules.settings import TABLE, Option, Settings

# A1111's settings name the tabs by these.
TAB_NAMES = ("txt2img", "img2img", "History", "PNG Info", "Settings")
# Lists of files of which a page gets only the first thousand.
_LONG = ("loras", "hypernetworks")
_KINDS: Mapping[str, FieldKind] = {"dropdown": "choice", "multiselect": "choices"}

Section = tuple[str, str, str]  # category, name, title


def quick_keys(settings: Settings) -> tuple[str, ...]:
    """The settings that stand above the tabs, in their order."""
    first = ("sd_model_checkpoint", "sd_vae")
    return tuple(dict.fromkeys((*first, *settings.ui.quicksettings_list)))


def is_shown(app: App, row: Option) -> bool:
    if row.hidden or not row.built:
        return False
    return not (row.hidden_dir and app.flags.hides_folders)


def shown_rows(app: App) -> list[Option]:
    return [row for row in TABLE if is_shown(app, row)]


def sections(app: App) -> Iterator[tuple[Section, list[Option]]]:
    """The sections of the tab with their settings."""
    for section, rows in groupby(shown_rows(app), key=_section):
        yield section, list(rows)


def _section(row: Option) -> Section:
    return row.category, row.section, row.section_title


def place_of(section: str) -> str:
    """Element id of a section."""
    return f"settings_{section.replace('-', '_')}"


def elem_ids(app: App) -> dict[str, str]:
    """Of each setting's field in the tab, by key; above the tabs it stands under the plain id."""
    above = quick_keys(app.settings.current)
    return {
        row.key: f"setting_{row.key}" + ("_in_settings" if row.key in above else "")
        for row in TABLE
    }


def add_section(
    form: Form,
    app: App,
    section: Section,
    rows: list[Option],
    listed: Mapping[str, list[str]],
    ids: Mapping[str, str],
) -> None:
    """listed: as `choices_of` gives it. ids: as `elem_ids` gave them when the page was built."""
    _, name, title = section
    with form.column(place_of(name), "easel-section"):
        form.line("", text=title, tag="h2")
        with form.column("", "easel-section-rows"):
            for row in rows:
                made = field(app, row, listed, elem_id=ids[row.key], hint=row.help or None)
                # The form's own value is what its button leads back to.
                made.value, made.returns = shown(row.default), not made.frozen
                form.add(row.key, made)


def field(
    app: App, row: Option, listed: Mapping[str, list[str]], *, elem_id: str, **more: Any
) -> Field:
    """The control that edits one setting, as it is now. listed: as `choices_of` gives it."""
    value = shown(app.settings.current.get(row.key))
    choices = list(row.choices) or list(listed.get(row.choices_from, []))
    if choices and value is not None:  # a file that is gone, say
        stored = value if isinstance(value, list) else [value]
        choices += [each for each in stored if each not in choices]
    return Field(
        kind=_KINDS.get(row.control, row.control),  # type: ignore[arg-type]  # the rest are alike
        label=row.label,
        value=value,
        elem_id=elem_id,
        low=row.low,
        high=row.high,
        step=1 if row.step is None and row.type is int else row.step,
        choices=choices,
        free=row.choices_from in _LONG or (row.type is tuple and not choices),
        frozen=app.flags.is_frozen(row.key, row.section),
        **more,
    )


def choices_of(app: App) -> Mapping[str, list[str]]:
    """Lists that only a running program knows, by their names in the table."""
    return {
        "checkpoints": [entry.title for entry in app.catalog.checkpoints],
        "vaes": ["Automatic", "None", *(vae.name for vae in app.catalog.vaes)],
        "loras": ["None", *_names(app, "lora")],
        "hypernetworks": ["None", *_names(app, "hypernetwork")],
        "samplers": [row.label for row in SAMPLERS if row.built],
        "controls": [*PARTS],
        "infotext": ["Prompt", "Negative prompt", *FIRST],
        "settings": [row.key for row in shown_rows(app)],
        "tabs": list(TAB_NAMES),
        "localizations": ["None", *app.localizations.names()],
    }


def _names(app: App, kind: Kind) -> list[str]:
    """The first thousand: every page carries the list, and any other name may be typed."""
    return [file.name for file in app.networks.list(kind)[:1000]]
