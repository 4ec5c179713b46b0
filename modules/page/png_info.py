"""The PNG Info tab (`static/png-info.js`), and sending its picture to the other tabs.

The picture stays in the browser, which reads its text through easel/v1; a form is filled here.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page.generate import Tab, filled
from modules.page.notices import Notices
from modules.page.transfer import moved, outputs_of

SCRIPTS = ("png-info.js",)
STYLES = ("png-info.css",)

# The words 'send' in quotes make Gradio offer that event in Python.
_START = """
const start = () => {
  if (window.EaselPngInfo) EaselPngInfo.mount(element, props, trigger);
  else setTimeout(start, 20);
};
start(); /* events: 'send' */
"""


def build(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """The tab's one component. Its event `send` carries to ("txt2img", "img2img", "inpaint"),
    infotext, and the address under which the browser itself has the picture.
    """
    panel = gr.HTML(
        value=None,
        html_template='<div class="ez-info-place"></div>',
        js_on_load=_START,
        apply_default_css=False,
        padding=False,
        elem_id="pnginfo",
        most_mb=app.settings.current.easel.easel_max_request_mb,
    )

    def send(event: gr.EventData) -> list[Any]:
        infotext, target, address = str(event.infotext), str(event.to), str(event.address)
        if not address.startswith("blob:"):
            raise RequestError("the page did not say where its picture is; reload it")
        values = filled(app, infotext) if infotext else {}
        return moved(txt2img, img2img, target, values, address)

    outputs = outputs_of(tabs, img2img, notices.carrier)
    notices.on(panel.send, send, None, outputs, with_data=True)  # type: ignore[attr-defined]
