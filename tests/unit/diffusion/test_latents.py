"""The level of the first latent, checked by its variance."""

import pytest
import torch

from modules.diffusion.latents import (
    initial_latent,
    initial_latent_vp,
    noised_latent,
    noised_latent_vp,
)
from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.steps import timestep_plan

NOISE = torch.randn((1, 4, 64, 64), generator=torch.Generator().manual_seed(1))
PICTURE = torch.full((1, 4, 64, 64), 0.5)
SIGMA = torch.tensor(3.0)


def test_pure_noise_has_the_schedules_first_level() -> None:
    assert torch.equal(initial_latent(NOISE, SIGMA), NOISE * 3.0)
    with_signal = initial_latent(NOISE, SIGMA, sgm_multiplier=True)
    torch.testing.assert_close(with_signal, NOISE * 10.0**0.5)
    assert torch.equal(initial_latent_vp(NOISE), NOISE)


def test_a_noised_picture_is_the_picture_plus_scaled_noise() -> None:
    found = noised_latent(PICTURE, NOISE, SIGMA, noise_multiplier=0.9, extra_noise=0.2)
    torch.testing.assert_close(found, 0.5 + NOISE * 0.9 * (3.0 + 0.2))


def test_a_noised_picture_in_vp_space_keeps_unit_variance(table: SigmaTable) -> None:
    plan = timestep_plan(table, 20, t_enc=15)
    signal = float(table.alphas_cumprod[751]) ** 0.5
    found = noised_latent_vp(NOISE.roll(7), NOISE, plan)
    assert float(found.std()) == pytest.approx(1.0, abs=0.02)
    extra = noised_latent_vp(PICTURE, NOISE, plan, extra_noise=0.2)
    expected = 0.5 * signal + NOISE * ((1 - signal**2) ** 0.5 + 0.2 * signal)
    torch.testing.assert_close(extra, expected)


def test_a_plan_of_pure_noise_noises_no_picture(table: SigmaTable) -> None:
    with pytest.raises(AssertionError, match="pure noise"):
        noised_latent_vp(PICTURE, NOISE, timestep_plan(table, 20))
