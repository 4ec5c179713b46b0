"""What the page's form holds, as plain values: its fields by name, and the way into a Request.

Knows no Gradio: the tabs hand values over by name, in the order of their own controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from modules.errors import RequestError
from modules.generation.batch import Input
from modules.generation.infotext_fields import SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULE
from modules.generation.request import FILL_MODES, RESIZE_MODES, Hires, Init, Mask, Request
from modules.generation.soft_inpainting import SoftInpainting
from modules.library.styles import is_divider
from modules.settings import TABLE

Kind = Literal["text", "whole", "number", "flag", "list"]
TABS = ("txt2img", "img2img")
PAGE_TABS = (*TABS, "history", "pnginfo", "settings")
CANVAS_TABS = ("img2img", "sketch", "inpaint", "inpaint_sketch", "inpaint_upload")
SOURCE_TABS = (*CANVAS_TABS, "batch")
INPAINT_TABS = CANVAS_TABS[2:]
PNG_INFO_FIELDS = (
    "Prompt",
    "Negative prompt",
    "Seed",
    "CFG scale",
    "Sampler",
    "Steps",
    "Model hash",
)
#: Of the controls, as A1111 calls them, in the usual order (setting `ui_reorder_list`).
PARTS = ("inpaint", "sampler", "accordions", "dimensions", "batch", "seed")
MASK_MODES = ("Inpaint masked", "Inpaint not masked")
INPAINT_AREAS = ("Whole picture", "Only masked")

#: Every field that a tab may have, with the kind of its value. The names are those of A1111's API.
FIELDS: Mapping[str, Kind] = {
    "prompt": "text",
    "negative_prompt": "text",
    "styles": "list",
    "sampler_name": "text",
    "scheduler": "text",
    "steps": "whole",
    "enable_hr": "flag",
    "hr_upscaler": "text",
    "hr_second_pass_steps": "whole",
    "denoising_strength": "number",
    "hr_scale": "number",
    "hr_resize_x": "whole",
    "hr_resize_y": "whole",
    "hr_sampler_name": "text",
    "hr_scheduler": "text",
    "hr_prompt": "text",
    "hr_negative_prompt": "text",
    "hr_checkpoint_name": "text",
    "enable_refiner": "flag",
    "refiner_checkpoint": "text",
    "refiner_switch_at": "number",
    "width": "whole",
    "height": "whole",
    "batch_size": "whole",
    "n_iter": "whole",
    "cfg_scale": "number",
    "image_cfg_scale": "number",
    "seed": "whole",
    "seed_enable_extras": "flag",
    "subseed": "whole",
    "subseed_strength": "number",
    "seed_resize_from_w": "whole",
    "seed_resize_from_h": "whole",
    "resize_mode": "text",
    "scale_by": "number",
    "mask_blur": "whole",
    "mask_alpha": "whole",
    "inpainting_mask_invert": "text",
    "inpainting_fill": "text",
    "inpaint_full_res": "text",
    "inpaint_full_res_padding": "whole",
    "soft_enabled": "flag",
    "soft_bias": "number",
    "soft_preservation": "number",
    "soft_detail": "number",
    "soft_influence": "number",
    "soft_threshold": "number",
    "soft_contrast": "number",
    "batch_input_dir": "text",
    "batch_output_dir": "text",
    "batch_mask_dir": "text",
    "batch_use_png_info": "flag",
    "batch_png_info_dir": "text",
    "batch_png_info_props": "list",
    "override_settings": "list",
}
# Fields of a Request that are taken as they are.
PLAIN = (
    "prompt",
    "negative_prompt",
    "sampler_name",
    "scheduler",
    "steps",
    "width",
    "height",
    "batch_size",
    "n_iter",
    "cfg_scale",
    "seed",
)
# The numbers of soft inpainting; in the form each has the prefix "soft_".
SOFT = tuple(entry.name for entry in fields(SoftInpainting))
EXTRAS = ("subseed", "subseed_strength", "seed_resize_from_w", "seed_resize_from_h")


@dataclass(frozen=True, kw_only=True)
class Start:
    """What img2img starts from: sums of the stored pictures, and sizes in pixels.

    size: None for the form's own, else that of "Resize by". inputs: of a batch, instead of `image`.
    settings: of this job alone.
    """

    image: str = ""
    mask: str | None = None
    size: tuple[int, int] | None = None
    inputs: tuple[Input, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def fits(name: str, value: Any) -> bool:
    """Whether the field `name` can hold `value`."""
    match FIELDS.get(name):
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        case "whole" | "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return False


def to_request(values: Mapping[str, Any], *, start: Start | None = None) -> Request:
    """The wish in the form's `values`; `start` makes it img2img.

    RequestError where a value can't be used; it names the field.
    """
    plain = _taken(values, PLAIN)
    if values.get("seed_enable_extras"):
        plain |= _taken(values, EXTRAS)
    if start is not None and start.size is not None:
        plain["width"], plain["height"] = start.size
    return Request(
        **plain,
        styles=tuple(name for name in values.get("styles") or () if not is_divider(name)),
        hires=hires_of(values) if values.get("enable_hr") else None,
        refiner_checkpoint=_refiner(values),
        refiner_switch_at=values["refiner_switch_at"] if values.get("enable_refiner") else None,
        init=None if start is None else _init(values, start),
        override_settings=overrides_from_labels(values.get("override_settings") or ()),
    )


def _taken(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    read = {"whole": whole, "number": number}
    return {
        name: read[FIELDS[name]](name, values[name]) if FIELDS[name] in read else values[name]
        for name in names
    }


def number(name: str, value: Any) -> float:
    """A control's number, which may be empty. RequestError where it is none."""
    if value in (None, "") or isinstance(value, bool) or not isinstance(value, int | float):
        said = "empty" if value in (None, "") else repr(value)
        raise RequestError(f"{name} is {said}; give a number", field=name)
    return value


