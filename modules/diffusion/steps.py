"""What samplers share: the Step they yield, what they walk over, and how img2img shortens it.

No sampler, no model, no schedule is known here by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x (B,C,h,w), sigma 0-dim) -> x0
StepNoise = Callable[[], Tensor]  # -> (B,C,h,w), the next draw of each image's stream


@dataclass(frozen=True, eq=False)
class Step:
    """State after step i. k-samplers: x in VE space; timestep samplers: x in VP space.

    sigma: the level that the step started from, 0-dim CPU. denoised: the x0 it saw, for previews.
    """

    i: int
    sigma: Tensor
    x: Tensor
    denoised: Tensor


def ancestral_step(sigma: Tensor, sigma_next: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """(sigma_down, sigma_up): go down to sigma_down, then add sigma_up of noise.

    Both together end at sigma_next. Levels: () or (n,). eta 0: no noise; 1: as much as DDPM.
    """
    if eta == 0:
        return sigma_next, torch.zeros_like(sigma_next)
    up = eta * (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5
    sigma_up = torch.minimum(sigma_next, up)
    return (sigma_next**2 - sigma_up**2) ** 0.5, sigma_up


@dataclass(frozen=True)
class Churn:
    """Extra noise before a step. Karras et al. 2022, algorithm 2. `s_tmax` 0 means no limit."""

    amount: float
    s_tmin: float
    s_tmax: float
    s_noise: float

    def apply(
        self, x: Tensor, sigma: Tensor, steps: int, noise: StepNoise
    ) -> tuple[Tensor, Tensor]:
        """(x, sigma) raised to the churned level. Where any step may be, each draws its noise."""
        if self.amount == 0:
            return x, sigma
        drawn = noise()
        limit = self.s_tmax or math.inf
        within = self.s_tmin <= sigma <= limit
        gamma = min(self.amount / steps, 2**0.5 - 1) if within else 0.0
        sigma_hat = sigma * (gamma + 1)
        if gamma > 0:
            x = x + drawn * self.s_noise * (sigma_hat**2 - sigma**2) ** 0.5
        return x, sigma_hat


class Img2ImgSteps(NamedTuple):
    """How many steps to build the schedule for, and how far up it (`t_enc`) to begin."""

    steps: int
    t_enc: int


def img2img_steps(steps: int, denoising_strength: float, *, exact: bool) -> Img2ImgSteps:
    """Step counts of img2img (A1111 numerics: img2img step counts).

    By default a strength of 0.75 runs three quarters of the steps. `exact` stretches the schedule
    so that `steps` steps are run; the second pass of hires fix is always exact. Exact with strength
    0 gives 0 schedule steps: nothing is to be sampled.
    """
    strength = min(denoising_strength, 0.999)
    if exact:
        return Img2ImgSteps(int(steps / strength) if strength > 0 else 0, steps - 1)
    return Img2ImgSteps(steps, int(strength * steps))


def img2img_sigmas(sigmas: Tensor, counts: Img2ImgSteps) -> Tensor:
    """The tail of a schedule built for counts.steps: t_enc + 1 steps of one of steps + 1 levels."""
    return sigmas[counts.steps - counts.t_enc - 1 :]


def discard_penultimate(sigmas: Tensor) -> Tensor:
    """The schedule without its last level above 0; build it with one step more than wanted."""
    return torch.cat([sigmas[:-2], sigmas[-1:]])


@dataclass(frozen=True, eq=False)
class TimestepPlan:
    """What a timestep sampler walks: whole timesteps, int64, ascending, already cut for img2img.

    start_alpha: alpha-bar of the level that img2img noises its latent to; None for pure noise.
    """

    table: SigmaTable
    timesteps: Tensor
    start_alpha: float | None = None

    def alpha(self, index: int) -> float:
        """Alpha-bar at timesteps[index]."""
        return float(self.table.alphas_cumprod[self.timesteps[index]])

    def descending(self) -> Iterator[tuple[int, float, float]]:
        """(index, alpha-bar there, alpha-bar of the level below); never reaches index 0."""
        for index in range(len(self.timesteps) - 1, 0, -1):
            yield index, self.alpha(index), self.alpha(index - 1)


def ddim_timesteps(steps: int) -> Tensor:
    """Ascending timesteps from 1, at equal strides: `steps` of them or more (30 gives 31)."""
    return (torch.arange(0, 1000, 1000 // steps) + 1).clamp(max=999)


def timestep_plan(table: SigmaTable, steps: int, t_enc: int | None = None) -> TimestepPlan:
    """The walk of the DDIM family. With t_enc (img2img) only the lowest t_enc timesteps.

    The latent is noised to timesteps[t_enc], the first model call uses timesteps[t_enc - 1]: so it
    is in A1111, and pictures depend on it.
    """
    assert 1 <= steps <= 1000, f"a timestep plan of {steps} steps"
    timesteps = ddim_timesteps(steps)
    if t_enc is None:
        return TimestepPlan(table, timesteps)
    start_alpha = float(table.alphas_cumprod[timesteps[t_enc]])
    return TimestepPlan(table, timesteps[:t_enc], start_alpha)


@dataclass(frozen=True)
class Span:
    """What the samplers walk that choose their own levels: from sigma_max down to sigma_min."""

    sigma_min: float
    sigma_max: float
    steps: int


def span_of_table(table: SigmaTable, steps: int) -> Span:
    """txt2img: the model's own ends, whatever the schedule."""
    return Span(table.sigma_min, table.sigma_max, steps)


def span_of_sigmas(sigmas: Tensor) -> Span:
    """img2img: the ends of the cut schedule, its final 0 left out."""
    return Span(float(sigmas[-2]), float(sigmas[0]), len(sigmas) - 1)
