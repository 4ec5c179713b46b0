"""The page's default values from ui-config.json: put into the controls when the page is built.

A value that a control can't take is told, by its key, and passed over; so are no others. What a
file says of controls that are not here stays in the file and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modules.errors import RequestError
from modules.library.ui_config import Place, UiConfig, key_of
from modules.page import hires
from modules.page.fields import Button, Field
from modules.page.layout import Form

# Its words for a slider's ends.
_ENDS = {"minimum": "low", "maximum": "high"}
_TABS = "Tabs@tabs"  # A1111's name for the row of all tabs


class Defaults:
    """What the file says, and the controls that it may speak of.

    controls: by tab and label. built: the value that each had before the file was read. troubles:
    a line for each thing that could not be used.
    """

    def __init__(self, file: UiConfig) -> None:
        self.file = file
        self._said, trouble = file.read()
        self.troubles = [trouble] if trouble else []
        self.controls: dict[tuple[str, str], Field | Button] = {}
        self.built: dict[tuple[str, str], Any] = {}

    def opened(self, tabs: Sequence[str], otherwise: str) -> str:
        """The tab that a fresh page opens on."""
        chosen = self._said.get(("webui", _TABS, "selected"))
        return str(chosen) if chosen in tabs else otherwise

    def apply(self, form: Form) -> None:
        """Give all fields and buttons of the form what the file says of them; of two with one label
        the first is meant.
        """
        for control in (*form.fields.values(), *form.buttons.values()):
            place = (form.tab, control.label)
            if place in self.controls:
                continue
            self.controls[place] = control
            self.built[place] = getattr(control, "value", None)
            for what in ("maximum", "minimum", "step", "value", "visible"):
                self._set((*place, what), control, what)
        for name, unused in hires.SHOWN_WHEN_USED.items():
            field = form.fields.get(name)
            if field is not None and field.value != unused:
                field.visible = True

    def _set(self, place: Place, control: Field | Button, what: str) -> None:
        value = self._said.get(place)
        if value is None:
            return
        wanted = _wanted(control, what, value)
        if wanted:
            shown = repr(value) if len(repr(value)) < 60 else "that"
            self.troubles.append(
                f"{self.file.path.name}: {key_of(place)} can't be {shown}; give {wanted}"
            )
            return
        setattr(control, _ENDS.get(what, what), value)
        if what in _ENDS and isinstance(control, Field):
            low, high = control.ends
            control.value = min(max(control.value, low), high)

    def size(self, tab: str) -> tuple[int, int] | None:
        """The width and height that the file gives a fresh form; None where it leaves one open."""
        sides = [
            control.value
            for label in ("Width", "Height")
            if (tab, label, "value") in self._said
            and isinstance(control := self.controls.get((tab, label)), Field)
        ]
        return (int(sides[0]), int(sides[1])) if len(sides) == 2 else None

    def fresh(self, form: Form) -> dict[str, Any]:
        """The values of a fresh form by field; its size only where it is not the checkpoint's."""
        sized = self.size(form.tab) is not None
        return {
            name: field.value
            for name, field in form.fields.items()
            if sized or name not in ("width", "height")
        }

    # -------------------------------------------------------------------------- saved by the page

    def changes(
        self, form: Form, values: Mapping[str, Any], own: tuple[int, int]
    ) -> dict[Place, Any]:
        """Those `values` of the form that are not its defaults. own: the checkpoint's size, which
        is nobody's choice.
        """
        size = self.size(form.tab) or own
        sides: dict[str, Any] = {"width": size[0], "height": size[1]}
        found: dict[Place, Any] = {}
        for name, field in form.fields.items():
            place, value = (form.tab, field.label), values[name]
            if self.controls.get(place) is not field or name == "override_settings":
                continue
            if (value or None) == (sides.get(name, field.value) or None):
                continue
            if field.wanted(value):
                raise RequestError(
                    f"{field.label} can't be {value!r:.60}; give {field.wanted(value)}", field=name
                )
            found[*place, "value"] = value
        return found

    def default(self, place: Place) -> Any:
        """The value that a fresh form has there."""
        return getattr(self.controls[place[:2]], "value", None)

    def save(self, changes: Mapping[Place, Any]) -> None:
        """From now on a fresh form has these. StorageError where the disk refuses."""
        self.file.save(changes)
        for place, value in changes.items():
            self._said[place] = value
            self._put(place, value)

    def forget(self) -> int:
        """A fresh form is as the program has it; the number of values that were the file's own."""
        places = [
            place for place in self._said if place[:2] in self.controls and place[2] == "value"
        ]
        self.file.save({}, forget=places)
        for place in places:
            del self._said[place]
            self._put(place, self.built[place[:2]])
        return len(places)

    def _put(self, place: Place, value: Any) -> None:
        control = self.controls[place[:2]]
        assert isinstance(control, Field), f"{place} is no field"
        control.value = value


def _wanted(control: Field | Button, what: str, value: Any) -> str:
    """What the control would take in the place of `value`; "" where it takes it."""
    if what == "visible":
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(control, Button):
        return "none: it has no default"
    if what in ("minimum", "maximum", "step"):
        return control.wanted_end(what, value)
    return control.wanted(value)
