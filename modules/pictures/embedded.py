"""Textual inversions that lie in picture files, read back as JSON-like values.

A PNG carries one in a text chunk; any lossless picture may carry one in the low bits of the blocks
at its sides (A1111 numerics: textual inversion, formats). Knows how it is hidden, not what it
means.
"""

from __future__ import annotations

import base64
import binascii
import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, UnidentifiedImageError

TEXT_CHUNK = "sd-ti-embedding"
MAX_PIXELS = 64_000_000
_MAX_JSON = 256 << 20  # bytes; what a hostile file may make us hold


def read_embedded(path: Path) -> dict[str, Any] | None:
    """What the picture carries, None where it is an ordinary picture or can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                text = image.info.get(TEXT_CHUNK)
                data = _from_text(text) if isinstance(text, str) else _from_pixels(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError):
        return None  # SyntaxError: what PIL raises for a broken PNG
    return data


def _from_text(text: str) -> dict[str, Any] | None:
    try:
        return _object(base64.b64decode(text))
    except binascii.Error:
        return None


def _from_pixels(image: Image.Image) -> dict[str, Any] | None:
    """The blocks left of the first and right of the last black column hold the low and the high
    halves of the bytes.
    """
    image = image.convert("RGB")
    # A border's pixels have a channel that is 0.
    red, green, blue = image.split()
    box = ImageChops.darker(ImageChops.darker(red, green), blue).getbbox()
    if box is None:
        return None
    image = image.crop(box).point([value & 0x0F for value in range(256)] * 3)
    columns = range(image.width)
    first = next((x for x in columns if _is_black(image, x)), None)
    last = next((x for x in reversed(columns) if _is_black(image, x)), None)
    if first is None or last is None or first == last or first != image.width - 1 - last:
        return None  # both blocks are equally wide
    low = image.crop((0, 0, first, image.height)).tobytes()
    high = image.crop((last + 1, 0, image.width, image.height)).tobytes()
    noise = bytes(value & 0x0F for value, _ in zip(_stream(), low, strict=False))
    whole = bytes((h ^ n) << 4 | (n ^ b) for h, b, n in zip(high, low, noise, strict=True))
    try:
        return _object(zlib.decompressobj().decompress(whole, _MAX_JSON))
    except zlib.error:
        return None


def _is_black(image: Image.Image, column: int) -> bool:
    return image.crop((column, 0, column + 1, image.height)).getbbox() is None


def _stream() -> Iterator[int]:
    """The numbers that the halves are mixed with."""
    state = 0
    while True:
        state = (1664525 * state + 1013904223) % (1 << 32)
        yield state % 255


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
