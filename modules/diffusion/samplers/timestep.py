"""Samplers over whole timesteps in VP space: DDIM, DDIM CFG++ and PLMS.

All take `eps(x, t) -> noise` (B,C,h,w), t 0-dim int64 on the CPU, and a TimestepPlan, and end at
its first timestep. alpha is alpha-bar, in float64. Formulas: A1111 numerics, samplers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from modules.diffusion.steps import Step, StepNoise, TimestepPlan

Eps = Callable[[Tensor, Tensor], Tensor]
EpsPair = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def predicted_original(x: Tensor, eps: Tensor, alpha: float) -> Tensor:
    """x0 (B,C,h,w) for x in VP space at alpha-bar `alpha` and the noise in it."""
    return (x - (1 - alpha) ** 0.5 * eps) / alpha**0.5


def sigma_of(alpha: float) -> Tensor:
    """Sigma (0-dim fp32 CPU) of alpha-bar `alpha`."""
    return torch.tensor(((1 - alpha) / alpha) ** 0.5, dtype=torch.float32)


def _spread(alpha: float, alpha_below: float, eta: float) -> float:
    """Standard deviation of the fresh noise. Song et al. 2020, eq. 16."""
    return eta * ((1 - alpha_below) / (1 - alpha) * (1 - alpha / alpha_below)) ** 0.5


def ddim(
    eps: Eps, x: Tensor, plan: TimestepPlan, *, noise: StepNoise, eta: float = 0.0
) -> Iterator[Step]:
    """Song et al. 2020, eq. 12."""

    def same_for_both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        guided = eps(x, t)
        return guided, guided

    yield from ddim_cfgpp(same_for_both, x, plan, noise=noise, eta=eta)


def ddim_cfgpp(
    eps_pair: EpsPair, x: Tensor, plan: TimestepPlan, *, noise: StepNoise, eta: float = 0.0
) -> Iterator[Step]:
    """DDIM that renoises with the unguided noise. Chung et al. 2024.

    eps_pair gives (guided noise, unguided noise).
    """
    for i, (index, alpha, alpha_below) in enumerate(plan.descending()):
        guided, unguided = eps_pair(x, plan.timesteps[index])
        spread = _spread(alpha, alpha_below, eta)
        original = predicted_original(x, guided, alpha)
        direction = (1 - alpha_below - spread**2) ** 0.5 * unguided
        x = alpha_below**0.5 * original + direction
        if eta:
            x = x + spread * noise()
        yield Step(i, sigma_of(alpha), x, original)


def _combined_slope(current: Tensor, history: list[Tensor]) -> Tensor:
    """Adams-Bashforth over the noises of up to three earlier steps, latest first."""
    if len(history) == 1:
        return (3 * current - history[0]) / 2
    if len(history) == 2:
        return (23 * current - 16 * history[0] + 5 * history[1]) / 12
    return (55 * current - 59 * history[0] + 37 * history[1] - 9 * history[2]) / 24


def plms(eps: Eps, x: Tensor, plan: TimestepPlan) -> Iterator[Step]:
    """Pseudo linear multistep. Liu et al. 2022, algorithm 2; two model calls in the first step."""
    history: list[Tensor] = []
    for i, (index, alpha, alpha_below) in enumerate(plan.descending()):
        current = eps(x, plan.timesteps[index])
        if history:
            slope = _combined_slope(current, history)
        else:
            ahead = _deterministic_step(x, current, alpha, alpha_below)
            slope = (current + eps(ahead, plan.timesteps[max(index - 1, 0)])) / 2
        history = [current, *history[:2]]
        original = predicted_original(x, slope, alpha)
        x = _deterministic_step(x, slope, alpha, alpha_below)
        yield Step(i, sigma_of(alpha), x, original)


def _deterministic_step(x: Tensor, eps: Tensor, alpha: float, alpha_below: float) -> Tensor:
    original = predicted_original(x, eps, alpha)
    return alpha_below**0.5 * original + (1 - alpha_below) ** 0.5 * eps
