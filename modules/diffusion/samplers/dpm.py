"""The first DPM-Solver family (Lu et al. 2022): DPM2, DPM2 a, DPM fast, DPM adaptive; and Restart.

DPM fast and DPM adaptive choose their own levels within a Span and end at its sigma_min, not at 0.
t = -ln(sigma). Formulas: A1111 numerics, samplers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from modules.diffusion.samplers.euler import heun_step
from modules.diffusion.schedules import karras_sigmas
from modules.diffusion.steps import Churn, Denoise, Span, Step, StepNoise, ancestral_step


def dpm_2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: StepNoise,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """The slope of the point half way in log sigma is used for the whole step."""
    churn = Churn(s_churn, s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x, sigma_hat = churn.apply(x, sigma, len(sigmas) - 1, noise)
        x, denoised = _midpoint_step(denoise, x, sigma_hat, sigma_next)
        yield Step(i, sigma, x, denoised)


def dpm_2_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: StepNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """DPM2 down to sigma_down, then fresh noise."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        x, denoised = _midpoint_step(denoise, x, sigma, sigma_down)
        if sigma_down > 0:
            x = x + noise() * s_noise * sigma_up
        yield Step(i, sigma, x, denoised)


def _midpoint_step(
    denoise: Denoise, x: Tensor, sigma: Tensor, sigma_next: Tensor
) -> tuple[Tensor, Tensor]:
    """(x at sigma_next, x0 seen at sigma); a plain Euler step down to 0."""
    denoised = denoise(x, sigma)
    slope = (x - denoised) / sigma
    if sigma_next > 0:
        sigma_mid = sigma.log().lerp(sigma_next.log(), 0.5).exp()
        x_mid = x + slope * (sigma_mid - sigma)
        slope = (x_mid - denoise(x_mid, sigma_mid)) / sigma_mid
    return x + slope * (sigma_next - sigma), denoised


class _Solver:
    """DPM-Solver's steps of order 1 to 3 in t, sharing the predictions of one step."""

    def __init__(self, denoise: Denoise, x: Tensor, t: Tensor) -> None:
        self._denoise = denoise
        self._x = x
        self._t = t
        self.denoised = denoise(x, t.neg().exp())
        self._eps = (x - self.denoised) / t.neg().exp()
        self._eps_third: Tensor | None = None

    def _eps_at(self, x: Tensor, t: Tensor) -> Tensor:
        sigma = t.neg().exp()
        return (x - self._denoise(x, sigma)) / sigma

    def _first_order(self, h: Tensor) -> Tensor:
        return self._x - (self._t + h).neg().exp() * h.expm1() * self._eps

    def _at_third(self, h: Tensor) -> Tensor:
        """The noise predicted a third of the way; orders 2 and 3 of DPM adaptive share it."""
        if self._eps_third is None:
            self._eps_third = self._eps_at(self._first_order(h / 3), self._t + h / 3)
        return self._eps_third

    def step(self, order: int, t_next: Tensor) -> Tensor:
        if order == 1:
            return self._first_order(t_next - self._t)
        return self.second(t_next) if order == 2 else self.third(t_next)

    def second(self, t_next: Tensor, r: float = 0.5) -> Tensor:
        h = t_next - self._t
        if r == 0.5:
            eps_mid = self._eps_at(self._first_order(h / 2), self._t + h / 2)
        else:
            eps_mid = self._at_third(h)
        change = (t_next.neg().exp() / (2 * r)) * h.expm1() * (eps_mid - self._eps)
        return self._first_order(h) - change

    def third(self, t_next: Tensor) -> Tensor:
        h = t_next - self._t
        r_1, r_2 = 1 / 3, 2 / 3
        change_1 = self._at_third(h) - self._eps
        s_2 = self._t + r_2 * h
        factor = s_2.neg().exp() * (r_2 / r_1) * ((r_2 * h).expm1() / (r_2 * h) - 1)
        change_2 = self._eps_at(self._first_order(r_2 * h) - factor * change_1, s_2) - self._eps
        return self._first_order(h) - (t_next.neg().exp() / r_2) * (h.expm1() / h - 1) * change_2


def _ancestral_target(
    t: Tensor, t_next: Tensor, t_end: Tensor, eta: float
) -> tuple[Tensor, Tensor]:
    """(t to solve to, sigma_up): as ancestral_step, but never beyond t_end."""
    if not eta:
        return t_next, torch.zeros(())
    sigma_down, _ = ancestral_step(t.neg().exp(), t_next.neg().exp(), eta)
    t_down = torch.minimum(t_end, -sigma_down.log())
    return t_down, (t_next.neg().exp() ** 2 - t_down.neg().exp() ** 2) ** 0.5


