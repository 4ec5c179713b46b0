"""Pixels to latents and back."""

from __future__ import annotations

import copy
import logging
from typing import cast

import pytest
import torch

from modules.networks.model import Model
from modules.networks.vae import Rescues, Vae, rescues


def half_vae_that_overflows(model: Model, rescues: Rescues) -> Vae:
    module = copy.deepcopy(model.vae)
    module.decoder.conv_in.weight.data *= 60_000  # times four channels: beyond fp16's 65,504
    return Vae(module.half(), 0.18215, rescues=rescues)


def test_encode_without_noise_is_the_scaled_mean(model: Model) -> None:
    pixels = torch.rand(1, 3, 32, 48) * 2 - 1
    latent = model.encode_image(pixels)
    (posterior,) = model.vae.encode(pixels, return_dict=False)
    assert latent.shape == (1, 4, 4, 6) and latent.dtype == torch.float32
    assert torch.allclose(latent, posterior.mean * 0.18215)


def test_encode_with_noise_draws_from_the_posterior(model: Model) -> None:
    pixels, noise = torch.rand(1, 3, 32, 32) * 2 - 1, torch.randn(1, 4, 4, 4)
    moved = model.encode_image(pixels, noise) - model.encode_image(pixels)
    (posterior,) = model.vae.encode(pixels, return_dict=False)
    assert torch.allclose(moved, noise * posterior.std * 0.18215, atol=1e-5)


def test_decode_divides_by_the_scale_and_does_not_clamp(model: Model) -> None:
    latent = 5 * torch.randn(1, 4, 4, 6)
    pixels = model.decode(latent)
    assert pixels.shape == (1, 3, 32, 48) and pixels.dtype == torch.float32
    plain = model.vae.decode(cast(torch.FloatTensor, latent / 0.18215), return_dict=False)[0]
    assert torch.allclose(pixels, plain)


def test_a_picture_decodes_to_the_same_bits_in_any_batch(model: Model) -> None:
    latents = torch.randn(3, 4, 4, 4)
    alone = torch.cat([model.decode(latent[None]) for latent in latents])
    assert torch.equal(model.decode(latents), alone)


@torch.no_grad()
def test_an_overflow_in_fp16_is_repeated_in_fp32_which_stays(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    vae = half_vae_that_overflows(model, (torch.float32,))
    with caplog.at_level(logging.WARNING):
        pixels = vae.decode(torch.randn(1, 4, 4, 4))
    assert pixels.isfinite().all() and vae.dtype == torch.float32
    assert "overflowed" in caplog.text


@torch.no_grad()
def test_without_the_rescue_an_overflow_stays_one(model: Model) -> None:
    vae = half_vae_that_overflows(model, ())
    assert vae.decode(torch.randn(1, 4, 4, 4)).isnan().any() and vae.dtype == torch.float16


@torch.no_grad()
def test_a_broken_latent_is_not_blamed_on_the_vae(model: Model) -> None:
    vae = Vae(copy.deepcopy(model.vae).half(), 0.18215)
    assert vae.decode(torch.full((1, 4, 4, 4), float("nan"))).isnan().all()
    assert vae.dtype == torch.float16


def test_the_mode_is_the_mean_without_the_scale(model: Model) -> None:
    pixels = torch.rand(2, 3, 32, 48) * 2 - 1
    assert torch.equal(model.encode_image_mode(pixels) * 0.18215, model.encode_image(pixels))


@pytest.mark.parametrize(
    ("bfloat16", "float32", "order"),
    [
        (False, False, ()),
        (True, False, (torch.bfloat16,)),
        (False, True, (torch.float32,)),
        (True, True, (torch.bfloat16, torch.float32)),
    ],
)
@torch.no_grad()
def test_the_settings_say_where_an_overflow_goes(
    model: Model, bfloat16: bool, float32: bool, order: Rescues
) -> None:
    """bfloat16 has the range of fp32, so the first of the two suffices."""
    assert rescues(bfloat16=bfloat16, float32=float32) == order
    vae = half_vae_that_overflows(model, order)
    pixels = vae.decode(torch.randn(1, 4, 4, 4))
    assert vae.dtype == (order[0] if order else torch.float16)
    assert pixels.isfinite().all() == bool(order)


@torch.no_grad()
def test_where_bfloat16_does_not_help_fp32_is_tried_and_then_no_more(model: Model) -> None:
    vae = half_vae_that_overflows(model, (torch.bfloat16, torch.float32))
    vae.module.get_parameter("decoder.conv_in.bias").data.fill_(float("nan"))
    assert vae.decode(torch.randn(1, 4, 4, 4)).isnan().all() and vae.dtype == torch.float32
