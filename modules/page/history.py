"""The History tab (`static/history.js`), and sending one of its pictures to the other tabs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.app import App
from modules.page.generate import Tab, filled
from modules.page.notices import Notices
from modules.page.transfer import moved, outputs_of

SCRIPTS = ("history.js",)
STYLES = ("history.css",)

# The words 'send' in quotes make Gradio offer that event in Python.
_START = """
const start = () => {
  if (window.EaselHistory) EaselHistory.mount(element, trigger);
  else setTimeout(start, 20);
};
start(); /* events: 'send' */
"""


def build(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """The tab's one component. Its event `send` carries number and to ("txt2img", ...)."""
    panel = gr.HTML(
        value=None,
        html_template='<div class="ez-history-place"></div>',
        js_on_load=_START,
        apply_default_css=False,
        padding=False,
        elem_id="history",
    )

    def send(event: gr.EventData) -> list[Any]:
        number, target = int(event.number), str(event.to)
        values = filled(app, app.history.infotext(number, app.visitors.owner))
        address = f"easel/v1/history/{number}/image"
        return moved(txt2img, img2img, target, values, address)

    outputs = outputs_of(tabs, img2img, notices.carrier)
    notices.on(panel.send, send, None, outputs, with_data=True)  # type: ignore[attr-defined]
