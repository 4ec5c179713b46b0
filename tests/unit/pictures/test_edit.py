"""Pictures before and after the model. Expected values: A1111 numerics, test vectors."""

import numpy as np
import pytest
import torch
from PIL import Image

from modules.pictures import edit


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_pixels_become_levels_by_truncation():
    unit = torch.tensor([0.5, 0.999, 1.0, 0.9999, -0.2, 1.3])
    pixels = (unit * 2 - 1).view(1, 1, 6).expand(3, 1, 6)

    image = edit.to_image(pixels)

    assert np.asarray(image)[0, :, 0].tolist() == [127, 254, 255, 254, 0, 255]


def test_a_picture_survives_the_way_to_pixels_and_back():
    image = noise(16, 8)

    back = np.asarray(edit.to_image(edit.to_pixels(image)[0] + 1e-6))

    assert np.array_equal(back, np.asarray(image))


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("size", [(128, 128), (200, 64), (64, 200), (63, 65)])
def test_every_mode_gives_the_size_that_was_asked_for(mode, size):
    assert edit.resize(mode, noise(160, 96), *size).size == size


def test_cropping_keeps_the_middle():
    image = noise(640, 480)

    cropped = edit.resize(1, image, 512, 512)

    inner = image.resize((682, 512), Image.Resampling.LANCZOS).crop((85, 0, 597, 512))
    assert np.array_equal(np.asarray(cropped), np.asarray(inner))


def test_filling_draws_the_edges_out():
    image = noise(640, 480)

    filled = np.asarray(edit.resize(2, image, 512, 512), np.int16)

    inner = np.asarray(image.resize((512, 384), Image.Resampling.LANCZOS), np.int16)
    assert np.array_equal(filled[64:448], inner)
    assert np.ptp(filled[:64], axis=0).max() == 0 and np.ptp(filled[448:], axis=0).max() == 0
    assert np.abs(filled[0] - inner[0]).mean() < 30


def test_a_mask_is_the_alpha_where_there_is_any():
    image = Image.new("RGBA", (3, 1), "white")
    for x, alpha in enumerate((128, 129, 255)):
        image.putpixel((x, 0), (0, 0, 0, alpha))

    hard = edit.mask_from(image, rounded=True, invert=False)
    soft = edit.mask_from(image, rounded=False, invert=True)

    assert list(hard.tobytes()) == [0, 255, 255]
    assert list(soft.tobytes()) == [127, 126, 0]


def test_a_grey_mask_keeps_its_grey():
    mask = edit.mask_from(Image.new("L", (2, 2), 77), rounded=True, invert=False)

    assert set(mask.tobytes()) == {77}


def test_blur_reaches_as_far_as_its_kernel():
    mask = Image.new("L", (61, 61))
    mask.putpixel((30, 30), 255)
    dot = Image.new("L", (61, 61))
    dot.paste(255, (20, 20, 41, 41))

    across = np.asarray(edit.blur_mask(dot, 4, 0))
    assert np.array_equal(np.asarray(edit.blur_mask(dot, 0, 0)), np.asarray(dot))
    assert across[30, 20 - 10] >= 0 and across[30, 20 - 11] == 0  # 21 wide: ten to each side
    assert across[19].max() == 0


# A1111 numerics, test vectors: crop expansion.
@pytest.mark.parametrize(
    ("region", "size", "bounds", "expected"),
    [
        ((100, 200, 228, 232), (512, 512), (1024, 1024), (100, 152, 228, 280)),
        ((0, 0, 50, 200), (512, 512), (300, 210), (0, 0, 200, 200)),
        ((900, 10, 1020, 60), (768, 512), (1024, 768), (900, 0, 1020, 80)),
        ((10, 300, 60, 511), (512, 768), (512, 512), (0, 300, 140, 511)),
        ((5, 5, 106, 204), (512, 512), (1000, 1000), (0, 5, 199, 204)),
        ((0, 90, 400, 130), (512, 512), (400, 220), (0, 0, 400, 220)),
    ],
)
def test_a_region_grows_to_the_aspect_as_in_the_original(region, size, bounds, expected):
    assert edit.expand_region(region, size[0], size[1], bounds) == expected


