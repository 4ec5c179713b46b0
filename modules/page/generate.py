"""The tabs txt2img and img2img: their layout, and what their buttons do.

A click turns the form's values into a Request and submits it; everything after that is the results
panel's. Bad input becomes a message and leaves the form as it is.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.errors import RequestError
from modules.page import controls, form, hires, networks, pasting, styles_editor, widgets
from modules.page.canvas import sketch_canvas
from modules.page.controls import Form
from modules.page.form import Start
from modules.page.notices import Notices
from modules.page.results import results_panel
from modules.page.styles_editor import StylesPart

log = logging.getLogger(__name__)


@dataclass
class Tab:
    """One finished tab and what other parts of the page need of it."""

    form: Form
    panel: gr.HTML
    styles: StylesPart | None = None
    hires_line: gr.HTML | None = None
    image: gr.Image | None = None
    canvas: gr.HTML | None = None
    sources: gr.Tabs | None = None


def build(app: App, tab: str, size: tuple[int, int], notices: Notices) -> Tab:
    """All of one tab's components with their own events."""
    shape = Form(tab)
    made = Tab(shape, panel=gr.HTML(render=False))
    with gr.Row(elem_classes=["easel-main"]):
        with gr.Column(scale=6, min_width=300, elem_classes=["easel-form"]):
            controls.prompts(shape)
            with gr.Row(elem_classes=["easel-tools"]):
                networks.opener(tab)
                read = gr.Button("Read parameters", size="sm", scale=0, elem_id=f"{tab}_paste")
                clear = gr.Button("Clear", size="sm", scale=0, elem_id=f"{tab}_clear_prompt")
                chosen = styles_editor.field(app, shape)
            made.styles = styles_editor.dialog(app, shape, *chosen)
            if tab == "img2img":
                _start_pictures(app, made, size)
            with gr.Group(elem_classes=["easel-controls"]):
                controls.sampling(shape)
                if tab == "txt2img":
                    made.hires_line = hires.build(shape)
                else:
                    controls.resize_mode(shape)
                controls.sizes(shape, size)
                controls.batch_and_guidance(shape)
                controls.seed(shape)
            controls.overrides(shape)
        with gr.Column(scale=5, min_width=300, elem_classes=["easel-output"]):
            with gr.Row(elem_classes=["easel-generate"]):
                generate = gr.Button("Generate", variant="primary", elem_id=f"{tab}_generate")
                stop = gr.Button("Interrupt", elem_id=f"{tab}_interrupt", min_width=80)
                skip = gr.Button("Skip", elem_id=f"{tab}_skip", min_width=60)
            made.panel = results_panel(tab)
    for button, action in ((stop, "interrupt"), (skip, "skip")):
        widgets.on_click(button, None, None, None, js=f"() => EaselResults.{action}('{tab}')")
    boxes = [shape.fields["prompt"], shape.fields["negative_prompt"]]
    widgets.on_click(clear, None, boxes, boxes, js="(...texts) => EaselPage.cleared(texts)")
    notices.on(read.click, _reader(app, shape), [boxes[0]], shape.components)
    _on_generate(app, made, generate, notices)
    if tab == "img2img":
        _follow_size(shape)
    return made


def _start_pictures(app: App, made: Tab, size: tuple[int, int]) -> None:
    """img2img's sub-tabs: a plain picture, and the colour canvas."""
    opens = "sketch" if app.flags.opens_on_canvas else "img2img"
    with gr.Tabs(selected=opens, elem_id="mode_img2img") as sources:
        with gr.Tab("img2img", id="img2img", elem_id="img2img_img2img_tab"):
            made.image = widgets.image("Picture to start from", elem_id="img2img_image", height=360)
        with gr.Tab("Sketch", id="sketch", elem_id="img2img_img2img_sketch_tab"):
            hotkeys = app.settings.current.canvas_hotkey
            made.canvas = sketch_canvas(
                "img2img_sketch",
                width=size[0],
                height=size[1],
                label="Colour canvas",
                help=hotkeys.canvas_show_tooltip,
                padding=False,
            )
    made.sources = sources


def _follow_size(shape: Form) -> None:
    """A canvas that nobody has touched has the size that the sliders show."""
    js = "(w, h) => window.EaselPage?.canvasSize(w, h)"
    sides = [shape.fields["width"], shape.fields["height"]]
    for side in sides:
        change = side.change  # type: ignore[attr-defined]
        change(None, sides, None, js=js, **widgets.QUICK)


