"""From infotext that was read back to a wish: fields of A1111's API, values of settings, styles.

What can't be used is left out, never an error: the text may be anybody's. Which text it was is not
known here. Rules: A1111 numerics, infotext; A1111 interface, styles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modules.errors import RequestError, SettingsError
from modules.generation import soft_inpainting
from modules.generation.choices import FILL_MODES, resolve_sampler
from modules.generation.infotext_fields import (
    SAME_CHECKPOINT,
    SAME_SAMPLER,
    SAME_SCHEDULE,
    Infotext,
)
from modules.generation.styles import Style, extract_styles
from modules.settings import TABLE
from modules.settings.table import option_of_infotext

# In the Version of our own texts, which tell of every setting that is not at its default.
OWN_VERSION = "-easel-"
# Not by their default: what these are when a text does not name them depends on the place.
_PLACES = ("sd_model_checkpoint", "sd_vae", "face_restoration_model")


def _whole(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(text: str | None) -> str | None:
    return text


# Field of infotext -> field of A1111's API.
_PLAIN: tuple[tuple[str, str, Callable[[str | None], Any]], ...] = (
    ("Steps", "steps", _whole),
    ("CFG scale", "cfg_scale", _number),
    ("Image CFG scale", "image_cfg_scale", _number),
    ("Seed", "seed", _whole),
    ("Size-1", "width", _whole),
    ("Size-2", "height", _whole),
    ("Variation seed", "subseed", _whole),
    ("Variation seed strength", "subseed_strength", _number),
    ("Seed resize from-1", "seed_resize_from_w", _whole),
    ("Seed resize from-2", "seed_resize_from_h", _whole),
    ("Denoising strength", "denoising_strength", _number),
    ("Refiner", "refiner_checkpoint", _text),
    ("Refiner switch at", "refiner_switch_at", _number),
    ("Mask blur", "mask_blur", _whole),
    ("Masked area padding", "inpaint_full_res_padding", _whole),
)
_HIRES: tuple[tuple[str, str, Callable[[str | None], Any]], ...] = (
    ("Hires upscale", "hr_scale", _number),
    ("Hires upscaler", "hr_upscaler", _text),
    ("Hires steps", "hr_second_pass_steps", _whole),
    ("Hires resize-1", "hr_resize_x", _whole),
    ("Hires resize-2", "hr_resize_y", _whole),
    ("Hires prompt", "hr_prompt", _text),
    ("Hires negative prompt", "hr_negative_prompt", _text),
)


_HIRES_PROMPTS = ("Hires prompt", "Hires negative prompt")


def to_api_fields(parsed: Infotext, *, paste: bool = False) -> dict[str, Any]:
    """A1111's API fields (A1111 interface: txt2img, img2img) for what was read.

    What can't be read is left out: an unknown sampler leaves the reader its own.
    `override_settings` has every setting that the text names or implies. With `paste`, a schedule
    that is the sampler's automatic one is "Automatic".
    """
    if not parsed.fields:
        return {"prompt": parsed.prompt, "negative_prompt": parsed.negative_prompt}
    fields = parsed.fields
    found: dict[str, Any] = {"prompt": parsed.prompt, "negative_prompt": parsed.negative_prompt}
    found |= _converted(fields, _PLAIN)
    found |= _sampler(fields.get("Sampler"), fields.get("Schedule type"), paste=paste)
    if _has_hires(fields):
        found |= {"enable_hr": True} | _converted(fields, _HIRES) | _hires_names(fields)
    if fields["Masked content"] in FILL_MODES:
        found["inpainting_fill"] = FILL_MODES.index(fields["Masked content"])
    found["inpainting_mask_invert"] = int(fields["Mask mode"] == "Inpaint not masked")
    found["inpaint_full_res"] = fields["Inpaint area"] == "Only masked"
    soft = soft_inpainting.from_fields(fields)
    if soft is not None:
        found["alwayson_scripts"] = {soft_inpainting.TITLE: {"args": soft.to_args()}}
    if parsed.styles is not None:
        found["styles"] = list(parsed.styles)
    found["override_settings"] = to_settings(fields)
    return found


def _converted(
    fields: Mapping[str, str], rows: tuple[tuple[str, str, Callable[[str | None], Any]], ...]
) -> dict[str, Any]:
    values = {name: convert(fields.get(label)) for label, name, convert in rows}
    return {name: value for name, value in values.items() if value is not None}


def _sampler(sampler: str | None, schedule: str | None, *, paste: bool) -> dict[str, Any]:
    if not sampler:
        return {}
    try:
        label, schedule = resolve_sampler(sampler, schedule, paste=paste)
    except RequestError:
        return {}
    return {"sampler_name": label, "scheduler": schedule}


def _has_hires(fields: Mapping[str, str]) -> bool:
    if "Denoising strength" not in fields:
        return False
    resized = fields["Hires resize-1"] != "0" or fields["Hires resize-2"] != "0"
    return resized or "Hires upscale" in fields or "Hires upscaler" in fields


def _hires_names(fields: Mapping[str, str]) -> dict[str, Any]:
    """Sampler, schedule and checkpoint of the second pass, where they are others than the
    first's.
    """
    names = (
        ("Hires sampler", "hr_sampler_name", SAME_SAMPLER),
        ("Hires schedule type", "hr_scheduler", SAME_SCHEDULE),
        ("Hires checkpoint", "hr_checkpoint_name", SAME_CHECKPOINT),
    )
    return {name: fields[label] for label, name, same in names if fields[label] != same}


def to_settings(fields: Mapping[str, str]) -> dict[str, Any]:
    """Values of the settings that infotext names, by key; those that can't be used are left out.

    Our own texts also name the settings that they are silent about: these were at their default.
    """
    values: dict[str, Any] = {}
    if OWN_VERSION in fields.get("Version", ""):
        values = {
            row.key: row.default
            for row in TABLE
            if row.infotext and row.built and row.key not in _PLACES
        }
    for name, text in fields.items():
        row = option_of_infotext(name)
        if row is None or row.key in ("sd_model_checkpoint", "face_restoration"):
            continue
        try:
            values[row.key] = row.coerce(text)
        except SettingsError:
            continue
    if fields.get("Face restoration"):
        values |= {"face_restoration": True, "face_restoration_model": fields["Face restoration"]}
    name, digest = fields.get("Model"), fields.get("Model hash")
    if name or digest:
        values["sd_model_checkpoint"] = f"{name} [{digest}]" if name and digest else name or digest
    return values


def take_styles(parsed: Infotext, styles: Sequence[Style], mode: str) -> Infotext:
    """The text with the styles in its prompts set apart, as setting `infotext_styles` says.

    "Ignore" looks for none, "Discard" drops them. "Apply" also tells that there are none, which
    clears the field; "Apply if any" then leaves it alone. Prompts of hires fix that do not hold the
    same styles keep the texts as they are, for a style works on both passes.
    """
    if mode == "Ignore":
        return parsed
    names, prompt, negative = extract_styles(parsed.prompt, parsed.negative_prompt, styles)
    fields = dict(parsed.fields)
    hires = tuple(fields.get(label, "") for label in _HIRES_PROMPTS)
    if names and any(hires):
        # An empty prompt of the second pass is the first pass's.
        second = (hires[0] or parsed.prompt, hires[1] or parsed.negative_prompt)
        same, *plain = extract_styles(*second, styles)
        left = {label: text for label, text in zip(_HIRES_PROMPTS, plain, strict=True)}
        left = {label: text for label, text in left.items() if fields.get(label)}
        if same != names or not all(left.values()):
            return parsed
        fields |= left
    found = None if mode == "Discard" or (mode == "Apply if any" and not names) else tuple(names)
    return replace(parsed, prompt=prompt, negative_prompt=negative, fields=fields, styles=found)