def test_a_region_is_padded_within_the_picture_and_none_of_a_black_mask():
    mask = Image.new("L", (100, 60))
    assert edit.region_of(mask, 5) is None
    mask.paste(1, (2, 30, 40, 50))

    assert edit.region_of(mask, 8) == (0, 22, 48, 58)


def test_the_latent_mask_is_made_by_pils_own_filter():
    ramp = Image.fromarray(np.tile((np.arange(64) * 255 / 63).astype(np.uint8), (64, 1)))

    soft = edit.latent_mask(ramp, 8, 8, rounded=False)

    assert (soft[0] * 255).round().tolist() == [15, 45, 78, 111, 143, 176, 209, 239]
    assert set(np.unique(edit.latent_mask(ramp, 8, 8, rounded=True))) == {0.0, 1.0}


def test_half_masked_cells_are_kept():
    # 127.5 / 255 would be the half; PIL has whole levels, so the half is reached from below.
    mask = Image.new("L", (8, 8), 127)

    assert edit.latent_mask(mask, 1, 1, rounded=True)[0, 0] == 0


def test_filling_replaces_the_masked_part_and_nothing_else():
    image = noise(64, 64)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (20, 20, 44, 44))

    filled = np.asarray(edit.fill_masked(image, mask), np.int16)

    before = np.asarray(image, np.int16)
    outside = np.asarray(mask) == 0
    assert np.abs(filled - before)[outside].max() == 0
    assert filled[32, 32].std() < 40 and filled[24:40, 24:40].std() < before.std() / 3


def test_an_overlay_puts_the_unmasked_part_back():
    image, result = noise(64, 48), Image.new("RGB", (64, 48), "blue")
    mask = Image.new("L", (64, 48))
    mask.paste(255, (0, 0, 32, 48))

    whole = np.asarray(edit.make_overlay(image, mask, None).apply(result))

    assert (whole[:, :32] == (0, 0, 255)).all()
    assert np.array_equal(whole[:, 32:], np.asarray(image)[:, 32:])


def test_an_overlay_with_a_region_puts_the_result_where_it_was_cut_out():
    image, result = noise(64, 48), Image.new("RGB", (128, 128), "blue")
    mask = Image.new("L", (64, 48))
    mask.paste(255, (10, 8, 26, 24))

    whole = np.asarray(edit.make_overlay(image, mask, (10, 8, 26, 24)).apply(result))

    assert whole.shape == (48, 64, 3) and (whole[8:24, 10:26] == (0, 0, 255)).all()
    assert np.array_equal(whole[:, 30:], np.asarray(image)[:, 30:])


def test_the_wide_mask_is_twice_as_strong_and_clipped():
    mask = Image.fromarray(np.array([[0, 60, 127, 128, 255]], np.uint8))

    assert list(edit.widened_mask(mask).tobytes()) == [0, 120, 254, 255, 255]


def test_matching_takes_the_targets_colours_and_keeps_the_light():
    image, target = noise(64, 64, 1), Image.new("RGB", (64, 64), (200, 60, 60))

    matched = np.asarray(edit.match_colours(image, edit.lab_of(target)), np.float64)

    light = np.array([0.3, 0.59, 0.11])
    before = np.asarray(image, np.float64) @ light
    assert np.abs(matched @ light - before).mean() < 4
    inner = (before > 80) & (before < 200)
    assert (matched[inner][:, 0] > matched[inner][:, 2]).mean() > 0.95


def test_matching_a_picture_with_itself_changes_next_to_nothing():
    image = noise(64, 64, 2)

    matched = np.asarray(edit.match_colours(image, edit.lab_of(image)), np.int16)

    assert np.abs(matched - np.asarray(image, np.int16)).mean() < 3
