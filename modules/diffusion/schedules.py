"""Schedules: which noise levels a k-sampler visits, in how many steps.

Each schedule is a pure function that makes its own end: all but KL Optimal end in 0. Results are
fp32 CPU tensors, descending. "Automatic" is no schedule: whoever plans a pass resolves it.
Definitions: A1111 numerics, schedules. It knows neither samplers nor truncation for img2img.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import beta as beta_distribution
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable
from modules.errors import RequestError, UnknownNameError

# Noise levels found by Sabour et al. 2024 ("Align Your Steps") for ten steps.
ALIGN_YOUR_STEPS_SD1 = (
    14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029,
)  # fmt: skip
ALIGN_YOUR_STEPS_SDXL = (
    14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029,
)  # fmt: skip


@dataclass(frozen=True)
class Levels:
    """What a schedule may depend on besides the number of steps. rho None: the schedule's own."""

    table: SigmaTable
    sigma_min: float
    sigma_max: float
    rho: float | None = None
    is_sdxl: bool = False
    beta_alpha: float = 0.6
    beta_beta: float = 0.6


ScheduleFn = Callable[[int, Levels], Tensor]


def ending_in_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas.to(torch.float32), torch.zeros(1)])


def uniform(steps: int, levels: Levels) -> Tensor:
    """Equal steps in the timestep, between the table's own ends whatever levels are asked for."""
    table = levels.table
    return ending_in_zero(table.t_to_sigma(torch.linspace(table.last_t, table.first_t, steps)))


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Karras et al. 2022, eq. 5; (steps + 1,)."""
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return ending_in_zero((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def karras(steps: int, levels: Levels) -> Tensor:
    return karras_sigmas(steps, levels.sigma_min, levels.sigma_max, levels.rho or 7.0)


def exponential(steps: int, levels: Levels) -> Tensor:
    """Equal steps in log sigma."""
    high, low = math.log(levels.sigma_max), math.log(levels.sigma_min)
    return ending_in_zero(torch.linspace(high, low, steps).exp())


def polyexponential(steps: int, levels: Levels) -> Tensor:
    """A polynomial (degree rho, 1) in log sigma."""
    high, low = math.log(levels.sigma_max), math.log(levels.sigma_min)
    ramp = torch.linspace(1, 0, steps) ** (levels.rho or 1.0)
    return ending_in_zero(torch.exp(ramp * (high - low) + low))


def sgm_uniform(steps: int, levels: Levels) -> Tensor:
    """Equal steps in the timestep, stopping one step short of sigma_min."""
    return ending_in_zero(levels.table.t_to_sigma(_timesteps(steps + 1, levels)[:-1]))


def normal(steps: int, levels: Levels) -> Tensor:
    """Equal steps in the timestep, between the asked ends."""
    return ending_in_zero(levels.table.t_to_sigma(_timesteps(steps, levels)))


def _timesteps(count: int, levels: Levels) -> Tensor:
    ends = torch.tensor([levels.sigma_max, levels.sigma_min], dtype=torch.float32)
    start, end = levels.table.sigma_to_t(ends).tolist()
    return torch.linspace(start, end, count)


def kl_optimal(steps: int, levels: Levels) -> Tensor:
    """Sabour et al. 2024, theorem 3.1. steps + 1 levels that end at sigma_min, not at 0."""
    position = torch.arange(steps + 1, dtype=torch.float32) / steps
    low, high = torch.tensor([levels.sigma_min, levels.sigma_max], dtype=torch.float32).atan()
    return torch.tan(position * low + (1 - position) * high)


def align_your_steps(steps: int, levels: Levels) -> Tensor:
    """The published levels, log-linearly interpolated where other than 11 are asked for."""
    published = ALIGN_YOUR_STEPS_SDXL if levels.is_sdxl else ALIGN_YOUR_STEPS_SD1
    if steps == len(published):
        return ending_in_zero(torch.tensor(published))
    positions = np.linspace(0, 1, len(published))
    ascending = np.log(np.array(published)[::-1])
    sigmas = np.exp(np.interp(np.linspace(0, 1, steps), positions, ascending))[::-1]
    return ending_in_zero(torch.from_numpy(sigmas.copy()))


def simple(steps: int, levels: Levels) -> Tensor:
    """Equal strides through the table, from its top."""
    sigmas = levels.table.sigmas
    stride = len(sigmas) / steps
    return ending_in_zero(sigmas[[-(1 + int(i * stride)) for i in range(steps)]])


def ddim(steps: int, levels: Levels) -> Tensor:
    """The levels of the DDIM timesteps. There may be more than `steps` of them."""
    sigmas = levels.table.sigmas
    return ending_in_zero(sigmas[1 :: max(len(sigmas) // steps, 1)].flip(0))


def beta(steps: int, levels: Levels) -> Tensor:
    """Quantiles of a beta distribution, linear in sigma. Lee et al. 2024."""
    quantiles = 1 - np.linspace(0, 1, steps)
    curve = beta_distribution.ppf(quantiles, levels.beta_alpha, levels.beta_beta)
    sigmas = levels.sigma_min + curve * (levels.sigma_max - levels.sigma_min)
    return ending_in_zero(torch.from_numpy(sigmas))


SCHEDULES: dict[str, ScheduleFn] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "Polyexponential": polyexponential,
    "SGM Uniform": sgm_uniform,
    "KL Optimal": kl_optimal,
    "Align Your Steps": align_your_steps,
    "Simple": simple,
    "Normal": normal,
    "DDIM": ddim,
    "Beta": beta,
}


def build(
    label: str,
    steps: int,
    table: SigmaTable,
    *,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    rho: float | None = None,
    is_sdxl: bool = False,
    beta_alpha: float = 0.6,
    beta_beta: float = 0.6,
) -> Tensor:
    """The levels of schedule `label`, fp32 on the CPU; mostly (steps + 1,), ending in 0.

    None for an end or rho takes the table's or the schedule's own. UnknownNameError for a label
    that is no schedule, RequestError for ends that are no descending pair of positive levels.
    """
    assert steps >= 1, f"a schedule of {steps} steps"
    if label not in SCHEDULES:
        raise UnknownNameError(
            f"there is no schedule {label!r}; choose one of: {', '.join(SCHEDULES)}",
            field="scheduler",
        )
    low = table.sigma_min if sigma_min is None else sigma_min
    high = table.sigma_max if sigma_max is None else sigma_max
    if not 0 < low < high < math.inf:
        raise RequestError(
            f"a schedule can't run from sigma {high:g} down to {low:g}: the highest noise level"
            " must be above the lowest and both above 0; change 'sigma min' or 'sigma max'"
        )
    levels = Levels(table, low, high, rho, is_sdxl, beta_alpha, beta_beta)
    return SCHEDULES[label](steps, levels)
