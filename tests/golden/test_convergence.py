"""Each deterministic sampler comes nearer to the exact answer as fast as its order says.

For pictures that are normally distributed with deviation S the best denoiser and the way from noise
to picture are known: D(x, sigma) = x S² / (S² + sigma²), and x goes as sqrt(S² + sigma²).
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion import steps
from modules.diffusion.noise_schedule import SigmaTable, alphas_cumprod
from modules.diffusion.samplers.table import SAMPLERS

S = 0.7
HIGH, LOW = 10.0, 0.1
TABLE = SigmaTable(alphas_cumprod())


class _Best:
    """The best denoiser, for either family."""

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x * (S**2 / (S**2 + float(sigma) ** 2))

    def eps(self, x: Tensor, t: Tensor) -> Tensor:
        sigma = float(TABLE.t_to_sigma(t))
        signal = (1 / (1 + sigma**2)) ** 0.5
        return (x - signal * self(x / signal, torch.tensor(sigma))) / (1 - signal**2) ** 0.5


EXACT: Any = _Best()  # stands where samplers want a guided one


def no_noise(*levels: Tensor) -> Tensor:
    return torch.zeros(1, 1, 2, 2, dtype=torch.float64)


def answer(start: float, end: float) -> float:
    """What 1 at sigma `start` has become at sigma `end`."""
    return math.sqrt((S**2 + end**2) / (S**2 + start**2))


def error(label: str, count: int) -> float:
    """Of the last x, relative."""
    entry = SAMPLERS[label]
    x = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    options: dict[str, Any] = {"eta": 0.0, "solver_type": "midpoint"}
    levels: Any
    if entry.kind == "span":
        levels = steps.Span(LOW, HIGH, count)
    else:
        ramp = torch.linspace(0, 1, count + 1, dtype=torch.float64)
        levels = (HIGH ** (1 / 7) + ramp * (LOW ** (1 / 7) - HIGH ** (1 / 7))) ** 7
    walk = list(entry.walk(EXACT, x, levels, noise=no_noise, options=options))
    return abs(float(walk[-1].x[0, 0, 0, 0]) / answer(HIGH, LOW) - 1)


ORDERS = {
    "Euler": 1,
    "Euler a": 1,
    "Heun": 2,
    "DPM2": 2,
    "DPM2 a": 2,
    "LMS": 2,  # its first steps are of lower order, which rules the whole
    "DPM++ 2M": 2,
    "DPM++ 2S a": 2,
    "DPM++ SDE": 2,
    "DPM++ 2M SDE": 2,
    "DPM++ 2M SDE Heun": 2,
    "DPM++ 3M SDE": 2,
    "DPM fast": 2,  # likewise its last ones
}


@pytest.mark.parametrize("label", ORDERS)
def test_twice_the_steps_divide_the_error_as_the_order_says(label: str) -> None:
    few, many = error(label, 60), error(label, 120)
    assert few < 0.1
    assert math.log2(few / many) > ORDERS[label] - 0.35, (few, many)


def timestep_error(label: str, count: int) -> float:
    plan = steps.timestep_plan(TABLE, count)
    first, last = (float(TABLE.sigmas[plan.timesteps[at]]) for at in (-1, 0))
    x = torch.full((1, 1, 2, 2), 1 / math.sqrt(1 + first**2), dtype=torch.float64)
    walk = list(SAMPLERS[label].walk(EXACT, x, plan, noise=no_noise, options={"eta": 0.0}))
    ended = float(walk[-1].x[0, 0, 0, 0]) * math.sqrt(1 + last**2)
    return abs(ended / answer(first, last) - 1)


@pytest.mark.parametrize(("label", "order"), [("DDIM", 1), ("PLMS", 1.5)])
def test_the_timestep_samplers_do_so_too(label: str, order: float) -> None:
    few, many = timestep_error(label, 50), timestep_error(label, 100)  # PLMS starts with Heun
    assert few < 0.1
    assert math.log2(few / many) > order - 0.35, (few, many)


def test_unipc_is_near_the_answer_in_few_steps() -> None:
    """It ends at the table's end, between whose levels alpha-bar is a straight line in the log."""
    found = {}
    for count in (10, 20):
        plan = steps.timestep_plan(TABLE, count)
        x = torch.full((1, 1, 2, 2), 1 / math.sqrt(1 + TABLE.sigma_max**2), dtype=torch.float64)
        options = {"variant": "bh2", "skip_type": "time_uniform", "order": 3,
                   "lower_order_final": True}  # fmt: skip
        walk = list(SAMPLERS["UniPC"].walk(EXACT, x, plan, noise=no_noise, options=options))
        ended = float(walk[-1].x[0, 0, 0, 0]) * math.sqrt(1 + TABLE.sigma_min**2)
        found[count] = abs(ended / answer(TABLE.sigma_max, TABLE.sigma_min) - 1)
    assert found[20] < found[10] and found[20] < 0.04


def test_dpm_adaptive_keeps_its_tolerance() -> None:
    assert error("DPM adaptive", 20) < 0.05


def test_restart_without_noise_ends_where_heun_does() -> None:
    assert error("Restart", 18) < 0.02
