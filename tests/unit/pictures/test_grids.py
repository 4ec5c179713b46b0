"""How many rows a sheet of pictures has, and what is on it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from modules.errors import ImageError
from modules.pictures.grids import rows_for, sheet
from modules.settings import Settings


def settings(**changes: object) -> Settings:
    return Settings().with_changes(changes)


def png(colour: str, size: tuple[int, int] = (4, 2)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("count", "changes", "rows"),
    [
        (1, {}, 1),
        (2, {}, 1),
        (4, {}, 2),
        (6, {}, 2),
        (7, {}, 3),
        (7, {"grid_prevent_empty_spots": True}, 1),
        (6, {"n_rows": 3}, 3),
        (2, {"n_rows": 9}, 2),
        (6, {"n_rows": 0}, 3),  # as many as the batch size
    ],
)
def test_rows_are_those_of_the_settings(count: int, changes: dict[str, object], rows: int) -> None:
    assert rows_for(count, 3, settings(**changes)) == rows


def test_pictures_lie_row_by_row_and_empty_places_show_the_ground() -> None:
    made = sheet(
        [png("red"), png("lime"), png("blue")], 2, settings(grid_background_color="#102030")
    )
    assert made.size == (8, 4)
    corners = [made.getpixel(place) for place in ((0, 0), (4, 0), (0, 2), (4, 2))]
    assert corners == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (16, 32, 48)]


def test_a_file_that_is_no_picture_is_named_as_the_fault() -> None:
    with pytest.raises(ImageError):
        sheet([b"no picture"], 1, settings())
