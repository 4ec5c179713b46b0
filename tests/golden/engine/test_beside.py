"""What settings want beside a picture shows what it says it does, and changes no picture."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from modules.engine.engine import Output
from modules.generation.request import Hires, Init, Mask, Request
from modules.settings import Settings
from tests.golden.engine.conftest import Make

ALL = Settings.from_record(
    {
        "save_images_before_highres_fix": True,
        "save_images_before_color_correction": True,
        "save_mask": True,
        "save_mask_composite": True,
        "save_init_img": True,
        "img2img_color_correction": True,
    }
)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def beside(output: Output) -> dict[str, Image.Image]:
    return {each.name: opened(each.data) for each in output.beside}


def same(one: Image.Image, other: Image.Image) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_picture_before_hires_fix_is_the_one_without_it(make: Make) -> None:
    request = Request(prompt="a pear", seed=5, subseed=0, steps=2, width=64, height=64, n_iter=2)
    plain = make(request)
    hires = Hires(scale=1.5, upscaler="Latent", denoising_strength=0.5)
    larger = replace(request, hires=hires)
    outputs = make(larger, settings=ALL)
    for before, after in zip(plain, outputs, strict=True):
        kept = beside(after)
        assert list(kept) == ["-before-highres-fix"] and opened(after.data).size == (96, 96)
        assert same(kept["-before-highres-fix"], opened(before.data))
    assert not any(output.beside for output in make(larger))


def test_inpainting_keeps_its_mask_what_was_under_it_and_its_start(make: Make) -> None:
    start = Image.effect_noise((96, 64), 90).convert("RGB")
    mask = Image.new("L", start.size)
    ImageDraw.Draw(mask).rectangle((8, 8, 40, 40), fill=255)
    pictures = {"a" * 64: png(start), "b" * 64: png(mask)}
    init = Init(
        images=("a" * 64,), denoising_strength=0.5, mask=Mask(image="b" * 64, only_masked=True)
    )
    request = Request(
        prompt="a pear", seed=5, subseed=0, steps=2, width=64, height=64, init=init, n_iter=2
    )
    outputs = make(request, pictures=pictures, settings=ALL)
    total = hashlib.md5(start.tobytes()).hexdigest()
    assert f"Init image hash: {total}" in outputs[0].picture.infotext
    names = ["-before-color-correction", "-mask", "-mask-composite"]
    assert [list(beside(output)) for output in outputs] == [[total, *names], names]
    kept, made = beside(outputs[0]), np.asarray(opened(outputs[0].data)).astype(int)
    assert outputs[0].beside[0].is_start and outputs[0].beside[0].data == pictures["a" * 64]
    seen = np.asarray(kept["-mask"])
    assert seen.shape == made.shape[:2] and seen[24, 24] == 255 and seen[24, 90] == 0
    under = np.asarray(kept["-mask-composite"])
    assert np.array_equal(under[..., 3], seen)
    assert np.array_equal(under[seen == 255][:, :3], made[seen == 255])
    bare = Settings.from_record({"img2img_color_correction": False})
    uncorrected = make(request, pictures=pictures, settings=bare)[0]
    assert same(kept[names[0]], opened(uncorrected.data)), "it came before the colours"


def test_a_large_picture_gets_a_smaller_jpeg_beside_it(make: Make) -> None:
    request = Request(prompt="a pear", seed=5, subseed=0, steps=1, width=96, height=64)
    by_size = make(request, settings=Settings.from_record({"img_downscale_threshold": 0.0001}))
    assert opened(by_size[0].beside[0].data).size == (96, 64)
    by_side = make(request, settings=Settings.from_record({"target_side_length": 48}))[0]
    assert [each.name for each in by_side.beside] == [""]
    small = opened(by_side.beside[0].data)
    assert (small.format, small.size) == ("JPEG", (48, 32))
    unsaved = replace(request, save_images=False)
    assert not make(unsaved, settings=Settings.from_record({"target_side_length": 48}))[0].beside
    off = Settings.from_record({"target_side_length": 48, "export_for_4chan": False})
    assert not make(request, settings=off)[0].beside
