"""What the bench of the built-in model reads off pictures; nothing is generated here."""

from __future__ import annotations

import numpy as np
import pytest

from bench.builtin_probe import PictureProbe, right, single_scenes
from bench.builtin_quality import FRESH, centre, first_scenes, likeness


def square(x: int, y: int, value: int = 0) -> np.ndarray:
    picture = np.full((64, 64, 3), 250, np.uint8)
    picture[y - 8 : y + 8, x - 8 : x + 8] = value
    return picture


def test_the_centre_is_that_of_what_differs_from_the_border() -> None:
    assert centre(square(20, 40)) == pytest.approx((19.5, 39.5))


def test_likeness_falls_as_a_thing_moves_away() -> None:
    start = square(20, 40)

    kept = [likeness(start, square(x, 40)) for x in (20, 26, 50)]

    assert kept[0] == pytest.approx(1.0) and kept[0] > kept[1] > kept[2]


def test_shares_are_told_by_attribute() -> None:
    read = np.array([[1, 2, 3, 0, 0], [1, 9, 3, 0, 1]])

    shares = right(read, [(1, 2, 3, 1, 0), (1, 2, 3, 1, 0)])

    assert shares == {"object": 1.0, "colour": 0.5, "ground": 1.0, "light": 0.0, "style": 0.5}


def test_fresh_captions_are_of_plain_scenes_that_no_training_has_seen() -> None:
    scenes = first_scenes(3)

    assert all(scene.is_plain and scene.index >= FRESH for scene in scenes)
    assert next(single_scenes(FRESH)).relation == "alone"


def test_a_probe_reads_five_attributes_of_any_size_of_picture() -> None:
    assert PictureProbe().read([square(20, 40)] * 3).shape == (3, 5)
