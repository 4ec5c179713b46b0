"""The tabs txt2img and img2img: their parts, and what their buttons do on the server.

A click turns the form's values into a Request and submits it; everything after that is the results
panel's. Bad input becomes a message and leaves the form as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page import (
    controls,
    extra_options,
    form,
    hires,
    inpaint,
    panes,
    pasting,
    refiner,
    sources,
    styles_editor,
)
from modules.page.fields import Field
from modules.page.form import Start
from modules.page.layout import Form
from modules.page.notices import Notices, Places
from modules.page.results import results_panel
from modules.page.sources import Sources

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


# What the browser triggers of a tab.
_EVENTS = ("generate", "read", "refresh", "apply-styles", *styles_editor.EVENTS)


@dataclass
class Tab:
    """One finished tab and what other parts of the page need of it. events: what the browser
    triggers of the form, by `Form.panes`' buttons and static/form-links.js.
    """

    form: Form
    events: gr.HTML
    panel: gr.HTML
    sources: Sources | None = None


def build(app: App, tab: str, size: tuple[int, int], notices: Notices) -> Tab:
    """All of one tab with its events. The style sheet puts the panel beside the rest."""
    shape = Form(tab)
    made_sources: Sources | None = None
    events = panes.place(shape, "prompts", *_EVENTS)
    _prompts(app, shape)
    if tab == "img2img":
        made_sources = sources.build(app, shape, size)
    panes.place(shape, "controls")
    _controls(app, shape, size)
    _buttons(shape)
    panel = results_panel(tab)
    made = Tab(shape, events, panel, made_sources)
    _connect(app, made, notices)
    return made


def _prompts(app: App, shape: Form) -> None:
    tab = shape.tab
    with shape.pane("prompts"):
        controls.prompts(shape)
        with shape.row("", "easel-tools"):
            shape.button("networks", "Networks", f"{tab}_extra_networks")
            shape.button("read", "Read parameters", f"{tab}_paste")
            shape.button("clear", "Clear", f"{tab}_clear_prompt")
            styles_editor.field(shape, app.styles.menu())


def _controls(app: App, shape: Form, size: tuple[int, int]) -> None:
    settings = app.settings.current
    folds = {
        "txt2img": settings.ui_alternatives.txt2img_settings_accordion,
        "img2img": settings.ui_alternatives.img2img_settings_accordion,
    }
    with shape.pane("controls"):
        if shape.tab == "img2img":
            sources.copy_buttons(shape)
        with ExitStack() as outer:
            if folds[shape.tab]:
                outer.enter_context(
                    shape.fold("Settings", f"{shape.tab}_settings_accordion", open=True)
                )
            outer.enter_context(shape.column("", "easel-controls"))
            sections = _sections(app, shape, size)
            for name in arranged(sections, settings.ui.ui_reorder_list):
                for part in sections[name]:
                    part()
            extra_options.build(app, shape)
        controls.overrides(shape)


def _sections(
    app: App, shape: Form, size: tuple[int, int]
) -> dict[str, tuple[Callable[[], None], ...]]:
    """What makes each part of the controls, by A1111's names, in the usual order."""
    is_first = shape.tab == "txt2img"
    masks = () if is_first else (inpaint.resize_mode, inpaint.mask_controls)
    second = (partial(hires.build, app, shape),) if is_first else ()
    found = {
        "inpaint": tuple(partial(part, shape) for part in masks),
        "sampler": (partial(controls.sampling, shape, app.settings.current),),
        "accordions": (*second, partial(refiner.build, app, shape)),
        "dimensions": (partial((controls if is_first else inpaint).sizes, shape, size),),
        "batch": (partial(controls.batch_and_guidance, shape),),
        "seed": (partial(controls.seed, shape),),
    }
    assert tuple(found) == form.PARTS
    return found


