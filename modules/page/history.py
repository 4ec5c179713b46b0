"""The History tab (`static/history.js`), and sending one of its pictures to the other tabs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from modules.app import App
from modules.errors import ImageError
from modules.page.generate import Tab, filled, updates
from modules.page.notices import Notices
from modules.pictures.files import write

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
        chosen: list[Any] = [gr.skip()] * 4
        if target == "txt2img":
            chosen[0] = gr.Tabs(selected="txt2img")
            return [*chosen, *updates(txt2img.form, values), *updates(img2img.form, {})]
        # A picture takes its parameters along, but not how much it was itself changed.
        values.pop("denoising_strength", None)
        chosen = _picture(app, number, target)
        return [*chosen, *updates(txt2img.form, {}), *updates(img2img.form, values)]

    outputs = [
        tabs,
        img2img.sources,
        img2img.image,
        img2img.canvas,
        *txt2img.form.components,
        *img2img.form.components,
    ]
    notices.on(panel.send, send, None, outputs, with_data=True)  # type: ignore[attr-defined]


def _picture(app: App, number: int, target: str) -> list[Any]:
    """Updates of: page tabs, img2img's sub-tabs, picture, canvas."""
    opened = gr.Tabs(selected="img2img")
    if target == "sketch":
        command = {"load": f"easel/v1/history/{number}/image", "nonce": f"history-{number}"}
        return [opened, gr.Tabs(selected="sketch"), gr.skip(), command]
    # A copy where Gradio keeps uploads: it would refuse a file in a folder of the user's choice.
    path = app.history.path(number, app.visitors.owner)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name} is gone: look for new files in the history") from error
    copy = Path(get_upload_folder(), hashlib.sha256(data).hexdigest(), path.name)
    write(copy, data)
    return [opened, gr.Tabs(selected="img2img"), str(copy), gr.skip()]
