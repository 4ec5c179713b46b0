"""Drawings on the server: nothing lost, nothing changed that was not painted."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from modules.errors import EaselError, ImageError, RequestError
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
    layer = {"id": "a1", "blank": ink is None}
    known = {"width": size[0], "height": size[1], "image": ground is not None, "layers": [layer]}
    layers = {"a1": png(ink)} if ink else {}
    return store.save(ID, known | state, layers=layers, background=ground, max_pixels=LIMIT)


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
    token = store.save(ID, state, layers={}, background=None, max_pixels=LIMIT)
    assert token.endswith(".2")
    assert store.composite(token, max_pixels=LIMIT) == ground


def test_a_bad_save_leaves_the_stored_drawing_as_it_was(store: CanvasStore) -> None:
    ground = png(noise((16, 16)))
    token = save(store, None, ground)
    with pytest.raises(ImageError, match="32x32 layer on a 16x16 canvas"):
        save(store, Image.new("RGBA", (32, 32)), width=16, height=16)
    state = {"width": 16, "height": 16, "layers": [{"id": "a1"}]}
    for layers, complaint in (({"a1": b"nonsense"}, "damaged|no picture"), ({}, "was not sent")):
        with pytest.raises(EaselError, match=complaint):
            store.save(ID, state, layers=layers, background=None, max_pixels=LIMIT)
    assert store.composite(token, max_pixels=LIMIT) == ground


@pytest.mark.parametrize("canvas_id", ["../../etc", "a", "x" * 65, "a/b/c/d/e/f"])
def test_an_id_never_leads_out_of_the_folder(store: CanvasStore, canvas_id: str) -> None:
    with pytest.raises(RequestError, match="no canvas id"):
        store.state(canvas_id)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"width": 0, "height": 4},
        {"width": 4, "height": 4, "colour": "red;"},
        {"width": 4, "height": 4, "layers": [{"name": "no id"}]},
        {"width": 4, "height": 4, "layers": [{"id": "../x", "blank": True}]},
        {"width": 4, "height": 4, "layers": [{"id": "a", "blank": True, "opacity": 101}]},
        {"width": 4, "height": 4, "layers": 7},
    ],
)
def test_an_unusable_state_is_refused(store: CanvasStore, state: dict) -> None:
    with pytest.raises(RequestError):
        store.save(ID, state, layers={}, background=None, max_pixels=LIMIT)


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


def layered(store: CanvasStore, *rows: dict, **images: Image.Image) -> str:
    state = {"width": 16, "height": 16, "colour": "#0a0b0c", "layers": list(rows)}
    layers = {name: png(image) for name, image in images.items()}
    return store.save(ID, state, layers=layers, background=None, max_pixels=LIMIT)


def test_layers_lie_over_one_another_at_their_places_and_opacity(store: CanvasStore) -> None:
    red, blue = Image.new("RGBA", (8, 8), "red"), Image.new("RGBA", (4, 4), "blue")
    below = {"id": "a", "name": "sky", "x": 2, "y": 2}
    token = layered(store, below, {"id": "b", "x": 6, "y": 6, "opacity": 50}, a=red, b=blue)
    picture = pixels(store.composite(token, max_pixels=LIMIT))
    seen = [picture.getpixel(place) for place in ((0, 0), (2, 2), (6, 6), (9, 9))]
    assert seen == [(10, 11, 12, 255), (255, 0, 0, 255), (127, 0, 128, 255), (127, 0, 128, 255)]
    mask = Image.open(io.BytesIO(store.mask(token, max_pixels=LIMIT)))
    assert mask.getbbox() == (2, 2, 10, 10)


def test_a_hidden_layer_is_kept_but_not_in_the_picture(store: CanvasStore) -> None:
    red = Image.new("RGBA", (16, 16), "red")
    token = layered(store, {"id": "a", "hidden": True}, {"id": "b", "blank": True}, a=red)
    assert pixels(store.composite(token, max_pixels=LIMIT)).getpixel((3, 3)) == (10, 11, 12, 255)
    assert store.part(ID, "a") == png(red) and store.part(ID, "b") is None
    token = layered(store, {"id": "a", "hidden": False})
    assert pixels(store.composite(token, max_pixels=LIMIT)).getpixel((3, 3)) == (255, 0, 0, 255)


def test_a_save_leaves_no_file_that_its_state_does_not_name(
    store: CanvasStore, tmp_path: Path
) -> None:
    red = Image.new("RGBA", (16, 16), "red")
    layered(store, {"id": "a"}, {"id": "b"}, a=red, b=red)
    layered(store, {"id": "b"})
    names = sorted(path.name for path in (tmp_path / "canvas" / ID).iterdir())
    assert names == ["layer-b-1.png", "state.json"]


def test_a_drawing_from_before_there_were_layers_is_one_layer(
    store: CanvasStore, tmp_path: Path
) -> None:
    folder = tmp_path / "canvas" / ID
    folder.mkdir(parents=True)
    (folder / "ink.png").write_bytes(png(Image.new("RGBA", (4, 4), "red")))
    (folder / "state.json").write_text('{"width": 4, "height": 4, "revision": 3}')
    whole = pixels(store.composite(f"{ID}.3", max_pixels=LIMIT))
    assert whole.getpixel((1, 1)) == (255, 0, 0, 255)
    state = store.state(ID)
    assert state and [layer.name for layer in state.layers] == ["Layer 1"]
