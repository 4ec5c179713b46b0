"""Upscalers: each makes a picture larger by a factor. So far those that need no model.

Works on PIL images; knows no job, no file and no request. Names are rows of `generation.choices`;
a test holds both equal. Rules: A1111 numerics, resize, upscaler call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

_Upscaler = Callable[[Image.Image, float], Image.Image]
_GRAIN = 8  # results are multiples of so many pixels a side
_MOST_PASSES = 3


def _by_filter(resample: Image.Resampling) -> _Upscaler:
    def enlarge(image: Image.Image, factor: float) -> Image.Image:
        return image.resize((int(image.width * factor), int(image.height * factor)), resample)

    return enlarge


UPSCALERS: Mapping[str, _Upscaler] = MappingProxyType(
    {
        "Lanczos": _by_filter(Image.Resampling.LANCZOS),
        "Nearest": _by_filter(Image.Resampling.NEAREST),
    }
)


def upscale(image: Image.Image, name: str, factor: float) -> Image.Image:
    """`image` by `factor`, its sides cut down to multiples of 8 pixels (8 at least).

    The upscaler is applied while the picture is too small, three times at most, and Lanczos brings
    the result to its exact size; where the picture is large enough already it does that alone.
    """
    enlarge = UPSCALERS[name]
    width = max(_GRAIN, int(image.width * factor) // _GRAIN * _GRAIN)
    height = max(_GRAIN, int(image.height * factor) // _GRAIN * _GRAIN)
    for _ in range(_MOST_PASSES):
        if image.width >= width and image.height >= height:
            break
        before = image.size
        image = enlarge(image, factor)
        if image.size == before:
            break
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image
