"""The section "Refiner", and drop-downs that name a second checkpoint (interface 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from modules.app import App
from modules.errors import EaselError
from modules.generation.infotext_fields import SAME_CHECKPOINT
from modules.page import checkpoint_names
from modules.page.fields import dropdown, slider
from modules.page.layout import Form

# Entries that stand before the checkpoints themselves, by field.
FIRST: Mapping[str, tuple[str, ...]] = {
    "refiner_checkpoint": (),
    "hr_checkpoint_name": (SAME_CHECKPOINT,),
}


def build(app: App, form: Form) -> None:
    """The section with A1111's controls."""
    tab = form.tab
    with form.switch("enable_refiner", "Refiner", f"{tab}_enable"), form.row():
        checkpoint(app, form, "refiner_checkpoint", "Checkpoint", f"{tab}_checkpoint")
        form.add(
            "refiner_switch_at",
            slider("Switch at", 0.01, 1, 0.8, 0.01, elem_id=f"{tab}_switch_at", scale=2),
        )


def checkpoint(app: App, form: Form, name: str, label: str, elem_id: str, **more: Any) -> None:
    """The field `name`, one of FIRST: a list of checkpoints with its refresh button."""
    choices = choices_of(app, name)
    first = choices[0] if FIRST[name] else None
    form.add(name, dropdown(label, choices, first, elem_id=elem_id, scale=2, **more))
    form.tool("refresh", "refresh", "Look for new files", f"refresh_{elem_id}")


def refreshed(app: App, form: Form) -> dict[str, dict[str, Any]]:
    """Changes of the form's lists after looking for new files."""
    app.catalog.refresh()
    return {name: {"choices": choices_of(app, name)} for name in FIRST if name in form.fields}


def choices_of(app: App, name: str) -> Sequence[str]:
    return [*FIRST[name], *checkpoint_names.titles(app)]


@dataclass(frozen=True)
class Absent:
    """A checkpoint that a text names and that is not here."""

    name: str

    @property
    def words(self) -> str:
        return f"{self.name} is not here, so the choice is left as it was"


def listed(app: App, values: Mapping[str, Any]) -> dict[str, str | Absent]:
    """The checkpoints that `values` name, as the lists have them."""
    found: dict[str, str | Absent] = {}
    called = partial(checkpoint_names.title, app)
    for name, first in FIRST.items():
        if name not in values:
            continue
        try:
            wanted = values[name]
            found[name] = wanted if wanted in first else called(app.catalog.find(wanted))
        except EaselError:
            found[name] = Absent(str(values[name]))
    return found
