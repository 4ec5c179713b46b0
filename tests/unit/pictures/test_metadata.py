"""Infotext goes through every file format and back; strangers' files can't harm."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from modules.errors import ImageError, RequestError
from modules.pictures.metadata import (
    encode,
    flatten,
    mime_of,
    open_image,
    read_infotext,
)
from modules.settings import Settings

TEXT = 'un chat, "büß" 猫 🐈\nNegative prompt: dog\nSteps: 4, Sampler: Euler, Seed: 1, Size: 8x8'
LIMIT = 1 << 20


@pytest.mark.parametrize(
    ("extension", "mime"),
    [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("webp", "image/webp"),
        ("avif", "image/avif"),
    ],
)
def test_infotext_comes_back_out_of_every_format(extension: str, mime: str) -> None:
    data, found = encode(Image.new("RGB", (32, 32), "red"), TEXT, Settings(), extension=extension)
    assert found == mime == mime_of(data)
    assert read_infotext(data)[0] == TEXT


def test_png_keeps_every_pixel_and_no_text_when_none_is_given() -> None:
    image = Image.effect_noise((16, 16), 90).convert("RGB")
    data, _ = encode(image, None, Settings())
    assert Image.open(io.BytesIO(data)).tobytes() == image.tobytes()
    assert read_infotext(data) == (None, {})


def test_a_picture_too_long_for_its_format_becomes_a_png() -> None:
    data, mime = encode(Image.new("RGB", (17_000, 1)), None, Settings(), extension="webp")
    assert mime == "image/png" and data.startswith(b"\x89PNG")


def test_other_text_entries_are_listed_beside() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", TEXT)
    text.add_text("Author", "me")
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=text)
    assert read_infotext(buffer.getvalue()) == (TEXT, {"Author": "me"})


def test_a_novelai_picture_is_read_as_infotext() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", "NovelAI")
    text.add_text("Description", "a cat")
    text.add_text(
        "Comment", '{"uc": "dog", "steps": 28, "sampler": "k_euler", "scale": 11, "seed": 5}'
    )
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=text)
    assert read_infotext(buffer.getvalue())[0] == (
        "a cat\nNegative prompt: dog\n"
        "Steps: 28, Sampler: Euler, CFG scale: 11, Seed: 5, Size: 4x4, Clip skip: 2, ENSD: 31337"
    )


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"hello", "no picture known here"),
        (b"", "no picture known here"),
        (bomb(50_000, 50_000), "make it smaller"),
        (bomb(2_000, 2_000), "more than 1048576 pixels"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "damaged|no picture"),
    ],
)
def test_a_bad_picture_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        open_image(data, max_pixels=LIMIT, field="init_images")
    assert caught.value.field == "init_images"


def test_a_cut_off_picture_is_refused() -> None:
    data, _ = encode(Image.effect_noise((64, 64), 90).convert("RGB"), None, Settings())
    with pytest.raises(ImageError, match="damaged"):
        open_image(data[: len(data) // 2], max_pixels=LIMIT)


def test_transparent_parts_take_the_colour() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    flat = flatten(image, "#00ff00")
    assert flat.mode == "RGB"
    assert [flat.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (0, 255, 0)]
