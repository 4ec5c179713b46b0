"""The arithmetic of the benchmarks of making pictures; nothing here is timed."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bench.batches import figures_of
from bench.determinism import largest_difference
from bench.harness import Sample
from bench.host import FEW, MANY, cost


def test_a_step_is_the_difference_of_two_jobs_and_a_picture_what_is_left() -> None:
    step, image, encoding = 0.0002, 0.004, 0.03
    few, many = (2 * (image + encoding) + steps * step for steps in (FEW, MANY))
    found = cost(few, many, images=2, coding=2 * encoding)
    assert (found.step, found.image) == (pytest.approx(0.2), pytest.approx(4.0))


def test_a_batch_is_judged_by_its_cost_a_picture_against_one_alone() -> None:
    alone = [Sample(2, 2), Sample(4, 4), Sample(3, 3)]
    figures = figures_of({1: alone, 4: [Sample(6 * n, 1) for n in (1, 2, 3)]})
    assert [figure.value for figure in figures] == [1.0, 1.0]
    assert figures_of({1: alone, 2: [Sample(3, 1)] * 3})[1].value == 0.5


def test_pictures_differ_by_their_largest_step() -> None:
    files = []
    for level in (10, 13):
        image = Image.new("RGB", (4, 4), (10, 10, 10))
        image.putpixel((2, 1), (10, level, 10))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        files.append(buffer.getvalue())
    assert largest_difference(files[0], files[1]) == 3
    assert largest_difference(files[0], files[0]) == 0
