"""Mistakes of the user's as short messages beside the control at fault, or in a corner of the page.

Gradio's own `gr.Error` answers a handler without a queue by HTTP 500, which browsers log as an
error of the page; so a handler's EaselError travels as a value of one hidden component instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.errors import EaselError
from modules.page import widgets

log = logging.getLogger(__name__)

# Also read for every handler that went well: then nothing of it changes.
_START = """
let shown = props.value?.n;
watch('value', () => {
  const { text, n, at } = props.value ?? {};
  if (!text || n === shown) return;
  shown = n;
  if (!at || !EaselComplaints.beside(at, text)) EaselNotices.show(text);
});
"""


_PLAIN = (
    gr.Checkbox,
    gr.CheckboxGroup,
    gr.ColorPicker,
    gr.Dropdown,
    gr.HTML,
    gr.Number,
    gr.Radio,
    gr.Slider,
    gr.Textbox,
)


@dataclass(frozen=True)
class Places:
    """Where on the page the fields of a request are. ids: element id by field. labels: what the
    page calls the field.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def of(self, error: EaselError) -> tuple[str, str]:
        """The id for the error's field ("": there is none), and its text in the page's words."""
        text, name = error.message, error.field
        label = self.labels.get(name, "")
        if label and text.startswith(f"{name} "):
            text = label + text[len(name) :]
        return self.ids.get(name, ""), text

    @classmethod
    def of_fields(cls, fields: Mapping[str, Component], aliases: Mapping[str, str]) -> Places:
        """Of a form's components by name; `aliases` are further names of fields, or ids that begin
        with "@" (which static/sources.js knows).
        """
        ids = {name: str(each.elem_id) for name, each in fields.items() if each.elem_id}
        labels = {name: str(each.label) for name, each in fields.items() if each.label}
        for name, target in aliases.items():
            ids[name] = ids.get(target, target)
            labels[name] = labels.get(target, "")
        return cls(ids, labels)


class Notices:
    """The one component, and how handlers are bound so that their errors reach it."""

    def __init__(self) -> None:
        self.component = gr.HTML(
            value=None,
            html_template="<div hidden></div>",
            js_on_load=_START,
            apply_default_css=False,
            elem_id="easel_notices",
        )

    def on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: Component | Sequence[Component] | None,
        outputs: Sequence[Any],
        *,
        with_data: bool = False,
        places: Places | None = None,
        **more: Any,
    ) -> Any:
        """Bind `handler` to `event` (such as `button.click`).

        The handler answers a list with a value per output. Where it raises an EaselError, no output
        changes and the message is shown, beside the control that `places` names for its field, if
        that is in sight. `with_data`: it gets the event's data first.

        Where the inputs are plain values, the handler gets them as the browser sent them and must
        judge them itself: Gradio would answer a bad one by an error without a word.
        """
        count = len(outputs)
        places = places or Places()
        listed_inputs = [inputs] if isinstance(inputs, Component) else list(inputs or ())
        is_plain = all(isinstance(each, _PLAIN) for each in listed_inputs)

        def answer(results: list[Any]) -> list[Any]:
            assert len(results) == count, f"{len(results)} values for {count} outputs"
            return [*results, gr.skip()]

        def refuse(error: EaselError) -> list[Any]:
            at, text = places.of(error)
            return [*[gr.skip()] * count, {"text": text, "at": at, "n": time.time_ns()}]

        def plain(*values: Any) -> list[Any]:
            try:
                return answer(handler(*values))
            except EaselError as error:
                return refuse(error)
            except Exception:  # boundary: Gradio would answer by an error that nobody sees
                log.exception("a handler of the page failed")
                return refuse(EaselError("an error of Easel's own; its log has the details"))

        # Gradio passes event data where an argument is annotated so.
        def told(data: gr.EventData, *values: Any) -> list[Any]:
            return plain(data, *values)

        listed = [*outputs, self.component]
        chosen = told if with_data else plain
        how = {**widgets.QUICK, "preprocess": not is_plain, **more}
        return event(chosen, inputs, listed, **how)
