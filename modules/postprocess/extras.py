"""What Extras does to one picture, and the account of it that the file carries.

Knows neither jobs nor files. Rules: A1111 interface, postprocessing scripts, Upscale.
"""

from __future__ import annotations

import math

from PIL import Image

from modules.errors import RequestError
from modules.generation.extras import NO_UPSCALER, Extras
from modules.postprocess.upscalers import upscale


def size_of(width: int, height: int, wish: Extras) -> tuple[int, int]:
    """About (width, height) in pixels that a picture of this size is enlarged to, before a cut."""
    factor = _factor(width, height, wish)
    return math.ceil(width * factor), math.ceil(height * factor)


def work_over(
    image: Image.Image, wish: Extras, *, max_pixels: int
) -> tuple[Image.Image, dict[str, str]]:
    """The result, RGB or RGBA as the picture was, and what was done as infotext fields.

    RequestError where the result would have more than `max_pixels`.
    """
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    image = image.convert("RGBA" if has_alpha else "RGB")
    if wish.upscaler_1 == NO_UPSCALER:
        return image, {}
    width, height = size_of(*image.size, wish)
    if width * height > max_pixels:
        raise RequestError(
            f"{image.width}x{image.height} would become {width}x{height}, more than {max_pixels} "
            "pixels (setting easel_max_pixels): ask for less",
            field="upscaling_resize",
        )
    result = _blended(image, wish)
    if wish.to_size:
        fields = {"Postprocess upscale to": f"{wish.width}x{wish.height}"}
        if wish.crop:
            result = _cut(result, wish.width, wish.height)
            fields["Postprocess crop to"] = f"{result.width}x{result.height}"
    else:
        fields = {"Postprocess upscale by": f"{_factor(*image.size, wish):.4g}"}
        if wish.longest_side:
            fields["Max side length"] = str(wish.longest_side)
    fields["Postprocess upscaler"] = wish.upscaler_1
    if _second(wish):
        fields["Postprocess upscaler 2"] = wish.upscaler_2
    return result, fields


def _factor(width: int, height: int, wish: Extras) -> float:
    if wish.to_size:
        return max(wish.width / width, wish.height / height)
    if wish.longest_side:
        return min(wish.factor, wish.longest_side / max(width, height))
    return wish.factor


def _second(wish: Extras) -> bool:
    return wish.upscaler_2 != NO_UPSCALER and wish.upscaler_2_visibility > 0


def _blended(image: Image.Image, wish: Extras) -> Image.Image:
    factor = _factor(*image.size, wish)
    result = upscale(image, wish.upscaler_1, factor)
    if not _second(wish):
        return result
    other = upscale(image, wish.upscaler_2, factor)
    return Image.blend(result, other, wish.upscaler_2_visibility)


def _cut(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of `image`. The original leaves a black edge where cutting down to multiples of 8
    made it smaller than asked; here it is stretched over that edge.
    """
    missing = max(width / image.width, height / image.height)
    if missing > 1:
        covering = (
            max(width, round(image.width * missing)),
            max(height, round(image.height * missing)),
        )
        image = image.resize(covering, Image.Resampling.LANCZOS)
    left, top = image.width // 2 - width // 2, image.height // 2 - height // 2
    return image.crop((left, top, left + width, top + height))
