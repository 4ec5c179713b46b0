"""From a Request back to the form's values: what a job that has made no picture yet was asked for.

The inverse of `form.to_request` as far as a form can show a wish; what an API alone can say is left
out, and so are the pictures that it starts from. Knows no Gradio and no disk.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from modules.generation.infotext_fields import SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULE
from modules.generation.request import FILL_MODES, RESIZE_MODES, Hires, Init, Mask, Request
from modules.page import form
from modules.page.pasting import override_labels
from modules.settings import Settings


def from_request(request: Request, settings: Settings) -> dict[str, Any]:
    """Form values by name; what `request` leaves open is not among them."""
    values = {name: getattr(request, name) for name in (*form.PLAIN, *form.EXTRAS)}
    values["seed_enable_extras"] = any(
        values[name] != getattr(Request(), name) for name in form.EXTRAS
    )
    values["styles"] = list(request.styles)
    values["enable_hr"] = request.hires is not None
    if request.hires is not None:
        values |= _hires(request.hires)
    values["enable_refiner"] = request.refiner is not None
    if request.refiner is not None:
        values |= {
            "refiner_checkpoint": request.refiner,
            "refiner_switch_at": request.refiner_switch_at,
        }
    if request.init is not None:
        values |= _init(request.init)
    values["override_settings"] = override_labels(request.override_settings, settings)
    return {name: value for name, value in values.items() if value is not None}


def _hires(hires: Hires) -> dict[str, Any]:
    return {
        "hr_upscaler": hires.upscaler,
        "hr_second_pass_steps": hires.steps,
        "denoising_strength": hires.denoising_strength,
        "hr_scale": hires.scale,
        "hr_resize_x": hires.resize_x,
        "hr_resize_y": hires.resize_y,
        "hr_checkpoint_name": hires.other_checkpoint or SAME_CHECKPOINT,
        "hr_sampler_name": hires.sampler_name or SAME_SAMPLER,
        "hr_scheduler": hires.scheduler or SAME_SCHEDULE,
        "hr_prompt": hires.prompt,
        "hr_negative_prompt": hires.negative_prompt,
    }


def _init(init: Init) -> dict[str, Any]:
    values = {
        "denoising_strength": init.denoising_strength,
        "resize_mode": RESIZE_MODES[init.resize_mode],
        "image_cfg_scale": init.image_cfg_scale,
    }
    return values if init.mask is None else values | _mask(init.mask)


def _mask(mask: Mask) -> dict[str, Any]:
    soft = {} if mask.soft is None else asdict(mask.soft)
    return {
        "mask_blur": mask.blur_x,
        "inpainting_fill": FILL_MODES[mask.fill],
        "inpaint_full_res": form.INPAINT_AREAS[int(mask.only_masked)],
        "inpaint_full_res_padding": mask.padding,
        "inpainting_mask_invert": form.MASK_MODES[int(mask.invert)],
        "soft_enabled": mask.soft is not None,
        **{f"soft_{name}": value for name, value in soft.items()},
    }
