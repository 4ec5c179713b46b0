"""The page's default values from ui-config.json: put into the controls when the page is built.

A value that a control can't take is told, by its key, and passed over; so are no others. What a
file says of controls that are not here stays in the file and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlockContext
from gradio.components import Component

from modules.library.ui_config import Place, UiConfig, key_of
from modules.page import hires
from modules.page.controls import Form

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
        self.controls: dict[tuple[str, str], Component] = {}
        self.built: dict[tuple[str, str], Any] = {}

    def opened(self, tabs: Sequence[str], otherwise: str) -> str:
        """The tab that a fresh page opens on."""
        chosen = self._said.get(("webui", _TABS, "selected"))
        return str(chosen) if chosen in tabs else otherwise

    def apply(self, tab: str, root: Block) -> None:
        """Give all controls below `root` what the file says of them; of two with one label the
        first is meant.
        """
        for control in _controls(root):
            place = (tab, str(getattr(control, "label", None) or getattr(control, "value", "")))
            if place in self.controls:
                continue
            self.controls[place] = control
            self.built[place] = getattr(control, "value", None)
            for what in ("maximum", "minimum", "step", "value", "visible"):
                self._set((*place, what), control, what)

    def _set(self, place: Place, control: Component, what: str) -> None:
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
        _put(control, what, value)
        if what in ("minimum", "maximum") and isinstance(control, gr.Slider):
            nearest: Any = min(max(control.value, control.minimum), control.maximum)  # type: ignore
            _put(control, "value", nearest)

    def finish(self, form: Form) -> None:
        """Show those that are hidden while unused, where the file uses them."""
        for name, unused in hires.SHOWN_WHEN_USED.items():
            control: Any = form.fields.get(name)
            if control is not None and control.value != unused:
                _put(control, "visible", True)

    def size(self, tab: str) -> tuple[int, int] | None:
        """The width and height that the file gives a fresh form; None where it leaves one open."""
        sides = [
            control.value
            for label in ("Width", "Height")
            if (tab, label, "value") in self._said
            and (control := self.controls.get((tab, label))) is not None
        ]
        return (int(sides[0]), int(sides[1])) if len(sides) == 2 else None

    def fresh(self, form: Form) -> dict[str, Any]:
        """The values of a fresh form by field; its size only where it is not the checkpoint's."""
        sized = self.size(form.tab) is not None
        return {
            name: getattr(control, "value", None)
            for name, control in form.fields.items()
            if sized or name not in ("width", "height")
        }

    # -------------------------------------------------------------------------- saved by the page

    def changes(self, form: Form, values: list[Any], own: tuple[int, int]) -> dict[Place, Any]:
        """Those `values` of the form that are not its defaults. own: the checkpoint's size, which
        is nobody's choice.
        """
        size = self.size(form.tab) or own
        sides: dict[str, Any] = {"width": size[0], "height": size[1]}
        found: dict[Place, Any] = {}
        for (name, control), value in zip(form.fields.items(), values, strict=True):
            place = (form.tab, str(getattr(control, "label", "")))
            if self.controls.get(place) is not control or name == "override_settings":
                continue
            default = sides.get(name, getattr(control, "value", None))
            if (value or None) != (default or None):
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
            _put(self.controls[place[:2]], "value", value)

    def forget(self) -> int:
        """A fresh form is as the program has it; the number of values that were the file's own."""
        places = [
            place for place in self._said if place[:2] in self.controls and place[2] == "value"
        ]
        self.file.save({}, forget=places)
        for place in places:
            del self._said[place]
            _put(self.controls[place[:2]], "value", self.built[place[:2]])
        return len(places)


def _put(control: Component, what: str, value: Any) -> None:
    """For the record that browsers get, and for the copy that Gradio makes for each visitor."""
    setattr(control, what, value)
    control.constructor_args[what] = value


def _controls(root: Block) -> Iterator[Component]:
    for child in root.children if isinstance(root, BlockContext) else ():
        if isinstance(child, gr.HTML | gr.Markdown):
            continue
        if isinstance(child, Component):
            yield child
        yield from _controls(child)


def _wanted(control: Component, what: str, value: Any) -> str:
    """What the control would take in the place of `value`; "" where it takes it."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if what == "visible":
        return "" if isinstance(value, bool) else "true or false"
    if what != "value":
        if not isinstance(control, gr.Slider):
            return "it to a slider"
        return _wanted_end(control, what, value) if number else "a number"
    if isinstance(control, gr.Slider):
        return _wanted_number(control, value) if number else "a number"
    match control:
        case gr.Checkbox():
            return "" if isinstance(value, bool) else "true or false"
        case gr.Number():
            return "" if number and value == int(value) else "a whole number"
        case gr.Textbox():
            return "" if isinstance(value, str) else "a text"
        case gr.Dropdown() | gr.Radio():
            return _wanted_choice(control, value)
        case _:
            return "none: it has no default"


def _wanted_end(control: gr.Slider, what: str, value: float) -> str:
    """As `_wanted`, of a slider's range."""
    if what == "minimum":
        return "" if value < control.maximum else f"less than {control.maximum}"
    if what == "maximum":
        return "" if value > control.minimum else f"more than {control.minimum}"
    return "" if value > 0 else "more than 0"


def _wanted_number(control: gr.Slider, value: float) -> str:
    if not control.minimum <= value <= control.maximum:
        return f"a number from {control.minimum} to {control.maximum}"
    is_whole = float(control.step or 0).is_integer() and float(control.minimum).is_integer()
    return "a whole number" if is_whole and value != int(value) else ""


def _wanted_choice(control: gr.Dropdown | gr.Radio, value: Any) -> str:
    several = isinstance(control, gr.Dropdown) and bool(control.multiselect)
    if several:
        return "" if isinstance(value, list) and all(map(_is_text, value)) else "a list of texts"
    offered = [entry for _, entry in control.choices or ()]
    free = isinstance(control, gr.Dropdown) and control.allow_custom_value
    if value in offered or (free and _is_text(value)):
        return ""
    listed = [str(entry) for entry in offered[:8]] + (["..."] if len(offered) > 8 else [])
    return f"one of {', '.join(listed)}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
