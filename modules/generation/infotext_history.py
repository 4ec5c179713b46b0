"""What older versions wrote otherwise, and what they did otherwise: their fields made today's.

Works on the fields of one text, which it changes in place; knows no line and no setting's value.
Rules: A1111 numerics, infotext (back-compat by Version) and where A1111 is inconsistent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from modules.generation.choices import AUTOMATIC, split_combined
from modules.generation.infotext_fields import DEFAULTS
from modules.generation.prompt import parse_attention

# Samplers whose automatic schedule was Uniform before version 1.9.
ONCE_UNIFORM = {
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 3M SDE",
    "DPM++ 2S a",
    "DPM2",
    "DPM2 a",
}
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+))?")


def modernise(fields: dict[str, str], prompt: str) -> str:
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


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def old_first_pass_size(width: int, height: int) -> tuple[int, int]:
    """Of a hires picture made when only its final size was set: 512 x 512 pixels' worth, in 64s."""
    scale = math.sqrt(512 * 512 / (width * height))
    return math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64


def version_of(fields: Mapping[str, str]) -> tuple[int, ...] | None:
    """A1111's version as (1, 6, 0, commits after it); None where it is absent or not A1111's."""
    numbers = _VERSION.match(fields.get("Version", ""))
    return tuple(int(number or 0) for number in numbers.groups()) if numbers else None


def turn_on_old_behaviour(fields: dict[str, str], prompt: str, negative_prompt: str) -> None:
    """Fields for what the picture's version did otherwise than today's."""
    version = version_of(fields)
    if version is None or version < (1, 9, 0, 0):
        _name_the_schedules(fields)
    if version is None:
        return
    if version < (1, 6, 0, 0):
        if "[" in prompt or "[" in negative_prompt:
            fields.setdefault("Old prompt editing timelines", "True")
        if fields.get("Sampler") in ("DDIM", "PLMS"):
            fields.setdefault("Pad conds v0", "True")
    if version < (1, 7, 0, 225):
        fields.setdefault("Downcast alphas_cumprod", "True")
    if version < (1, 8, 0, 0) and "Refiner" in fields:
        fields.setdefault("Refiner switch by sampling steps", "True")


def _name_the_schedules(fields: dict[str, str]) -> None:
    """Before 1.9 a schedule stood in the sampler's name or was the sampler's own, which was
    Uniform; since then it is always told. A text without a version is old where it tells none.
    """
    if "Schedule type" in fields:
        return
    sampler, hires = fields.get("Sampler"), fields.get("Hires sampler")
    if sampler in ONCE_UNIFORM:
        fields["Schedule type"] = "Uniform"
    if hires and hires != DEFAULTS["Hires sampler"] and split_combined(hires)[1] is None:
        # The first pass's schedule does not carry over: it was a part of the first's name.
        own = "Uniform" if hires in ONCE_UNIFORM else AUTOMATIC
        fields.setdefault("Hires schedule type", own)


def add_defaults(fields: dict[str, str], prompt: str, negative_prompt: str) -> None:
    """What a text does not say is as A1111 had it when it did not yet say it."""
    for name, value in DEFAULTS.items():
        fields.setdefault(name, value)
    if "Emphasis" not in fields:
        segments = parse_attention(prompt) + parse_attention(negative_prompt)
        if any(segment.weight != 1 for segment in segments):
            fields["Emphasis"] = "Original"
