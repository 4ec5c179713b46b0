"""Infotext fields for settings that change the picture and that A1111 keeps to itself.

Written under names of our own where they are not at their default, so that a pasted text makes the
same picture again; the names stand in the settings' table. Which of them a job can feel is decided
here, nothing else. List: A1111 numerics, where A1111 is inconsistent.
"""

from __future__ import annotations

from typing import Any

from modules.engine.plan import Plan
from modules.settings import OPTIONS, Settings

_ALL_PICTURES = (
    "comma_padding_backtrack",
    "upcast_attn",
    "use_old_emphasis_implementation",
)
_SDXL = (
    "sdxl_clip_l_skip",
    "sdxl_crop_left",
    "sdxl_crop_top",
    "sdxl_refiner_high_aesthetic_score",
    "sdxl_refiner_low_aesthetic_score",
)
_SIGMA_SAMPLERS = ("enable_quantization", "use_old_karras_scheduler_sigmas")
_UNI_PC = ("uni_pc_variant", "uni_pc_skip_type", "uni_pc_order", "uni_pc_lower_order_final")
_BROWNIAN = ("no_dpmpp_sde_batch_determinism",)
_IMG2IMG = ("img2img_color_correction", "img2img_fix_steps")
_HIRES = ("hires_fix_use_firstpass_conds",)
_SECOND_ORDER = ("dont_fix_second_order_samplers_schedule",)
RECORDED = (
    *_ALL_PICTURES,
    *_SDXL,
    *_SIGMA_SAMPLERS,
    *_UNI_PC,
    *_BROWNIAN,
    *_IMG2IMG,
    *_HIRES,
    *_SECOND_ORDER,
)


def recorded_fields(settings: Settings, plan: Plan) -> dict[str, Any]:
    """Field names and values, in the settings' order; none for a setting that nothing reads."""
    entries = [each.walk.entry for each in plan.passes]
    felt = [*_ALL_PICTURES]
    if any(family.startswith("sdxl") for family in plan.families):
        felt += _SDXL
    if any(entry.kind != "timestep" for entry in entries):
        felt += _SIGMA_SAMPLERS
    if any(each.walk.sampler == "UniPC" for each in plan.passes):
        felt += _UNI_PC
    if any(entry.noise == "brownian" for entry in entries):
        felt += _BROWNIAN
    if plan.init is not None:
        felt += _IMG2IMG
    if plan.hires is not None:
        felt += _HIRES
    if any(entry.second_order for entry in entries):
        felt += _SECOND_ORDER
    fields = {}
    for key in felt:
        row, value = OPTIONS[key], settings.get(key)
        if row.built and value != row.default:
            fields[row.infotext] = value
    return fields
