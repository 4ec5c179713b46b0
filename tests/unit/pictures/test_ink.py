"""Paint over a picture: as a mask, and softly with its own; nothing changes elsewhere."""

import random

import pytest
from PIL import Image

from modules.errors import ImageError
from modules.pictures.ink import composite_ink, ink_mask, paint_over

SIZE = (64, 32)
GROUND = Image.frombytes("RGB", SIZE, random.Random(7).randbytes(SIZE[0] * SIZE[1] * 3))


def ink(alpha: int = 255) -> Image.Image:
    """A red square of that alpha in the left half."""
    made = Image.new("RGBA", SIZE)
    made.paste((255, 0, 0, alpha), (8, 8, 24, 24))
    return made


def test_the_mask_is_as_thick_as_the_ink():
    mask = ink_mask(ink(90))
    assert mask.mode == "L"
    assert (mask.getpixel((10, 10)), mask.getpixel((40, 10))) == (90, 0)


def test_paint_and_mask_cover_what_was_painted_and_the_rest_is_untouched():
    over, mask = paint_over(GROUND, ink(), blur=0, transparency=0)
    expected = GROUND.copy()
    expected.paste((255, 0, 0), (8, 8, 24, 24))
    assert over.tobytes() == expected.tobytes()
    assert mask.getbbox() == (8, 8, 24, 24) and mask.getextrema() == (0, 255)


def test_the_faintest_paint_is_wholly_masked():
    assert paint_over(GROUND, ink(1), blur=0, transparency=0)[1].getpixel((10, 10)) == 255


def test_blur_softens_the_edge_and_stays_near_it():
    over, mask = paint_over(GROUND, ink(), blur=2, transparency=0)
    far = (36, 0, 64, 32)
    assert over.crop(far).tobytes() == GROUND.crop(far).tobytes()
    assert over.crop((22, 10, 26, 20)).tobytes() != GROUND.crop((22, 10, 26, 20)).tobytes()
    assert mask.getextrema() == (0, 255)  # the engine blurs it itself


@pytest.mark.parametrize(("transparency", "strength"), [(0, 255), (40, 153), (100, 0)])
def test_transparency_weakens_mask_and_paint(transparency: int, strength: int):
    over, mask = paint_over(GROUND, ink(), blur=0, transparency=transparency)
    assert mask.getpixel((10, 10)) == strength
    if not strength:
        assert over.tobytes() == GROUND.tobytes()


def test_a_see_through_picture_is_painted_over_too():
    over, _ = paint_over(GROUND.convert("RGBA"), ink(), blur=0, transparency=0)
    assert over.mode == "RGB" and over.getpixel((10, 10)) == (255, 0, 0)


def test_ink_of_another_size_is_refused() -> None:
    with pytest.raises(ImageError, match="2x2"):
        composite_ink(Image.new("RGB", (4, 4)), Image.new("RGBA", (2, 2)))
