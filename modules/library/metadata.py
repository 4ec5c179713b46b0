"""Headers of safetensors files, read with json and struct.

The format (safetensors' own description): 8 bytes little-endian length N, N bytes of JSON, then the
tensors' bytes. Only the header is read, so a file of many gigabytes costs a few kilobytes. Knows
nothing of what the tensors mean.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.errors import CheckpointError

MAX_HEADER = 100_000_000  # bytes; the format's own limit
FALLBACK_SIZE = (512, 512)  # width, height where a file says nothing
_RESOLUTION = re.compile(r"\s*(\d{2,5})\s*[xX]\s*(\d{2,5})\s*")
_REMEDY = "it is damaged or cut off; download it again"


def read_header(path: Path) -> dict[str, Any]:
    """The whole header: tensor name -> {dtype, shape, data_offsets}, and `__metadata__`.

    CheckpointError where the file is not a readable safetensors file.
    """
    try:
        with path.open("rb") as file:
            prefix = file.read(8)
            if len(prefix) < 8:
                raise CheckpointError(f"{path.name} has only {len(prefix)} bytes: {_REMEDY}")
            (length,) = struct.unpack("<Q", prefix)
            if not 2 <= length <= MAX_HEADER:
                raise CheckpointError(f"{path.name} is no safetensors file: {_REMEDY}")
            text = file.read(length)
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error
    if len(text) < length:
        raise CheckpointError(f"{path.name} ends inside its header: {_REMEDY}")
    return parsed_header(text, path.name)


def parsed_header(text: bytes, name: str) -> dict[str, Any]:
    """The header from its JSON. CheckpointError where it is none."""
    try:
        header = json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{name} has an unreadable header: {_REMEDY}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{name} has an unreadable header: {_REMEDY}")
    return header


def header_metadata(path: Path) -> dict[str, str]:
    """The header's `__metadata__` as text values; {} for files of other formats and for damaged
    ones.

    A list must not fail because one of its files is broken; loading that file will say what is
    wrong.
    """
    if path.suffix.lower() != ".safetensors":
        return {}
    try:
        metadata = read_header(path).get("__metadata__")
    except CheckpointError:
        return {}
    if not isinstance(metadata, Mapping):
        return {}
    return {str(key): value for key, value in metadata.items() if isinstance(value, str)}


def resolution(metadata: Mapping[str, str]) -> tuple[int, int]:
    """(width, height) in pixels by `modelspec.resolution` ("512x512"), else 512x512."""
    match = _RESOLUTION.fullmatch(metadata.get("modelspec.resolution", ""))
    if match is None:
        return FALLBACK_SIZE
    width, height = int(match.group(1)), int(match.group(2))
    return max(8, width // 8 * 8), max(8, height // 8 * 8)


_FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
_EDIT_INPUTS = 8  # a latent picture and the one that it starts from


def is_told_by_pictures(path: Path) -> bool:
    """Whether a checkpoint is of InstructPix2Pix's kind, by the width of its first layer. Where the
    file does not say that readably (a `.ckpt`), by its name.
    """
    try:
        if path.is_dir():
            unet = json.loads((path / "unet" / "config.json").read_text("utf-8"))
            return unet.get("in_channels") == _EDIT_INPUTS
        if path.suffix.lower() == ".safetensors":
            shape = read_header(path)[_FIRST_LAYER]["shape"]
            return bool(shape[1] == _EDIT_INPUTS)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, CheckpointError):
        return False
    return "pix2pix" in path.name.lower()


def default_size(path: Path) -> tuple[int, int]:
    """(width, height) that pictures of this checkpoint have where a request names none."""
    return resolution(header_metadata(path))