def whole(name: str, value: Any) -> int:
    """A number field as a whole number; empty seed fields mean -1."""
    if value in (None, ""):
        if name in ("seed", "subseed"):
            return -1
        raise RequestError(f"{name} is empty; give a number", field=name)
    try:
        found = float(value) if isinstance(value, float) else int(value)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{name} is {value!r}; give a whole number", field=name) from error
    if found != int(found):
        raise RequestError(f"{name} is {value!r}; give a whole number", field=name)
    return int(found)


def hires_of(values: Mapping[str, Any]) -> Hires:
    """The second pass that the form describes, ticked or not."""
    sampler, schedule = values["hr_sampler_name"], values["hr_scheduler"]
    checkpoint = values["hr_checkpoint_name"]
    if not checkpoint:
        raise RequestError(
            "hires fix has no checkpoint: choose one, or the same", field="hr_checkpoint_name"
        )
    return Hires(
        upscaler=values["hr_upscaler"],
        steps=whole("hr_second_pass_steps", values["hr_second_pass_steps"]),
        denoising_strength=number("denoising_strength", values["denoising_strength"]),
        scale=number("hr_scale", values["hr_scale"]),
        resize_x=whole("hr_resize_x", values["hr_resize_x"]),
        resize_y=whole("hr_resize_y", values["hr_resize_y"]),
        checkpoint=None if checkpoint == SAME_CHECKPOINT else checkpoint,
        sampler_name=None if sampler == SAME_SAMPLER else sampler,
        scheduler=None if schedule == SAME_SCHEDULE else schedule,
        prompt=values["hr_prompt"],
        negative_prompt=values["hr_negative_prompt"],
    )


def _init(values: Mapping[str, Any], start: Start) -> Init:
    has_masks = any(given.mask is not None for given in start.inputs)
    image = start.mask if start.mask is not None else "" if has_masks else None
    return Init(
        images=() if start.inputs else (start.image,),
        inputs=start.inputs,
        denoising_strength=number("denoising_strength", values["denoising_strength"]),
        resize_mode=_index("resize_mode", values, RESIZE_MODES),
        # Where the checkpoint has no such guidance, nothing reads it.
        image_cfg_scale=values.get("image_cfg_scale"),
        mask=None if image is None else _mask(values, image),
    )


def _mask(values: Mapping[str, Any], image: str) -> Mask:
    blur = whole("mask_blur", values["mask_blur"])
    return Mask(
        image=image,
        blur_x=blur,
        blur_y=blur,
        fill=_index("inpainting_fill", values, FILL_MODES),
        only_masked=_index("inpaint_full_res", values, INPAINT_AREAS) == 1,
        padding=whole("inpaint_full_res_padding", values["inpaint_full_res_padding"]),
        invert=_index("inpainting_mask_invert", values, MASK_MODES) == 1,
        soft=_soft(values),
    )


def _soft(values: Mapping[str, Any]) -> SoftInpainting | None:
    if not values.get("soft_enabled"):
        return None
    return SoftInpainting(**{name: number(f"soft_{name}", values[f"soft_{name}"]) for name in SOFT})


def _index(name: str, values: Mapping[str, Any], choices: Sequence[str]) -> int:
    try:
        return choices.index(values[name])
    except ValueError:
        listed = ", ".join(choices)
        raise RequestError(f"{name} is {values[name]!r}; choose {listed}", field=name) from None


def _refiner(values: Mapping[str, Any]) -> str | None:
    if not values.get("enable_refiner"):
        return None
    if not values["refiner_checkpoint"]:
        raise RequestError(
            "the refiner has no checkpoint: choose one, or untick it", field="refiner_checkpoint"
        )
    return values["refiner_checkpoint"]


def overrides_from_labels(labels: Sequence[str]) -> dict[str, Any]:
    """Entries such as "Clip skip: 2" as settings by key; RequestError for a meaningless one."""
    found: dict[str, Any] = {}
    for label in labels:
        name, colon, value = label.partition(":")
        row = _OVERRIDES.get(name.strip())
        if not colon or row is None:
            raise RequestError(
                f"{label!r} is no setting for one job; remove it from Override settings",
                field="override_settings",
            )
        found[row.key] = row.coerce(value.strip())
    return found


_OVERRIDES = {row.infotext: row for row in TABLE if row.infotext}
