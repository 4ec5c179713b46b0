"""The section "Refiner", and drop-downs that name a second checkpoint (interface 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import EaselError
from modules.generation.infotext_fields import SAME_CHECKPOINT
from modules.page import widgets
from modules.page.controls import Form, switched

# Entries that stand before the checkpoints themselves, by field.
FIRST: Mapping[str, tuple[str, ...]] = {
    "refiner_checkpoint": (),
    "hr_checkpoint_name": (SAME_CHECKPOINT,),
}


def build(app: App, form: Form) -> None:
    """The section with A1111's controls."""
    tab = form.tab
    with switched(form, "enable_refiner", "Refiner", f"{tab}_enable"):
        with gr.Row():
            checkpoint(app, form, "refiner_checkpoint", "Checkpoint", f"{tab}_checkpoint")
            form.add(
                "refiner_switch_at",
                widgets.slider(
                    "Switch at", 0.01, 1, 0.8, 0.01, elem_id=f"{tab}_switch_at", scale=2
                ),
            )


def checkpoint(app: App, form: Form, name: str, label: str, elem_id: str, **more: Any) -> None:
    """The field `name`, one of FIRST: a list of checkpoints with its refresh button."""
    choices = choices_of(app, name)
    first = choices[0] if FIRST[name] else None
    listed = widgets.dropdown(label, choices, first, elem_id=elem_id, scale=2, **more)
    form.add(name, listed)
    refresh = widgets.tool("refresh", "Look for new files", elem_id=f"refresh_{elem_id}")

    def refreshed() -> dict[str, Any]:
        app.catalog.refresh()
        return gr.update(choices=choices_of(app, name))

    widgets.on_click(refresh, refreshed, None, listed)
    # What was said of an absent one is over once somebody chooses.
    listed.input(lambda: gr.update(info=None), None, listed, **widgets.QUICK)


def choices_of(app: App, name: str) -> Sequence[str]:
    return [*FIRST[name], *(entry.title for entry in app.catalog.checkpoints)]


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
    for name, first in FIRST.items():
        if name not in values:
            continue
        try:
            wanted = values[name]
            found[name] = wanted if wanted in first else app.catalog.find(wanted).title
        except EaselError:
            found[name] = Absent(str(values[name]))
    return found
