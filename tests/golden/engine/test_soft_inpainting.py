"""A softly inpainted picture shows the old one wherever its latent hardly changed."""

import numpy as np
import pytest
import torch
from PIL import Image

from modules.engine.soft_inpainting import changed_parts, soft_overlay, window_mean
from modules.generation.infotext import parse, to_api_fields
from modules.generation.request import Init, Mask
from modules.generation.soft_inpainting import SoftInpainting
from tests.golden.engine.test_engine import gradient, pixels, stored, wish

SOFT = SoftInpainting()


def slowly(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """window_mean place by place, from its definition."""
    result = np.zeros_like(values)
    end = np.exp(-9 / 2.25)
    for row, column in np.ndindex(values.shape):
        near = []
        for y, x in np.ndindex(values.shape):
            if abs(y - row) <= 2 and abs(x - column) <= 2:
                weight = (np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2.25) - end) / (1 - end)
                near.append((values[y, x], max(0.0, weight)))
        near.sort()
        total = sum(weight for _, weight in near)
        first, last = total * low, total * high
        if last - first < 1:
            first, last = (first + last) / 2 - 0.5, (first + last) / 2 + 0.5
            if last > total:
                first, last = total - 1, total
            if first < 0:
                first, last = 0, 1
        at = value = weight = 0.0
        for number, share in near:
            part = max(0.0, min(last, at + share) - max(first, at))
            value, weight, at = value + number * part, weight + part, at + share
        result[row, column] = value / weight
    return result


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.25, 0.75)])
def test_the_window_mean_is_that_of_its_definition(low: float, high: float) -> None:
    values = np.random.default_rng(3).random((6, 7))
    assert np.allclose(window_mean(values, low, high), slowly(values, low, high))


def test_what_did_not_change_is_kept_and_what_went_far_is_shown() -> None:
    distance = np.zeros((12, 12))
    distance[:, 6:] = 50.0
    found = changed_parts(distance, np.ones((12, 12)), SOFT)
    # Each of the two windows reaches two cells out.
    assert found[:, :2].max() < 1e-6 and found[:, 6:].min() > 0.99


def test_the_mask_counts_by_its_influence_alone() -> None:
    distance = np.full((4, 4), 0.5)
    masks = np.ones((4, 4)), np.zeros((4, 4))
    free = [changed_parts(distance, mask, SOFT) for mask in masks]
    assert np.array_equal(free[0], free[1]) and float(free[0][0, 0]) == pytest.approx(0.5, abs=1e-3)
    bound = SoftInpainting(influence=1.0)
    assert changed_parts(distance, masks[0], bound)[0, 0] > 0.99
    assert changed_parts(distance, masks[1], bound)[0, 0] < 0.01


def test_the_overlay_lies_where_the_pass_worked() -> None:
    picture = Image.new("RGB", (100, 80), "red")
    after = torch.full((4, 4, 4), 50.0)
    overlay = soft_overlay(
        picture, (40, 20, 72, 52), (32, 32), torch.zeros(4, 4, 4), after, torch.ones(4, 4), SOFT
    )
    result = np.asarray(overlay.apply(Image.new("RGB", (32, 32), "blue")))
    assert result.shape == (80, 100, 3)
    assert result[36, 56].tolist() == [1, 0, 254] and result[10, 10].tolist() == [255, 0, 0]


def ramp_mask() -> Image.Image:
    """Black at the left, then ever lighter."""
    values = np.clip(np.arange(160) * 8 - 800, 0, 255).astype(np.uint8)
    return Image.fromarray(np.repeat(values[None], 64, axis=0))


@pytest.mark.parametrize("sampler", ["Euler", "DDIM"])
def test_the_engine_inpaints_softly_and_says_so(make, sampler) -> None:
    sha256, pictures = stored(gradient(160))
    mask, more = stored(ramp_mask())
    soft = SoftInpainting(preservation=0.4)

    def made(**mask_changes):
        chosen = Mask(image=mask, fill=1, only_masked=False, blur_x=0, blur_y=0, **mask_changes)
        request = wish(init=Init(images=(sha256,), mask=chosen), sampler_name=sampler, width=160)
        return make(request, pictures=pictures | more)[0]

    softly, hard = made(soft=soft), made(round=False)

    off = np.abs(pixels(softly) - np.asarray(gradient(160), np.int16))
    assert off[:, 150:].max() > 10
    if sampler != "DDIM":  # which blends what the model sees, and not its own latent
        assert off[:, :40].max() <= 1
    assert np.abs(pixels(softly) - pixels(hard)).max() > 2
    told = to_api_fields(parse(softly.picture.infotext))
    assert told["alwayson_scripts"]["Soft Inpainting"]["args"] == soft.to_args()
    assert "alwayson_scripts" not in to_api_fields(parse(hard.picture.infotext))
