"""Infotext: the lines of parameters that every picture carries. Written, read, and made a request
again.

Field names are A1111's; their order and quoting too, so that either program reads the other's
pictures. It knows no picture file. Rules: A1111 numerics, infotext.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.errors import RequestError, SettingsError
from modules.generation.choices import FILL_MODES, resolve_sampler
from modules.generation.prompt import parse_attention
from modules.settings.table import option_of_infotext

# Fields that stand before all others, in this order.
FIRST = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
)
LAST = ("Version", "User")
NEGATIVE = "Negative prompt:"
SAME_SAMPLER = "Use same sampler"
SAME_SCHEDULE = "Use same scheduler"
SAME_CHECKPOINT = "Use same checkpoint"
# What a picture that does not say otherwise was made with.
DEFAULTS = {
    "Clip skip": "1",
    "Hires resize-1": "0",
    "Hires resize-2": "0",
    "Hires sampler": SAME_SAMPLER,
    "Hires schedule type": SAME_SCHEDULE,
    "Hires checkpoint": SAME_CHECKPOINT,
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": "32",
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": "0",
    "Schedule min sigma": "0",
    "Schedule rho": "0",
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": "False",
}
# Samplers whose automatic schedule was Uniform before version 1.9.
_ONCE_UNIFORM = {
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 3M SDE",
    "DPM++ 2S a",
    "DPM2",
    "DPM2 a",
}
# No name is longer: without an end, a long line of plain words would take its length squared.
_FIELD = re.compile(r'(\w[\w \-/]{1,99}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"(\d+)x(\d+)")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class Infotext:
    """A text that was read. `fields` hold the values as text, with defaults; a size is two fields,
    "Size-1" and "Size-2". Where the text had no line of parameters they are empty.
    """

    prompt: str = ""
    negative_prompt: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def as_parameters(self) -> dict[str, str]:
        """As A1111's API gives them: the prompts are fields too."""
        prompts = {"Prompt": self.prompt, "Negative prompt": self.negative_prompt}
        return prompts | dict(self.fields)


def quoted(value: Any) -> str:
    """The value as text; in quotes where it would not be read back."""
    text = str(value)
    # The original quotes for the first three signs only; it reads the others' quotes all the same.
    if any(sign in text for sign in ",\n:") or text.startswith('"') or text != text.strip():
        return json.dumps(text, ensure_ascii=False)
    return text


def write(prompt: str, negative_prompt: str, fields: Mapping[str, Any]) -> str:
    """Infotext of one picture. Fields that A1111 orders are put in order, the others keep theirs.

    A field that is None is left out.
    """
    names = [name for name in FIRST if name in fields]
    names += [name for name in fields if name not in FIRST and name not in LAST]
    names += [name for name in LAST if name in fields]
    parameters = ", ".join(
        name if name == str(fields[name]) else f"{name}: {quoted(fields[name])}"
        for name in names
        if fields[name] is not None
    )
    negative = f"\n{NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{parameters}".strip()


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def parse(text: str, *, old_behaviour: bool = True) -> Infotext:
    """Read what `write` or A1111 wrote; any text at all gives a result.

    The last line counts as parameters if it holds three fields or more. `old_behaviour`: turn on
    what the picture's version did otherwise (setting `auto_backcompat`).
    """
    *lines, last = text.strip().split("\n")
    pairs = _FIELD.findall(last)
    if len(pairs) < 3:
        lines, pairs = [*lines, last], []
    prompt, negative_prompt = _split_prompts(lines)
    if not pairs:
        return Infotext(prompt, negative_prompt)
    fields: dict[str, str] = {}
    for name, raw in pairs:
        value = _unquoted(raw.strip())
        size = _SIZE.fullmatch(value)
        if size:
            fields |= {f"{name}-1": size[1], f"{name}-2": size[2]}
        else:
            fields[name] = value
    prompt = _modernise(fields, prompt)
    if old_behaviour:
        _turn_on_old_behaviour(fields, prompt, negative_prompt)
    _add_defaults(fields, prompt, negative_prompt)
    return Infotext(prompt, negative_prompt, fields)


def _split_prompts(lines: list[str]) -> tuple[str, str]:
    lines = [line.strip() for line in lines]
    for number, line in enumerate(lines):
        if line.startswith(NEGATIVE):
            negative = [line.removeprefix(NEGATIVE).strip(), *lines[number + 1 :]]
            return "\n".join(lines[:number]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _modernise(fields: dict[str, str], prompt: str) -> str:
    """Fields of very old pictures as those of today; the prompt, with what was a field once."""
    hypernet = fields.pop("Hypernet", None)
    if hypernet is not None:
        prompt += f"<hypernet:{hypernet}:{fields.pop('Hypernet strength', '1.0')}>"
    first = fields.pop("First pass size-1", None), fields.pop("First pass size-2", None)
    size = _whole(fields.get("Size-1")), _whole(fields.get("Size-2"))
    if None not in first and size[0] and size[1]:
        width, height = int(first[0] or 0), int(first[1] or 0)
        if not (width and height):
            width, height = old_first_pass_size(size[0], size[1])
        fields |= {"Hires resize-1": str(size[0]), "Hires resize-2": str(size[1])}
        fields |= {"Size-1": str(width), "Size-2": str(height)}
    return prompt


def old_first_pass_size(width: int, height: int) -> tuple[int, int]:
    """Of a hires picture made when only its final size was set: 512 x 512 pixels' worth, in 64s."""
    scale = math.sqrt(512 * 512 / (width * height))
    return math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64


def _version(fields: Mapping[str, str]) -> tuple[int, ...] | None:
    numbers = _VERSION.match(fields.get("Version", ""))
    return tuple(int(number or 0) for number in numbers.groups()) if numbers else None


def _turn_on_old_behaviour(fields: dict[str, str], prompt: str, negative_prompt: str) -> None:
    version = _version(fields)
    if version is None:
        return
    sampler = fields.get("Sampler", "")
    if version < (1, 6, 0, 0):
        if "[" in prompt or "[" in negative_prompt:
            fields.setdefault("Old prompt editing timelines", "True")
        if sampler in ("DDIM", "PLMS"):
            fields.setdefault("Pad conds v0", "True")
    if version < (1, 7, 0, 225):
        fields.setdefault("Downcast alphas_cumprod", "True")
    if version < (1, 8, 0, 0) and "Refiner" in fields:
        fields.setdefault("Refiner switch by sampling steps", "True")
    if version < (1, 9, 0, 0) and sampler in _ONCE_UNIFORM:
        fields.setdefault("Schedule type", "Uniform")


def _add_defaults(fields: dict[str, str], prompt: str, negative_prompt: str) -> None:
    for name, value in DEFAULTS.items():
        fields.setdefault(name, value)
    if "Emphasis" not in fields:
        segments = parse_attention(prompt) + parse_attention(negative_prompt)
        if any(segment.weight != 1 for segment in segments):
            fields["Emphasis"] = "Original"


# ---- back to a request


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
    """Values of the settings that infotext names, by key; those that can't be used are left out."""
    values: dict[str, Any] = {}
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
