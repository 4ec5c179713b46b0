"""Drawings on the server: nothing lost, nothing changed that was not painted."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from modules.errors import ImageError, RequestError
from modules.library.canvas import CanvasStore

ID = "img2img_sketch-0123"
LIMIT = 1 << 24


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, random.Random(7).randbytes(size[0] * size[1] * bands))


def pixels(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGBA")


@pytest.fixture
def store(tmp_path: Path) -> CanvasStore:
    return CanvasStore(tmp_path / "canvas")


def save(store: CanvasStore, ink: Image.Image | None, ground: bytes | None = None, **state) -> str:
    size = ink.size if ink else (16, 16)
    known = {"width": size[0], "height": size[1], "image": ground is not None, **state}
    layer = png(ink) if ink else None
    return store.save(ID, known, ink=layer, background=ground, max_pixels=LIMIT)


def test_an_untouched_picture_comes_back_byte_for_byte(store: CanvasStore) -> None:
    ground = png(noise((16, 16)))
    token = save(store, None, ground)
    assert store.composite(token, max_pixels=LIMIT) == ground


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_where_nothing_was_painted_no_pixel_changes(store: CanvasStore, mode: str) -> None:
    ground = noise((16, 16), mode)
    ink = Image.new("RGBA", (16, 16))
    ink.paste((250, 10, 20, 255), (4, 4, 8, 8))
    result = pixels(store.composite(save(store, ink, png(ground)), max_pixels=LIMIT))
    expected = ground.convert("RGBA")
    expected.paste((250, 10, 20, 255), (4, 4, 8, 8))
    assert result.tobytes() == expected.tobytes()


def test_ink_on_a_colour_keeps_the_colour_exact(store: CanvasStore) -> None:
    ink = Image.new("RGBA", (16, 16))
    ink.putpixel((3, 3), (1, 2, 3, 255))
    result = pixels(store.composite(save(store, ink, colour="#0a0b0c"), max_pixels=LIMIT))
    assert result.getpixel((0, 0)) == (10, 11, 12, 255)
    assert result.getpixel((3, 3)) == (1, 2, 3, 255)


def test_a_later_save_without_the_ground_keeps_the_ground(store: CanvasStore) -> None:
    ground = png(noise((16, 16)))
    save(store, None, ground)
    state = {"width": 16, "height": 16, "image": True}
    token = store.save(ID, state, ink=None, background=None, max_pixels=LIMIT)
    assert token.endswith(".2")
    assert store.composite(token, max_pixels=LIMIT) == ground


def test_a_bad_save_leaves_the_stored_drawing_as_it_was(store: CanvasStore) -> None:
    ground = png(noise((16, 16)))
    token = save(store, None, ground)
    with pytest.raises(ImageError, match="8x8 layer on a 16x16 canvas"):
        save(store, Image.new("RGBA", (8, 8)), width=16, height=16)
    with pytest.raises(ImageError, match="damaged|no picture"):
        store.save(
            ID, {"width": 16, "height": 16}, ink=b"nonsense", background=None, max_pixels=LIMIT
        )
    assert store.composite(token, max_pixels=LIMIT) == ground


@pytest.mark.parametrize("canvas_id", ["../../etc", "a", "x" * 65, "a/b/c/d/e/f"])
def test_an_id_never_leads_out_of_the_folder(store: CanvasStore, canvas_id: str) -> None:
    with pytest.raises(RequestError, match="no canvas id"):
        store.state(canvas_id)


@pytest.mark.parametrize(
    "state", [{}, {"width": 0, "height": 4}, {"width": 4, "height": 4, "colour": "red;"}]
)
def test_an_unusable_state_is_refused(store: CanvasStore, state: dict) -> None:
    with pytest.raises(RequestError):
        store.save(ID, state, ink=None, background=None, max_pixels=LIMIT)


def test_an_unknown_token_says_what_to_do(store: CanvasStore) -> None:
    with pytest.raises(RequestError, match="draw or load it again"):
        store.composite("nothing-here.1", max_pixels=LIMIT)


def test_old_drawings_are_swept_and_new_ones_stay(store: CanvasStore) -> None:
    save(store, Image.new("RGBA", (4, 4)), width=4, height=4)
    assert store.sweep(older_than=3600) == 0
    assert store.sweep(older_than=-1) == 1
    assert store.state(ID) is None


def test_under_a_mask_the_picture_is_byte_for_byte_the_one_that_was_loaded(
    store: CanvasStore,
) -> None:
    ground = png(noise((16, 16)))
    ink = Image.new("RGBA", (16, 16))
    ink.paste((255, 255, 255, 255), (4, 4, 8, 8))
    token = save(store, ink, ground)
    assert store.ground(token, max_pixels=LIMIT) == ground
    mask = Image.open(io.BytesIO(store.mask(token, max_pixels=LIMIT)))
    assert mask.mode == "L" and mask.getbbox() == (4, 4, 8, 8)


def test_without_ink_the_mask_is_black_and_without_a_picture_the_ground_is_its_colour(
    store: CanvasStore,
) -> None:
    token = save(store, None, colour="#102030")
    mask = Image.open(io.BytesIO(store.mask(token, max_pixels=LIMIT)))
    assert mask.size == (16, 16) and mask.getbbox() is None
    ground = pixels(store.ground(token, max_pixels=LIMIT))
    assert ground.getpixel((3, 3)) == (16, 32, 48, 255)


def test_paint_over_a_picture_comes_with_its_mask(store: CanvasStore) -> None:
    ink = Image.new("RGBA", (16, 16))
    ink.paste((250, 10, 20, 255), (4, 4, 8, 8))
    ground = noise((16, 16))
    token = save(store, ink, png(ground))
    picture, mask = store.painted(token, blur=0, transparency=0, max_pixels=LIMIT)
    expected = ground.copy()
    expected.paste((250, 10, 20), (4, 4, 8, 8))
    assert pixels(picture).convert("RGB").tobytes() == expected.tobytes()
    assert Image.open(io.BytesIO(mask)).getbbox() == (4, 4, 8, 8)
