"""Claims about reading a picture's header: fields of every program's text, and no pixels."""

import json
from dataclasses import replace

import pytest
from PIL import Image, PngImagePlugin

from modules.pictures.headers import PictureHeader, read_header
from modules.pictures.metadata import encode
from modules.settings import Settings

TEXT = (
    "a castle <lora:ink:0.5> <hypernet:old>\nNegative prompt: fog\n"
    "Steps: 9, Sampler: DDIM, CFG scale: 7, Seed: 12, Size: 8x6, Model: dream"
)
EXPECTED = PictureHeader(
    width=8, height=6, infotext=TEXT, prompt="a castle <lora:ink:0.5> <hypernet:old>",
    negative_prompt="fog", model="dream", sampler="DDIM", seed=12, networks=("ink", "old"),
)  # fmt: skip


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_the_header_tells_size_and_fields(tmp_path, extension):
    data, _ = encode(Image.new("RGB", (8, 6)), TEXT, Settings(), extension=extension)
    path = tmp_path / f"a.{extension}"
    path.write_bytes(data)

    assert read_header(path) == EXPECTED


def test_pixels_need_not_be_there(tmp_path):
    data, _ = encode(Image.effect_noise((64, 64), 90).convert("RGB"), TEXT, Settings())
    path = tmp_path / "cut.png"
    path.write_bytes(data[: len(data) // 2])

    assert read_header(path) == replace(EXPECTED, width=64, height=64)


def test_the_texts_of_a_graph_are_its_prompt(tmp_path):
    graph = {
        "3": {"class_type": "KSampler", "inputs": {"seed": 5}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lake"}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["6", 0]}},
        "8": "no node",
    }
    entry = PngImagePlugin.PngInfo()
    entry.add_text("prompt", json.dumps(graph))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=entry)

    assert read_header(tmp_path / "a.png").prompt == "a lake"


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x89PNG\r\n\x1a\n" + b"\0" * 30])
def test_what_is_no_picture_is_an_os_error(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(OSError, match=r"a\.png"):
        read_header(tmp_path / "a.png")
