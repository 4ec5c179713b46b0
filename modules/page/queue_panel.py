"""The drawer of jobs (`static/queue.js`): the button that opens it, and a job's parameters on their
way back into a form.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page import widgets
from modules.page.generate import Tab, filled, updates
from modules.page.notices import Notices

SCRIPTS = ("queue.js",)

# The words 'send' in quotes make Gradio offer that event in Python.
_START = """
const start = () => {
  if (window.EaselQueue) EaselQueue.mount(trigger);
  else setTimeout(start, 20);
};
start(); /* events: 'send' */
"""


def opener() -> None:
    """The button above the tabs."""
    button = widgets.tool("queue", "Jobs", elem_id="easel_queue")
    widgets.on_click(button, None, None, None, js="() => EaselQueue.toggle()")


def build(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """The drawer. Its event `send` carries job and kind ("txt2img", "img2img")."""
    drawer = gr.HTML(
        value=None,
        html_template="<div hidden></div>",
        js_on_load=_START,
        apply_default_css=False,
        elem_id="easel_queue_place",
    )

    def send(event: gr.EventData) -> list[Any]:
        items = app.jobs.view(str(event.job)).items
        if not items:
            raise RequestError("this job has made no picture yet", field="job")
        values, kind = filled(app, items[0].infotext), str(event.kind)
        mine = [{}, values] if kind == "img2img" else [values, {}]
        return [
            gr.Tabs(selected=kind),
            *updates(txt2img.form, mine[0]),
            *updates(img2img.form, mine[1]),
        ]

    outputs = [tabs, *txt2img.form.components, *img2img.form.components]
    notices.on(drawer.send, send, None, outputs, with_data=True)  # type: ignore[attr-defined]