def arranged(names: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """The parts in the order of the setting `ui_reorder_list`; those that it does not name stand
    where they usually do among the others, as in A1111. What it calls "cfg" and "denoising" is part
    of "batch".
    """
    named = ["batch" if name in ("cfg", "denoising") else name for name in wanted]
    usual = {name: 2 * place + 1 for place, name in enumerate(names)}
    return sorted(usual, key=lambda name: 2 * named.index(name) if name in named else usual[name])


def _buttons(shape: Form) -> None:
    tab = shape.tab
    with shape.pane("generate"), shape.row("", "easel-generate"):
        shape.button("generate", "Generate", f"{tab}_generate", variant="primary")
        shape.button("interrupt", "Interrupt", f"{tab}_interrupt")
        shape.button("skip", "Skip", f"{tab}_skip")


def _connect(app: App, made: Tab, notices: Notices) -> None:
    shape, events = made.form, made.events
    carried = [notices.carrier.component]
    places = Places.of_fields(shape.fields, {**_OTHER_NAMES, **extra_options.names(shape)})

    def refresh() -> list[Any]:
        return [panes.changes({shape.tab: refiner.refreshed(app, shape)})]

    def enlarge(event: gr.EventData, told: Mapping[str, Any]) -> list[Any]:
        """The sparkle: hires fix as the form has it, over a picture that is there."""
        second = form.hires_of(shape.read(told))
        job_id = app.enlarge(str(event.job), int(event.index), second, source="page")
        return [{"job": job_id, "n": time.time_ns()}]

    submit = _submitter(app, shape) if made.sources is None else _img2img_submitter(app, shape)
    js = "" if made.sources is None else "async () => [await EaselSources.told()]"
    event: Any = events
    on_forms = notices.on_forms
    on_forms(event.generate, [shape], submit, [made.panel], js=js, places=places)
    on_forms(event.read, [shape], _reader(app, shape), carried)
    notices.on(event.refresh, refresh, None, carried)
    styles = styles_editor.materialised(app, shape)
    on_forms(getattr(event, "apply-styles"), [shape], styles, carried)
    if shape.tab == "txt2img":
        upscale = made.panel.upscale  # type: ignore[attr-defined]
        on_forms(upscale, [shape], enlarge, [made.panel], with_data=True)


def _submit(
    app: App, shape: Form, values: Mapping[str, Any], start: Start | None = None
) -> list[Any]:
    request = form.to_request(values, start=start)
    changes = extra_options.changes(app, shape, values)
    changes |= start.settings if start is not None else {}
    job_id = app.submit(request, source="page", settings_changes=changes)
    return [{"job": job_id, "n": time.time_ns()}]


def _submitter(app: App, shape: Form) -> Callable[[Mapping[str, Any]], list[Any]]:
    return lambda told: _submit(app, shape, shape.read(told))


def _img2img_submitter(app: App, shape: Form) -> Callable[[Mapping[str, Any]], list[Any]]:
    def submit(told: Mapping[str, Any]) -> list[Any]:
        values = shape.read(told)
        return _submit(app, shape, values, sources.start_of(app, values, told.get("source")))

    return submit


def _reader(app: App, shape: Form) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Read parameters: from the prompt box, or those of the last picture where it is empty."""

    def read(told: Mapping[str, Any]) -> list[Any]:
        source = shape.read(told)["prompt"].strip() or last_infotext(app)
        if not source:
            raise RequestError(
                "there is nothing to read yet: paste parameters into the prompt", field="prompt"
            )
        return [panes.changes({shape.tab: updates(shape, filled(app, source))})]

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
    shape: Form, values: Mapping[str, Any], also: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """What of the form's fields changes so that they show the named values.

    A value that a field does not offer leaves it as it is; a number beyond a slider's end becomes
    that end. A field that is hidden while unused appears with its value. also: further properties,
    by field.
    """
    found = {}
    for name, field in shape.fields.items():
        changes = dict((also or {}).get(name, {}))
        if name in values:
            changes |= _changes(name, field, values[name])
        if changes:
            found[name] = changes
    return found


def _changes(name: str, field: Field, value: Any) -> dict[str, Any]:
    """Properties that make the field show `value`; none where it can't."""
    if name == "override_settings":
        return {"value": value, "choices": value, "visible": bool(value)}
    if field.kind == "slider":
        low, high = field.ends
        return {"value": min(max(value, low), high)}
    if isinstance(value, refiner.Absent):
        return {"hint": value.words, "visible": True}
    changes: dict[str, Any] = {"value": value}
    if name in refiner.FIRST:  # `filled` looked them up, and new ones come while the server runs
        changes["hint"] = None
    elif field.kind in ("choice", "radio") and not field.free and value not in field.choices:
        return {}
    if value != hires.SHOWN_WHEN_USED.get(name, value):
        changes["visible"] = True
    return changes
