"""Mistakes of the user's as short messages beside the control at fault, or in a corner of the page.

Gradio's own `gr.Error` answers a handler without a queue by HTTP 500, which browsers log as an
error of the page; so a handler's EaselError travels in the forms' carrier instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from modules.errors import EaselError
from modules.page import panes, widgets
from modules.page.fields import Field
from modules.page.layout import Form

log = logging.getLogger(__name__)


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
        for start in (f"{name} ", f"setting {name} "):
            if label and text.startswith(start):
                text = f"{label} {text[len(start) :]}"
                break
        return self.ids.get(name, ""), text

    @classmethod
    def of_fields(cls, fields: Mapping[str, Field], aliases: Mapping[str, str]) -> Places:
        """Of a form's fields by name; `aliases` are further names of fields, or ids
        that begin with "@" (which static/sources.js knows).
        """
        ids = {name: each.elem_id for name, each in fields.items()}
        labels = {name: each.label for name, each in fields.items()}
        for name, target in aliases.items():
            ids[name] = ids.get(target, target)
            labels[name] = labels.get(target, "")
        return cls(ids, labels)


class Notices:
    """How handlers are bound so that their errors reach the page. carrier: what brings them."""

    def __init__(self, carrier: panes.Carrier) -> None:
        self.carrier = carrier

    def on_forms(
        self,
        event: Callable[..., Any],
        forms: Sequence[Form],
        handler: Callable[..., Any],
        outputs: Sequence[Any],
        *,
        with_data: bool = False,
        js: str = "",
        **more: Any,
    ) -> Any:
        """As `on`, for a handler of what `forms` hold: its last argument is what the browser told,
        which `Form.read` reads. js: tells it in another way than `Carrier.tells`.
        """

        def decoded(*arguments: Any) -> list[Any]:
            *data, text = arguments
            return handler(*data, panes.read(text))

        told = js or self.carrier.tells(forms)
        inputs = [self.carrier.component]
        return self.on(event, decoded, inputs, outputs, with_data=with_data, js=told, **more)

    def on(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: Sequence[Any] | None,
        outputs: Sequence[Any],
        *,
        with_data: bool = False,
        places: Places | None = None,
        **more: Any,
    ) -> Any:
        """Bind `handler` to `event` (such as `button.click`).

        The handler answers a list with a value per output. Where it raises an EaselError, no output
        changes and the message is shown, beside the control that `places` names for its field, if
        that is in sight. `with_data`: it gets the event's data first. inputs: texts, which it
        gets as the browser sent them.
        """
        places = places or Places()
        count, carrier = len(outputs), self.carrier.component
        carries = any(output is carrier for output in outputs)

        def answer(results: list[Any]) -> list[Any]:
            assert len(results) == count, f"{len(results)} values for {count} outputs"
            return results if carries else [*results, gr.skip()]

        def refuse(error: EaselError) -> list[Any]:
            at, text = places.of(error)
            notice = panes.changes({}, notice={"text": text, "at": at})
            return [notice if output is carrier else gr.skip() for output in listed]

        def judged(*values: Any) -> list[Any]:
            try:
                return answer(handler(*values))
            except EaselError as error:
                return refuse(error)
            except Exception:  # boundary: Gradio would answer by an error that nobody sees
                log.exception("a handler of the page failed")
                return refuse(EaselError("an error of Easel's own; its log has the details"))

        # Gradio takes the answer for one output as it is, not as a list with one value.
        def plain(*values: Any) -> Any:
            results = judged(*values)
            return results if len(results) > 1 else results[0]

        # Gradio passes event data where an argument is annotated so.
        def told(data: gr.EventData, *values: Any) -> Any:
            return plain(data, *values)

        listed = list(outputs) if carries else [*outputs, carrier]
        chosen = told if with_data else plain
        how = {**widgets.QUICK, "preprocess": False, **more}
        return event(chosen, inputs, listed, **how)
