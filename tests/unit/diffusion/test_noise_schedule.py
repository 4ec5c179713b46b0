"""Sigma and timestep are two names of one level."""

import pytest
import torch

from modules.diffusion.noise_schedule import (
    LcmTable,
    SigmaTable,
    alphas_cumprod,
    downcast,
    zero_terminal_snr,
)
from modules.errors import RequestError


def test_every_level_is_found_at_its_own_timestep(table: SigmaTable) -> None:
    whole = torch.arange(1000, dtype=torch.float32)
    torch.testing.assert_close(table.sigma_to_t(table.sigmas), whole, rtol=0, atol=2e-3)
    torch.testing.assert_close(table.t_to_sigma(whole), table.sigmas, rtol=1e-6, atol=0)


def test_between_two_levels_the_timestep_is_fractional(table: SigmaTable) -> None:
    t = torch.tensor([0.25, 400.5, 998.75])
    torch.testing.assert_close(table.sigma_to_t(table.t_to_sigma(t)), t, rtol=0, atol=2e-3)


def test_quantizing_takes_the_nearest_whole_timestep(table: SigmaTable) -> None:
    sigma = table.t_to_sigma(torch.tensor([400.3, 400.7]))
    assert table.sigma_to_t(sigma, quantize=True).tolist() == [400.0, 401.0]


def test_levels_beyond_the_table_stay_at_its_ends(table: SigmaTable) -> None:
    assert table.sigma_to_t(torch.tensor([1e-4, 100.0])).tolist() == [0.0, 999.0]


def test_a_scalar_stays_a_scalar(table: SigmaTable) -> None:
    assert table.sigma_to_t(torch.tensor(1.0)).shape == ()
    assert table.t_to_sigma(torch.tensor(500)).shape == ()


def test_a_checkpoints_own_levels_are_used() -> None:
    edited = alphas_cumprod() * 0.9
    assert SigmaTable(edited).sigma_max > SigmaTable(alphas_cumprod()).sigma_max


def test_downcast_levels_with_zero_terminal_snr_are_refused() -> None:
    with pytest.raises(RequestError, match="can't be used together.*turn one"):
        zero_terminal_snr(downcast(alphas_cumprod()))


def test_an_lcm_table_names_only_the_timesteps_it_was_distilled_on() -> None:
    lcm = LcmTable(alphas_cumprod())
    assert len(lcm.sigmas) == 50
    found = lcm.sigma_to_t(torch.tensor([0.01, 1.0, 14.0, 99.0]))
    assert bool(((found - 19) % 20 == 0).all())
    assert (float(found[0]), float(found[-1])) == (19.0, 999.0)
    assert float(lcm.t_to_sigma(torch.tensor(999.0))) == pytest.approx(14.614642, abs=1e-5)
