"""The sizes and scores that SDXL's families are told beside the text.

Pure numbers; how a model turns them into a vector is not known here. Rules: A1111 numerics,
encoding and emphasis (SDXL vector).
"""

from __future__ import annotations

from modules.networks.spec import Spec
from modules.settings import Settings

Numbers = tuple[float, ...]


def size_numbers(
    spec: Spec, size: tuple[int, int], settings: Settings
) -> tuple[Numbers, Numbers] | None:
    """For the prompt and for the negative prompt; None where the family is told none.

    size: (width, height) in pixels as they were asked for, or as hires fix enlarges to before it
    cuts.
    """
    if spec.size_numbers == 0:
        return None
    xl, (width, height) = settings.sdxl, size
    numbers = (height, width, xl.sdxl_crop_top, xl.sdxl_crop_left)
    if spec.size_numbers == 6:
        whole = (*numbers, height, width)
        return whole, whole
    high, low = xl.sdxl_refiner_high_aesthetic_score, xl.sdxl_refiner_low_aesthetic_score
    return (*numbers, high), (*numbers, low)
