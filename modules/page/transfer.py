"""Sending a finished picture or a text's parameters to a tab, and the PNG Info tab.

A picture is named by job and index, which the server looks up: what comes from the browser is never
a path.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from modules.app import App
from modules.errors import RequestError
from modules.page import pasting, widgets
from modules.page.generate import Tab, filled, updates
from modules.page.notices import Notices
from modules.pictures.files import write
from modules.pictures.metadata import read_infotext

log = logging.getLogger(__name__)


def connect(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """Both panels' `send` events: to img2img, to the canvas, to txt2img, or the seed alone."""
    outputs = [
        tabs,
        img2img.sources,
        img2img.image,
        img2img.canvas,
        *txt2img.form.components,
        *img2img.form.components,
    ]
    for panel in (txt2img.panel, img2img.panel):
        handler = _sender(app, txt2img, img2img, own=panel is img2img.panel)
        notices.on(panel.send, handler, None, outputs, with_data=True)  # type: ignore[attr-defined]


def _sender(app: App, txt2img: Tab, img2img: Tab, *, own: bool) -> Callable[..., list[Any]]:
    """`own`: the picture comes from img2img's own panel."""

    def send(event: gr.EventData) -> list[Any]:
        job, index, target = str(event.job), int(event.index), str(event.to)
        items = app.jobs.view(job).items
        item = next((item for item in items if item.index == index), None)
        if item is None:
            raise RequestError("there is no picture to send yet", field="image")
        settings = app.settings.current
        values = pasting.sent_along(filled(app, item.infotext), item.seed, settings)
        nothing = {}
        to_txt2img, to_img2img = nothing, nothing
        chosen: list[Any] = [gr.skip()] * 4
        if target == "seed":
            only = {"seed": item.seed}
            to_txt2img, to_img2img = (nothing, only) if own else (only, nothing)
        elif target == "txt2img":
            to_txt2img = values
            chosen[0] = gr.Tabs(selected="txt2img")
        else:
            to_img2img = _without_own_strength(values)
            chosen = _to_picture(app, job, index, target)
        return [
            *chosen,
            *updates(txt2img.form, to_txt2img),
            *updates(img2img.form, to_img2img),
        ]

    return send


def _without_own_strength(values: dict[str, Any]) -> dict[str, Any]:
    """A picture takes its parameters along, but not how much it was itself changed."""
    return {name: value for name, value in values.items() if name != "denoising_strength"}


def _to_picture(app: App, job: str, index: int, target: str) -> list[Any]:
    """Updates of: page tabs, img2img's sub-tabs, picture, canvas."""
    opened = gr.Tabs(selected="img2img")
    if target == "sketch":
        command = {"load": f"easel/v1/jobs/{job}/images/{index}", "nonce": f"{job}-{index}"}
        return [opened, gr.Tabs(selected="sketch"), gr.skip(), command]
    # A copy where Gradio keeps uploads: it would refuse a file in a folder of the user's choice.
    data, _, name = app.jobs.image_bytes(job, index)
    path = Path(get_upload_folder(), hashlib.sha256(data).hexdigest(), name)
    write(path, data)
    return [opened, gr.Tabs(selected="img2img"), str(path), gr.skip()]


def build_png_info(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """The PNG Info tab."""
    with gr.Row(elem_classes=["easel-main"]):
        with gr.Column(scale=4, min_width=300):
            source = widgets.image("Source", elem_id="pnginfo_image", height=420)
        with gr.Column(scale=6, min_width=300):
            text = widgets.text_line("pnginfo_generation_info", "ez-infotext")
            with gr.Row(elem_classes=["easel-send"]):
                names = ("pnginfo_send_to_txt2img", "pnginfo_send_to_img2img")
                to_txt2img = gr.Button("Send to txt2img", size="sm", elem_id=names[0])
                to_img2img = gr.Button("Send to img2img", size="sm", elem_id=names[1])

    def show(path: str | None) -> list[str]:
        return [_describe(app, path)]

    def fill(tab: Tab) -> Callable[[str | None], list[Any]]:
        def fill_from(path: str | None) -> list[Any]:
            infotext = _infotext_of(app, path)
            if not infotext:
                raise RequestError("this picture holds no parameters", field="image")
            values = filled(app, infotext)
            extra = [path] if tab.image is not None else []
            return [gr.Tabs(selected=tab.form.tab), *extra, *updates(tab.form, values)]

        return fill_from

    notices.on(source.change, show, [source], [text])
    outputs = [tabs, *txt2img.form.components]
    notices.on(to_txt2img.click, fill(txt2img), [source], outputs)
    outputs = [tabs, img2img.image, *img2img.form.components]
    notices.on(to_img2img.click, fill(img2img), [source], outputs)


def _infotext_of(app: App, path: str | None) -> str | None:
    if not path:
        return None
    limit = app.settings.current.easel.easel_max_pixels
    return read_infotext(Path(path).read_bytes(), max_pixels=limit)[0]


def _describe(app: App, path: str | None) -> str:
    if not path:
        return ""
    limit = app.settings.current.easel.easel_max_pixels
    infotext, items = read_infotext(Path(path).read_bytes(), max_pixels=limit)
    parts = [infotext] if infotext else []
    parts += [f"{name}\n{value}" for name, value in items.items()]
    return "\n\n".join(parts) or "This picture holds no parameters."
