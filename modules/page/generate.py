"""The tabs txt2img and img2img: their layout, and what their buttons do.

A click turns the form's values into a Request and submits it; everything after that is the results
panel's. Bad input becomes a message and leaves the form as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.errors import RequestError
from modules.page import (
    controls,
    form,
    hires,
    inpaint,
    networks,
    pasting,
    refiner,
    sources,
    styles_editor,
    widgets,
)
from modules.page.controls import Form
from modules.page.form import Start
from modules.page.notices import Notices, Places
from modules.page.results import results_panel
from modules.page.sources import Sources
from modules.page.styles_editor import StylesPart

log = logging.getLogger(__name__)

# Fields of a request that the form calls otherwise, and where what belongs to no control is told.
_OTHER_NAMES = {
    "n_iter * batch_size": "n_iter",
    "pictures of the whole batch": "n_iter",
    "mask_blur_x": "mask_blur",
    "mask_blur_y": "mask_blur",
    "checkpoint": "setting_sd_model_checkpoint",
    "sd_model_checkpoint": "setting_sd_model_checkpoint",
    "sd_vae": "setting_sd_vae",
    "image": "@source",
    "init_images": "@source",
    "canvas": "@source",
    "mask": "@mask",
    "batch_upload": "img2img_batch_upload",
    **{f"soft inpainting's {name}": f"soft_{name}" for name in form.SOFT},
}


@dataclass
class Tab:
    """One finished tab and what other parts of the page need of it."""

    form: Form
    panel: gr.HTML
    styles: StylesPart | None = None
    hires_line: gr.HTML | None = None
    sources: Sources | None = None


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
                made.sources = sources.build(app, shape, size)
            with gr.Group(elem_classes=["easel-controls"]):
                if tab == "img2img":
                    inpaint.resize_mode(shape)
                    inpaint.mask_controls(shape)
                controls.sampling(shape)
                if tab == "txt2img":
                    made.hires_line = hires.build(app, shape)
                refiner.build(app, shape)
                (controls if tab == "txt2img" else inpaint).sizes(shape, size)
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
    if tab == "txt2img":
        upscale = made.panel.upscale  # type: ignore[attr-defined]
        notices.on(upscale, _enlarger(app, shape), shape.components, [made.panel], with_data=True)
    if tab == "img2img":
        _follow_size(shape)
    return made


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
    places = Places.of_fields(shape.fields, _OTHER_NAMES)
    if made.sources is None:
        submit = _submitter(app, shape)
        notices.on(generate.click, submit, shape.components, outputs, places=places)
        return
    told = gr.Textbox(visible=False, elem_id="img2img_source")
    inputs: list[Component] = [*shape.components, told]
    js = "async (...values) => EaselSources.withSource(values)"
    submit = _img2img_submitter(app, shape)
    notices.on(generate.click, submit, inputs, outputs, js=js, places=places)


def _submit(app: App, values: Mapping[str, Any], start: Start | None) -> list[Any]:
    request = form.to_request(values, start=start)
    changes = start.settings if start is not None else {}
    job_id = app.submit(request, source="page", settings_changes=changes)
    return [{"job": job_id, "n": time.time_ns()}]


def _submitter(app: App, shape: Form) -> Callable[..., list[Any]]:
    def submit(*values: Any) -> list[Any]:
        return _submit(app, dict(zip(shape.fields, values, strict=True)), None)

    return submit


def _enlarger(app: App, shape: Form) -> Callable[..., list[Any]]:
    """The sparkle: hires fix as the form has it, over a picture that is there."""

    def enlarge(event: gr.EventData, *values: Any) -> list[Any]:
        second = form.hires_of(dict(zip(shape.fields, values, strict=True)))
        job_id = app.enlarge(str(event.job), int(event.index), second, source="page")
        return [{"job": job_id, "n": time.time_ns()}]

    return enlarge


def _img2img_submitter(app: App, shape: Form) -> Callable[..., list[Any]]:
    def submit(*values: Any) -> list[Any]:
        *fields, told = values
        named = dict(zip(shape.fields, fields, strict=True))
        return _submit(app, named, sources.start_of(app, named, told))

    return submit


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
    present = app.with_present_names(infotext)
    values = pasting.from_infotext(present, app.settings.current, styles)
    return values | refiner.listed(app, values)


def last_infotext(app: App) -> str:
    """The newest picture's parameters, kept in params.txt; "" where there is none. Where users are
    kept apart, those of the visitor's own newest picture.
    """
    if app.visitors.owner is not None:
        items = (job.items[0] for job in app.jobs.list(limit=20) if job.items)
        return next((item.infotext for item in items), "")
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
    if isinstance(value, refiner.Absent):
        return {"info": value.words, "visible": True}
    changes: dict[str, Any] = {"value": value}
    if name in refiner.FIRST:  # `filled` looked them up, and new ones come while the server runs
        changes["info"] = None
    elif isinstance(component, gr.Dropdown | gr.Radio) and not _offers(component, value):
        return {}
    if value != hires.SHOWN_WHEN_USED.get(name, value):
        changes["visible"] = True
    return changes


def _offers(component: gr.Dropdown | gr.Radio, value: Any) -> bool:
    if isinstance(component, gr.Dropdown) and component.allow_custom_value:
        return True
    return any(choice == value for _, choice in component.choices or ())
