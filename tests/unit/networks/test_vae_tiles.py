"""A picture decoded in tiles is the one decoded whole."""

import logging
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from modules.networks.vae import Vae
from modules.networks.vae_tiles import decode_in_tiles

BOUND = 0.1  # levels of 255


@pytest.fixture(scope="module")
def module() -> AutoencoderKL:
    """Three sizes, a shortcut in between, random weights."""
    torch.manual_seed(5)
    shape: dict[str, Any] = {
        "block_out_channels": (8, 8, 16),
        "down_block_types": ("DownEncoderBlock2D",) * 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3,
        "norm_num_groups": 4,
    }
    return AutoencoderKL(**shape).eval()


def levels(pixels: torch.Tensor) -> torch.Tensor:
    return ((pixels + 1) / 2).clamp(0, 1) * 255


@pytest.mark.parametrize("size", [(12, 20), (9, 16), (5, 5)])
@pytest.mark.parametrize("tile", [8, 13, 64])
@torch.no_grad()
def test_tiles_and_the_whole_are_one_picture(module, size, tile) -> None:
    latent = torch.randn((1, 4, *size), generator=torch.Generator().manual_seed(2)) * 3
    whole = module.decode(latent, return_dict=False)[0]

    found = decode_in_tiles(module, latent, tile=tile)

    assert found.shape == whole.shape
    assert float((levels(found) - levels(whole)).abs().max()) < BOUND
    assert float(levels(whole).std()) > 5, "a picture of one colour would prove nothing"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] can't allocate memory"),
    ],
)
@torch.no_grad()
def test_what_does_not_fit_into_memory_is_decoded_in_tiles(
    module, error, monkeypatch, caplog
) -> None:
    latent = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(2))
    vae = Vae(module, 0.5)
    whole = vae.decode(latent)

    def no_room(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(module, "decode", no_room)
    with caplog.at_level(logging.WARNING):
        found = vae.decode(latent)

    assert "tiles" in caplog.text
    assert float((levels(found) - levels(whole)).abs().max()) < BOUND


def test_another_error_is_none_of_memory(module, monkeypatch) -> None:
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(module, "decode", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        Vae(module, 0.5).decode(torch.zeros(1, 4, 8, 8))
