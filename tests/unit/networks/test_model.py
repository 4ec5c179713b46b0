"""What the engine sees of a loaded checkpoint."""

from __future__ import annotations

import math

import torch
from torch import nn

from modules.diffusion.noise_schedule import alphas_cumprod
from modules.networks.model import Model, PrecisionPolicy

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


def context(rows: int, tokens: int = 77) -> torch.Tensor:
    return torch.randn(rows, tokens, 16, generator=torch.Generator().manual_seed(rows))


def test_a_prediction_has_the_latents_shape_in_fp32(model: Model) -> None:
    x = torch.randn(2, 4, 8, 6)
    answer = model.predict(x, torch.tensor([999.0, 0.5]), cross_attention=context(2, 154))
    assert answer.shape == x.shape and answer.dtype == torch.float32
    assert answer.isfinite().all() and not answer.requires_grad


def test_one_timestep_serves_the_whole_batch(model: Model) -> None:
    x, text = torch.randn(2, 4, 8, 8), context(2)
    one = model.predict(x, torch.tensor(123.4), cross_attention=text)
    assert torch.equal(one, model.predict(x, torch.full((2,), 123.4), cross_attention=text))


def test_fractional_timesteps_are_not_rounded(model: Model) -> None:
    x, text = torch.randn(1, 4, 8, 8), context(1)
    one, other = (model.predict(x, torch.tensor([t]), cross_attention=text) for t in (10.0, 10.4))
    assert not torch.allclose(one, other, atol=1e-4)


def test_rows_of_a_batch_do_not_mix(model: Model) -> None:
    x, text, t = torch.randn(3, 4, 8, 8), context(3), torch.tensor([900.0, 500.0, 20.0])
    together = model.predict(x, t, cross_attention=text)
    alone = [
        model.predict(x[i : i + 1], t[i : i + 1], cross_attention=text[i : i + 1]) for i in range(3)
    ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_the_text_changes_the_prediction(model: Model) -> None:
    x, t = torch.randn(1, 4, 8, 8), torch.tensor([500.0])
    one, other = (model.predict(x, t, cross_attention=c) for c in (context(1), context(2)[1:]))
    assert not torch.allclose(one, other, atol=1e-4)


def test_tiling_wraps_around_inside_and_leaves_nothing_behind(model: Model) -> None:
    latent = torch.randn(1, 4, 8, 8)
    before = model.decode(latent)
    with model.tiling():
        wrapped = model.decode(latent)
        shifted = model.decode(latent.roll(3, dims=3))
    assert torch.allclose(wrapped.roll(24, dims=3), shifted, atol=1e-4)
    assert not torch.allclose(wrapped, before, atol=1e-3)
    assert torch.equal(model.decode(latent), before)


def test_tiling_ends_even_when_its_picture_fails(model: Model) -> None:
    try:
        with model.tiling():
            raise RuntimeError
    except RuntimeError:
        pass
    convolutions = [m for m in model.unet.modules() if isinstance(m, nn.Conv2d)]
    assert {m.padding_mode for m in convolutions} == {"zeros"}


def test_only_cuda_devices_compute_with_less_than_32_bits() -> None:
    policy = PrecisionPolicy()
    assert policy.network_dtype(CUDA) == policy.vae_dtype(CUDA) == torch.float16
    assert policy.network_dtype(CPU) == policy.vae_dtype(CPU) == torch.float32
    assert PrecisionPolicy(no_half=True).network_dtype(CUDA) == torch.float32
    assert PrecisionPolicy(precision="full").vae_dtype(CUDA) == torch.float32
    only_vae = PrecisionPolicy(no_half_vae=True)
    assert (only_vae.network_dtype(CUDA), only_vae.vae_dtype(CUDA)) == (
        torch.float16,
        torch.float32,
    )


def test_the_noise_schedule_is_the_familys_where_the_file_has_none(model: Model) -> None:
    assert torch.equal(model.alphas_cumprod, alphas_cumprod())


def test_sizes_become_cosines_then_sines_of_falling_rates(model: Model) -> None:
    vector = model.size_vector([1024, 0.0])
    assert vector.shape == (512,) and vector.dtype == torch.float32
    assert torch.equal(vector[256:], torch.tensor([1.0] * 128 + [0.0] * 128))
    rates = [10000 ** (-i / 128) for i in (0, 1, 127)]
    for place, rate in zip((0, 1, 127), rates, strict=True):
        assert math.isclose(vector[place], math.cos(1024 * rate), abs_tol=1e-4)
        assert math.isclose(vector[128 + place], math.sin(1024 * rate), abs_tol=1e-4)