def _on_generate(app: App, made: Tab, generate: gr.Button, notices: Notices) -> None:
    shape = made.form
    outputs = [made.panel]
    if made.image is None:
        notices.on(generate.click, _submitter(app, shape), shape.components, outputs)
        return
    source = gr.Textbox(visible=False, elem_id="img2img_source")
    inputs: list[Component] = [*shape.components, made.image, source]
    js = "async (...values) => EaselPage.withSource(values)"
    notices.on(generate.click, _img2img_submitter(app, shape), inputs, outputs, js=js)


def _submit(app: App, shape: Form, values: Sequence[Any], start: Start | None) -> list[Any]:
    named = dict(zip(shape.fields, values, strict=True))
    job_id = app.submit(form.to_request(named, start=start), source="page")
    return [{"job": job_id, "n": time.time_ns()}]


def _submitter(app: App, shape: Form) -> Callable[..., list[Any]]:
    def submit(*values: Any) -> list[Any]:
        return _submit(app, shape, values, None)

    return submit


def _img2img_submitter(app: App, shape: Form) -> Callable[..., list[Any]]:
    def submit(*values: Any) -> list[Any]:
        *fields, path, source = values
        start = Start(image=_stored_start(app, path, source))
        return _submit(app, shape, fields, start)

    return submit


def _stored_start(app: App, path: str | None, source: str) -> str:
    """The sum of the start picture: the drawing, or the uploaded file."""
    wanted = json.loads(source)
    if wanted["from"] == "sketch":
        if wanted.get("error"):
            raise RequestError(
                f"the drawing could not be saved: {wanted['error']}; try again", field="image"
            )
        token = wanted.get("token")
        if not token:
            raise RequestError(
                "the canvas is empty: draw something, or load a picture", field="image"
            )
        limit = app.settings.current.easel.easel_max_pixels
        return app.inputs.put(app.canvas.composite(str(token), max_pixels=limit))
    if not path:
        raise RequestError(
            "img2img needs a picture: drop one, or use the Sketch tab", field="image"
        )
    return app.inputs.put(Path(path).read_bytes())


def _reader(app: App, shape: Form) -> Callable[[str], list[Any]]:
    """Read parameters: from the prompt box, or those of the last picture where it is empty."""

    def read(text: str) -> list[Any]:
        source = text.strip() or last_infotext(app)
        if not source:
            raise RequestError(
                "there is nothing to read yet: paste parameters into the prompt", field="prompt"
            )
        return updates(shape, filled(app, source))

    return read


def filled(app: App, infotext: str) -> dict[str, Any]:
    """Form values by name for what the text says."""
    styles = list(app.styles.by_name().values())
    return pasting.from_infotext(app.with_present_names(infotext), app.settings.current, styles)


def last_infotext(app: App) -> str:
    """The newest picture's parameters, kept in params.txt; "" where there is none."""
    try:
        return (app.paths.data_dir / "params.txt").read_text(encoding="utf-8")
    except OSError:
        return ""


def updates(
    shape: Form, values: dict[str, Any], also: Mapping[str, dict[str, Any]] | None = None
) -> list[Any]:
    """One update per component of the form: the named values, and nothing for the rest.

    A value that the control does not offer leaves the control as it is; a number beyond a slider's
    end becomes that end. A field that is hidden while unused appears with its value. also: further
    properties of components, by field.
    """
    found = []
    for name, component in shape.fields.items():
        changes = dict((also or {}).get(name, {}))
        if name in values:
            changes |= _changes(name, component, values[name])
        found.append(gr.update(**changes) if changes else gr.skip())
    return found


def _changes(name: str, component: Component, value: Any) -> dict[str, Any]:
    """Properties that make the component show `value`; none where it can't."""
    if name == "override_settings":
        return {"value": value, "choices": value, "visible": bool(value)}
    if isinstance(component, gr.Slider):
        return {"value": min(max(value, component.minimum), component.maximum)}
    if isinstance(component, gr.Dropdown | gr.Radio) and not _offers(component, value):
        return {}
    if value != hires.SHOWN_WHEN_USED.get(name, value):
        return {"value": value, "visible": True}
    return {"value": value}


def _offers(component: gr.Dropdown | gr.Radio, value: Any) -> bool:
    if isinstance(component, gr.Dropdown) and component.allow_custom_value:
        return True
    return any(choice == value for _, choice in component.choices or ())