def dpm_fast(
    denoise: Denoise,
    x: Tensor,
    span: Span,
    *,
    noise: StepNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """DPM-Solver-fast: span.steps model calls in segments of order 3, the last ones lower."""
    segments = span.steps // 3 + 1
    t_end = -torch.tensor(span.sigma_min).log()
    levels = torch.linspace(float(-torch.tensor(span.sigma_max).log()), float(t_end), segments + 1)
    rest = span.steps % 3
    orders = [3] * (segments - 2) + [2, 1] if rest == 0 else [3] * (segments - 1) + [rest]
    for i, (order, t, t_next) in enumerate(zip(orders, levels[:-1], levels[1:], strict=True)):
        t_down, sigma_up = _ancestral_target(t, t_next, t_end, eta)
        solver = _Solver(denoise, x, t)
        x = solver.step(order, t_down)
        x = x + sigma_up * s_noise * noise()
        yield Step(i, t.neg().exp(), x, solver.denoised)


ADAPTIVE_RTOL = 0.05
ADAPTIVE_ATOL = 0.0078
ADAPTIVE_FIRST_H = 0.05
ADAPTIVE_ACCEPT = 0.81


def dpm_adaptive(
    denoise: Denoise, x: Tensor, span: Span, *, noise: StepNoise, eta: float = 1.0
) -> Iterator[Step]:
    """DPM-Solver-12/23 with an adaptive step; span.steps has no effect. One Step per accepted step.

    The error is taken over the whole batch, so here alone a picture depends on its neighbours.
    """
    t, t_end = -torch.tensor(span.sigma_max).log(), -torch.tensor(span.sigma_min).log()
    order = 1.5 if eta else 3.0
    h, i, low_before = ADAPTIVE_FIRST_H, 0, x
    while t < t_end - 1e-5:
        t_next = torch.minimum(t_end, t + h)
        t_down, sigma_up = _ancestral_target(t, t_next, t_end, eta)
        solver = _Solver(denoise, x, t)
        low, high = solver.second(t_down, r=1 / 3), solver.third(t_down)
        bound = (ADAPTIVE_RTOL * torch.maximum(low.abs(), low_before.abs())).clamp(ADAPTIVE_ATOL)
        error = float(torch.linalg.norm((low - high) / bound) / low.numel() ** 0.5)
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / order) - 1)
        h *= factor
        if factor < ADAPTIVE_ACCEPT:
            continue
        low_before = low
        x = high + sigma_up * noise()
        yield Step(i, t.neg().exp(), x, solver.denoised)
        t, i = t_next, i + 1


RESTART_SIGMA_MIN = 0.1
RESTART_SIGMA_MAX = 2.0


def restart_levels(sigmas: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The (from, to) pairs: below 20 steps the schedule itself, else Karras with loops."""
    steps = len(sigmas) - 1
    if steps < 20:
        return list(pairwise(sigmas))
    loop_steps, loops = (steps // 4, 2) if steps >= 36 else (9, 1)
    main_steps = steps - loop_steps * loops
    main = karras_sigmas(main_steps, float(sigmas[-2]), float(sigmas[0]))
    bottom = int((main - RESTART_SIGMA_MIN).abs().argmin())
    top = int((main - RESTART_SIGMA_MAX).abs().argmin())
    pairs: list[tuple[Tensor, Tensor]] = []
    for index, pair in enumerate(pairwise(main)):
        pairs.append(pair)
        if index + 1 == bottom and top < bottom:
            loop = karras_sigmas(loop_steps + 1, float(main[bottom]), float(main[top]))[:-1]
            pairs += list(pairwise(loop)) * loops
    return pairs


def restart(denoise: Denoise, x: Tensor, sigmas: Tensor, *, noise: StepNoise) -> Iterator[Step]:
    """Heun's steps that go back up to sigma 2 once or twice. Xu et al. 2023."""
    reached: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(restart_levels(sigmas)):
        if reached is not None and sigma > reached:
            x = x + noise() * (sigma**2 - reached**2) ** 0.5
        x, denoised = heun_step(denoise, x, sigma, sigma_next)
        reached = sigma_next
        yield Step(i, sigma, x, denoised)
