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
    return preview.jpeg(preview.colours(latents, SPEC, grid=grid))


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
