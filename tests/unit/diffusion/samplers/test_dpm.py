"""Which levels the samplers of the first DPM-Solver family and Restart visit."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.samplers.dpm import dpm_fast, restart_levels
from modules.diffusion.schedules import build
from modules.diffusion.steps import span_of_table


@pytest.mark.parametrize("count", range(1, 13))
def test_dpm_fast_calls_the_model_once_per_step(table: SigmaTable, count: int) -> None:
    asked: list[float] = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        asked.append(float(sigma))
        return x / (1 + sigma)

    x = torch.ones(1, 4, 2, 2)
    list(dpm_fast(denoise, x, span_of_table(table, count), noise=lambda: torch.zeros(1, 4, 2, 2)))
    assert len(asked) == count


def test_short_restart_walks_the_given_schedule(table: SigmaTable) -> None:
    sigmas = build("Exponential", 19, table)
    assert restart_levels(sigmas) == list(pairwise(sigmas))


@pytest.mark.parametrize(("count", "loops"), [(20, 1), (35, 1), (36, 2), (60, 2)])
def test_restart_goes_back_up_to_sigma_two(table: SigmaTable, count: int, loops: int) -> None:
    pairs = restart_levels(build("Karras", count, table))
    jumps = [float(to) for (_, before), (to, _) in pairwise(pairs) if to > before]
    assert len(pairs) == count
    assert len(jumps) == loops
    assert all(1.5 < level < 2.6 for level in jumps)
