"""img2img's sub-tabs: what a job starts from, chosen or painted on canvases (interface 5).

All of them are one component in its modes. The browser names the open sub-tab and the saved
drawings by their tokens; here they become stored pictures and masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page import batch, form, panes
from modules.page.canvas import sketch_canvas
from modules.page.form import CANVAS_TABS, INPAINT_TABS, SOURCE_TABS, Start
from modules.page.layout import Form
from modules.pictures.metadata import open_image
from modules.settings.stable_diffusion import Img2img

# Canvases of each sub-tab: element id, mode, label.
_CANVASES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "img2img": (("img2img_image", "picture", "Picture to start from"),),
    "sketch": (("img2img_sketch", "sketch", "Colour canvas"),),
    "inpaint": (("img2maskimg", "inpaint", "Picture and mask"),),
    "inpaint_sketch": (("inpaint_sketch", "inpaint-sketch", "Picture to paint over"),),
    "inpaint_upload": (
        ("img_inpaint_base", "picture", "Picture to start from"),
        ("img_inpaint_mask", "picture", "Mask: white is painted anew"),
    ),
}
_TABS = {
    "img2img": ("img2img", "img2img_img2img_tab"),
    "sketch": ("Sketch", "img2img_img2img_sketch_tab"),
    "inpaint": ("Inpaint", "img2img_inpaint_tab"),
    "inpaint_sketch": ("Inpaint sketch", "img2img_inpaint_sketch_tab"),
    "inpaint_upload": ("Inpaint upload", "img2img_inpaint_upload_tab"),
}
assert tuple(_TABS) == tuple(_CANVASES) == CANVAS_TABS


@dataclass
class Sources:
    """The sub-tabs, and each one's first canvas."""

    tabs: gr.Tabs
    canvases: dict[str, gr.HTML]

    @property
    def outputs(self) -> list[Any]:
        """What `shown` and `unchanged` give updates of."""
        return [self.tabs, *self.canvases.values()]

    def shown(self, name: str, address: str, nonce: str) -> list[Any]:
        """Updates that open the sub-tab `name` with the picture at `address` (of this server)."""
        command = {"load": address, "nonce": nonce}
        loads = [command if each == name else gr.skip() for each in self.canvases]
        return [gr.Tabs(selected=name), *loads]

    def unchanged(self) -> list[Any]:
        return [gr.skip() for _ in self.outputs]


def build(app: App, shape: Form, size: tuple[int, int]) -> Sources:
    """The sub-tabs."""
    opens = "sketch" if app.flags.opens_on_canvas else "img2img"
    canvases: dict[str, gr.HTML] = {}
    with gr.Tabs(selected=opens, elem_id="mode_img2img", overflow_behavior="wrap") as tabs:
        for name, (label, elem_id) in _TABS.items():
            with gr.Tab(label, id=name, elem_id=elem_id):
                with gr.Row():
                    made = [_canvas(app, size, *each) for each in _CANVASES[name]]
                canvases[name] = made[0]
        with gr.Tab("Batch", id="batch", elem_id="img2img_batch_tab"):
            panes.place(shape, "batch")
            with shape.pane("batch"):
                batch.build(app, shape)
    return Sources(tabs, canvases)


def copy_buttons(shape: Form) -> None:
    """They copy a picture from the open sub-tab to another one."""
    with shape.row("img2img_copy_image", "easel-copy"):
        shape.line("img2img_copy_words", text="Copy image to")
        for name in CANVAS_TABS[:4]:
            shape.button(f"copy-{name}", _TABS[name][0], f"copy_to_{name}")


def _canvas(app: App, size: tuple[int, int], elem_id: str, mode: str, label: str) -> gr.HTML:
    chosen = app.settings.current.img2img
    brushes = {
        "sketch": chosen.img2img_sketch_default_brush_color,
        "inpaint": chosen.img2img_inpaint_mask_brush_color,
        "inpaint-sketch": chosen.img2img_inpaint_sketch_default_brush_color,
    }
    height = chosen.img2img_editor_height
    return sketch_canvas(
        elem_id,
        mode,
        width=size[0],
        height=size[1],
        label=label,
        help=app.settings.current.canvas_hotkey.canvas_show_tooltip,
        brush=brushes.get(mode, ""),
        stage_height=0 if height == Img2img().img2img_editor_height else height,
        padding=False,
        min_width=260,
    )


def start_of(app: App, values: Mapping[str, Any], told: Any) -> Start:
    """What img2img starts from; `told` is static/sources.js's record, `values` the form's.

    RequestError where there is no picture, or the record is not ours.
    """
    name, tokens, resizes = _read(told)
    if name == "batch":
        return _batch_of(app, values, told["batch"], by_scale=resizes)
    limit = app.settings.current.easel.easel_max_pixels
    canvas, mask = app.canvas, None
    match name:
        case "inpaint":
            image = canvas.ground(tokens[0], max_pixels=limit)
            mask = canvas.mask(tokens[0], max_pixels=limit)
        case "inpaint_sketch":
            image, mask = canvas.painted(
                tokens[0],
                blur=form.whole("mask_blur", values["mask_blur"]),
                transparency=form.whole("mask_alpha", values["mask_alpha"]),
                max_pixels=limit,
            )
        case "inpaint_upload":
            image = canvas.composite(tokens[0], max_pixels=limit)
            mask = canvas.composite(tokens[1], max_pixels=limit)
        case _:
            image = canvas.composite(tokens[0], max_pixels=limit)
    size = None
    if resizes:
        sides, scale = (
            open_image(image, max_pixels=limit).size,
            form.number("scale_by", values["scale_by"]),
        )
        size = (int(sides[0] * scale), int(sides[1] * scale))
    return Start(
        image=app.inputs.put(image),
        mask=None if mask is None else app.inputs.put(mask),
        size=size,
    )


def _batch_of(app: App, values: Mapping[str, Any], told: Any, *, by_scale: bool) -> Start:
    found = batch.read(told)
    return Start(
        inputs=tuple(batch.inputs_of(app, values, found, by_scale=by_scale)),
        settings=batch.settings_for(app, values, found),
    )


def _read(record: Any) -> tuple[str, list[str], bool]:
    """Name of the sub-tab, tokens of its drawings, and whether the size is that of "Resize by"."""
    try:
        name, error = record["from"], record.get("error")
        tokens = [str(token) for token in record.get("tokens", ())]
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        raise RequestError("the page did not say what to start from; reload it") from wrong
    if error:
        words = str(error) if name == "batch" else f"the drawing could not be saved: {error}"
        raise RequestError(f"{words}; try again", field=str(record.get("field") or "image"))
    if name not in SOURCE_TABS:
        raise RequestError(f"there is no sub-tab {name!r}; reload the page", field="image")
    if name == "batch":
        if not isinstance(record.get("batch"), dict):
            raise RequestError("the page did not say what the batch is; reload it")
        return name, [], bool(record.get("resizes"))
    if len(tokens) != len(_CANVASES[name]) or not all(tokens):
        field = "mask" if len(tokens) > 1 and tokens[0] else "image"
        raise RequestError(_missing(name, tokens), field=field)
    return name, tokens, bool(record.get("resizes"))


def _missing(name: str, tokens: list[str]) -> str:
    if name == "sketch":
        return "the canvas is empty: draw something, or load a picture"
    if name == "inpaint_upload" and tokens and tokens[0]:
        return "inpaint upload needs a mask: drop a picture that is white where to paint"
    if name in INPAINT_TABS:
        return "inpainting needs a picture: drop one, or send one here"
    return "img2img needs a picture: drop one, or use the Sketch tab"
