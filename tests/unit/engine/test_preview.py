"""Previews: a latent as a small JPEG, by the matrix alone."""

import io

import numpy as np
import torch
from PIL import Image

from modules.engine import preview
from modules.networks.detect import detect
from tests.tiny_checkpoint import checkpoint_shapes

SPEC = detect(dict(checkpoint_shapes()), {})


def jpeg(latents: torch.Tensor, *, grid: bool = True) -> bytes:
    return preview.encoded(preview.colours(latents, SPEC, grid=grid))[0]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return image


def test_a_latent_becomes_the_colour_that_the_matrix_says():
    latent = torch.tensor([1.0, -0.5, 0.5, 0.2]).view(1, 4, 1, 1).expand(1, 4, 8, 8)

    image = opened(jpeg(latent))

    rgb = np.array([1.0, -0.5, 0.5, 0.2]) @ np.array(SPEC.preview_matrix) + SPEC.preview_bias
    middle = np.asarray(image)[image.height // 2, image.width // 2]
    assert np.abs(middle - 255 * (rgb * 0.5 + 0.5)).max() <= 3


def test_a_batch_is_laid_out_as_a_grid_or_shown_by_its_first():
    latents = torch.zeros(3, 4, 40, 80)

    grid, single = opened(jpeg(latents)), opened(jpeg(latents, grid=False))
    assert grid.width / grid.height == single.width / single.height == 2.0


def test_not_a_number_is_shown_and_does_not_fail():
    opened(jpeg(torch.full((1, 4, 8, 8), float("nan"))))


def test_a_preview_has_the_format_that_is_wanted():
    colours = preview.colours(torch.zeros(1, 4, 8, 8), SPEC)
    for kind in ("jpeg", "png", "webp"):
        data, mime = preview.encoded(colours, kind)
        assert Image.open(io.BytesIO(data)).format == kind.upper() and mime == f"image/{kind}"


def test_a_glimpse_has_the_picture_s_size_and_the_preview_s_colours():
    latent = torch.tensor([1.0, -0.5, 0.5, 0.2]).view(1, 4, 1, 1).expand(1, 4, 8, 6)
    pixels = preview.glimpse(latent, SPEC, None)
    assert pixels.shape == (1, 3, 8 * SPEC.vae_factor, 6 * SPEC.vae_factor)
    rgb = torch.tensor([1.0, -0.5, 0.5, 0.2]) @ torch.tensor(SPEC.preview_matrix)
    wanted = (rgb + torch.tensor(SPEC.preview_bias)).view(1, 3, 1, 1).expand_as(pixels)
    torch.testing.assert_close(pixels, wanted)
    assert preview.glimpse(latent, SPEC, lambda given: given * 2).equal(latent * 2)
