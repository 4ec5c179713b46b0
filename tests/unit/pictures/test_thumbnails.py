"""Claims about thumbnails: small, true to the picture, made once."""

import io

import pytest
from PIL import Image

from modules.errors import ImageError
from modules.pictures import thumbnails
from modules.pictures.thumbnails import SIDE, Thumbnails


@pytest.fixture
def thumbs(tmp_path):
    return Thumbnails(tmp_path / "thumbs")


def test_a_thumbnail_keeps_shape_and_colours(thumbs, tmp_path):
    Image.new("RGB", (1000, 500), "red").save(tmp_path / "a.png")

    small = Image.open(io.BytesIO(thumbs.get(tmp_path / "a.png", 1)))

    assert (small.format, small.size) == ("WEBP", (SIDE, SIDE // 2))
    colour = small.convert("RGB").getpixel((5, 5))
    assert isinstance(colour, tuple) and colour[0] > 240 and max(colour[1:]) < 15


def test_a_thumbnail_is_made_once_for_each_change_of_the_picture(thumbs, tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.png")
    first = thumbs.get(tmp_path / "a.png", 1)
    Image.new("RGB", (9, 9), "blue").save(tmp_path / "a.png")

    assert thumbs.get(tmp_path / "a.png", 1) == first
    assert thumbs.get(tmp_path / "a.png", 2) != first


def test_a_file_that_is_gone_or_broken_or_huge_is_an_image_error(tmp_path):
    (tmp_path / "b.png").write_bytes(b"nothing")
    Image.new("RGB", (90, 90)).save(tmp_path / "c.png")

    for name in ("a.png", "b.png", "c.png"):
        with pytest.raises(ImageError, match=name):
            Thumbnails(tmp_path / "thumbs", max_pixels=8000).get(tmp_path / name, 1)


def test_sweeping_keeps_the_newest(thumbs, tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "_MOST", 2)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    for change in range(4):
        thumbs.get(tmp_path / "a.png", change)

    thumbs.sweep()

    assert len(list((tmp_path / "thumbs").glob("*/*.webp"))) == 2
