"""Mistakes of the user's as short messages in a corner of the page.

Gradio's own `gr.Error` answers a handler without a queue by HTTP 500, which browsers log as an
error of the page; so a handler's EaselError travels as a value of one hidden component instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.errors import EaselError
from modules.page import widgets

# Also read for every handler that went well: then nothing of it changes.
_START = """
let shown = props.value?.n;
watch('value', () => {
  const { text, n } = props.value ?? {};
  if (!text || n === shown) return;
  shown = n;
  EaselNotices.show(text);
});
"""


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
        **more: Any,
    ) -> Any:
        """Bind `handler` to `event` (such as `button.click`).

        The handler answers a list with a value per output. Where it raises an EaselError, no output
        changes and the message is shown. `with_data`: it gets the event's data first.
        """
        count = len(outputs)

        def answer(results: list[Any]) -> list[Any]:
            assert len(results) == count, f"{len(results)} values for {count} outputs"
            return [*results, gr.skip()]

        def refuse(error: EaselError) -> list[Any]:
            notice = {"text": error.message, "n": time.time_ns()}
            return [*[gr.skip()] * count, notice]

        def plain(*values: Any) -> list[Any]:
            try:
                return answer(handler(*values))
            except EaselError as error:
                return refuse(error)

        # Gradio passes event data where an argument is annotated so.
        def told(data: gr.EventData, *values: Any) -> list[Any]:
            return plain(data, *values)

        listed = [*outputs, self.component]
        chosen = told if with_data else plain
        return event(chosen, inputs, listed, **{**widgets.QUICK, **more})
