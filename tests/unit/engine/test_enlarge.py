"""Pictures made larger between the passes of hires fix."""

import numpy as np
import pytest
from PIL import Image

from modules.engine.enlarge import enlarge_picture
from modules.engine.hires_sizes import Enlarging

LANCZOS, NEAREST = Image.Resampling.LANCZOS, Image.Resampling.NEAREST


def noisy(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def enlarged(image: Image.Image, upscaler: str, width: int, height: int) -> Image.Image:
    return enlarge_picture(
        image, Enlarging(upscaler=upscaler, width=width, height=height, cut=(0, 0))
    )


@pytest.mark.parametrize(("upscaler", "resample"), [("Lanczos", LANCZOS), ("Nearest", NEAREST)])
def test_an_upscaler_gives_multiples_of_eight_and_lanczos_the_rest(
    upscaler: str, resample: Image.Resampling
) -> None:
    image = noisy(64, 64)
    wanted = image.resize((83, 83), resample).resize((80, 80), LANCZOS).resize((83, 83), LANCZOS)
    assert enlarged(image, upscaler, 83, 83) == wanted


@pytest.mark.parametrize("upscaler", ["None", "Nearest"])
def test_what_is_not_enlarged_is_resized_by_lanczos(upscaler: str) -> None:
    image = noisy(64, 64)
    assert enlarged(image, upscaler, 51, 51) == image.resize((51, 51), LANCZOS)


def test_without_an_upscaler_lanczos_enlarges_in_one_go() -> None:
    image = noisy(64, 48)
    assert enlarged(image, "None", 83, 62) == image.resize((83, 62), LANCZOS)
