"""Sending a finished picture or a text's parameters to a tab.

A picture is named by job and index, which the server looks up: what comes from the browser is never
a path.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page import panes, pasting
from modules.page.form import CANVAS_TABS, INPAINT_TABS
from modules.page.generate import Tab, filled, updates
from modules.page.notices import Notices


def connect(app: App, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices) -> None:
    """Both panels' `send` events: to a sub-tab of img2img, to txt2img, or the seed alone."""
    outputs = outputs_of(tabs, img2img, notices.carrier)
    for panel in (txt2img.panel, img2img.panel):
        handler = _sender(app, txt2img, img2img, own=panel is img2img.panel)
        notices.on(panel.send, handler, None, outputs, with_data=True)  # type: ignore[attr-defined]


def outputs_of(tabs: gr.Tabs, img2img: Tab, carrier: panes.Carrier) -> list[Any]:
    """The components that `moved` gives updates of."""
    assert img2img.sources is not None
    return [tabs, *img2img.sources.outputs, carrier.component]


def moved(
    txt2img: Tab, img2img: Tab, target: str, values: dict[str, Any], address: str
) -> list[Any]:
    """Updates that open `target` ("txt2img", or a sub-tab of img2img) with these form values, and
    there the picture at `address` of this server.
    """
    sources = img2img.sources
    assert sources is not None
    if target == "txt2img":
        return [
            gr.Tabs(selected="txt2img"),
            *sources.unchanged(),
            panes.changes({"txt2img": updates(txt2img.form, values)}),
        ]
    if target not in CANVAS_TABS:
        raise RequestError(f"there is no tab {target!r}; reload the page")
    # A picture takes its parameters along, but not how much it was itself changed; what is to be
    # inpainted keeps the size that was chosen for it.
    left_out = {"denoising_strength", *(("width", "height") if target in INPAINT_TABS else ())}
    kept = {name: value for name, value in values.items() if name not in left_out}
    return [
        gr.Tabs(selected="img2img"),
        *sources.shown(target, address, nonce=f"{time.time_ns()}"),
        panes.changes({"img2img": updates(img2img.form, kept)}),
    ]


def _sender(app: App, txt2img: Tab, img2img: Tab, *, own: bool) -> Callable[..., list[Any]]:
    """`own`: the picture comes from img2img's own panel."""

    def send(event: gr.EventData) -> list[Any]:
        job, index, target = str(event.job), int(event.index), str(event.to)
        items = app.jobs.view(job).items
        item = next((item for item in items if item.index == index), None)
        if item is None:
            raise RequestError("there is no picture to send yet", field="image")
        if target == "seed":
            form = img2img.form if own else txt2img.form
            assert img2img.sources is not None
            return [
                gr.skip(),
                *img2img.sources.unchanged(),
                panes.changes({form.tab: updates(form, {"seed": item.seed})}),
            ]
        settings = app.settings.current
        values = pasting.sent_along(filled(app, item.infotext), item.seed, settings)
        address = f"easel/v1/jobs/{job}/images/{index}"
        return moved(txt2img, img2img, target, values, address)

    return send
