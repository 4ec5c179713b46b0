"""Which Stable Diffusion a checkpoint is, and a network was made for, in A1111's three words.

Told from headers and names alone; "" where that is not known. Knows no folder and no setting.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from modules.errors import EaselError
from modules.library.metadata import read_header

VERSIONS = ("SD1", "SD2", "SDXL")
# By the beginning of a text encoder's names in a checkpoint.
_ENCODERS = (
    ("conditioner.embedders.", "SDXL"),
    ("cond_stage_model.model.", "SD2"),
    ("cond_stage_model.transformer.", "SD1"),
)
# In what trainers write down: "sd_v1", "sdxl_base_v1-0", "stable-diffusion-v2-768-v/lora".
_WORDS = (
    ("SDXL", re.compile(r"xl|pony|illustrious|noob")),
    ("SD2", re.compile(r"(sd|diffusion)[-_ ]?v?2")),
    ("SD1", re.compile(r"(sd|diffusion)[-_ ]?v?1")),
)


def version_named(words: str) -> str:
    """The version that a trainer's or an owner's words mean."""
    low = words.lower()
    return next((version for version, pattern in _WORDS if pattern.search(low)), "")


def version_of_checkpoint(path: Path) -> str:
    """By a safetensors header, or a diffusers folder's index."""
    try:
        return _version(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, EaselError):
        return ""


@lru_cache(maxsize=64)
def _version(path: Path, changed: int) -> str:
    if path.is_dir():
        index = json.loads((path / "model_index.json").read_text("utf-8"))
        is_large = isinstance(index, dict) and "XL" in str(index.get("_class_name"))
        return "SDXL" if is_large else ""
    if path.suffix.lower() != ".safetensors":
        return ""
    names = list(read_header(path))
    return next(
        (version for start, version in _ENCODERS if any(name.startswith(start) for name in names)),
        "",
    )
