"""How the forms meet Gradio: a place on the page for each pane, and the one hidden text by which
values reach the server and its answers the page.

A form's controls are none of Gradio's, each of which costs a browser 10 to 20 ms. Knows no field.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr

from modules.errors import RequestError
from modules.page import widgets
from modules.page.layout import Form

SCRIPTS = ("form-fields.js", "form-choice-list.js", "form-choice.js", "form-layout.js", "form.js")
STYLES = ("form.css",)

_START = """
const draw = () => {
  EaselForm.draw(props.tab, props.pane, element, props.speaks ? trigger : null);
  EaselOpening.drawn();
};
const start = () => {
  if (!window.EaselPage) setTimeout(start, 20);
  // Later on, a tab was pressed: that it is open is seen first.
  else if (document.body.dataset.easelReady) requestAnimationFrame(() => setTimeout(draw));
  else draw();
};
start();
"""


def place(form: Form, pane: str, *events: str, **more: Any) -> gr.HTML:
    """Where the pane is drawn. events: names that its buttons, or other scripts, trigger; all of a
    form's events come through one of its panes, since only that one is given any.
    """
    # A name in quotes makes Gradio offer that event in Python.
    offered = ", ".join(f"'{name}'" for name in events)
    return gr.HTML(
        value=None,
        html_template='<div class="ef-pane"></div>',
        js_on_load=f"{_START}/* events: {offered} */",
        apply_default_css=False,
        padding=False,
        elem_id=f"{form.tab}_{pane}_pane",
        tab=form.tab,
        pane=pane,
        speaks=bool(events),
        **more,
    )


class Carrier:
    """The hidden text. As an input it gives JSON of the forms' values by tab, as an output it takes
    `changes`; static/form.js writes the one and reads the other.
    """

    def __init__(self) -> None:
        # Any hidden component would do; HTML is one that the page loads anyway.
        self.component = gr.HTML(visible=False, elem_id="easel_carrier")
        js = "text => { EaselForm.take(text); }"
        self.component.change(None, self.component, None, js=js, **widgets.QUICK)

    @staticmethod
    def tells(forms: Iterable[Form]) -> str:
        """The `js` of an event whose first input is the carrier: it gets the values of `forms`."""
        names = ", ".join(json.dumps(form.tab) for form in forms)
        return f"(first, ...others) => [EaselForm.told({names}), ...others]"


def read(text: Any) -> dict[str, Any]:
    """What the browser told; RequestError where it is nothing of ours."""
    try:
        told = json.loads(text)
    except (TypeError, ValueError) as error:
        raise RequestError("the page did not say what its forms hold; reload it") from error
    if not isinstance(told, dict):
        raise RequestError("the page did not say what its forms hold; reload it")
    return told


def changes(by_tab: Mapping[str, Mapping[str, Any]], **more: Any) -> str:
    """What `take` of static/form.js understands: properties of fields by tab and name. more:
    "page", what the page's scripts must know, and "notice".
    """
    told = {tab: dict(fields) for tab, fields in by_tab.items() if fields}
    # Equal texts in a row would be no change.
    return json.dumps({"n": time.time_ns(), **told, **more}, ensure_ascii=False)
