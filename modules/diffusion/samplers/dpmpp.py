"""The DPM-Solver++ family: exponential integrators of the denoised latent. Lu et al. 2022.

All take `denoise(x, sigma) -> x0` and the descending sigmas (n + 1,), fp32 on the CPU, and yield a
Step per interval. lambda(sigma) = -ln(sigma). SDE samplers take Brownian unit noise per interval
(`noise(sigma, sigma_next)`), the ancestral one a draw per step. Formulas: A1111 numerics, samplers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from modules.diffusion.steps import Denoise, Step, StepNoise, ancestral_step

IntervalNoise = Callable[[Tensor, Tensor], Tensor]  # (sigma, sigma_next) -> (B,C,h,w)


def dpmpp_2s_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: StepNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Two calls a step, single-step second order, with ancestral noise."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
        if sigma_down == 0:
            x = x + (x - denoised) / sigma * (sigma_down - sigma)
        else:
            h = sigma.log() - sigma_down.log()
            sigma_mid = (sigma.log() - h / 2).exp()
            x_mid = (sigma_mid / sigma) * x - (-h / 2).expm1() * denoised
            x = (sigma_down / sigma) * x - (-h).expm1() * denoise(x_mid, sigma_mid)
        if sigma_next > 0:
            x = x + noise() * s_noise * sigma_up
        yield Step(i, sigma, x, denoised)


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Iterator[Step]:
    """Multistep of second order: the last two predictions are extrapolated."""
    levels, h = sigmas.tolist(), sigmas[:-1].log() - sigmas[1:].log()
    before = torch.cat([h[:1], h[:-1]])  # the first step has none before it, and reads none
    parts = 1 / (2 * (before / h))
    factors = zip(
        sigmas[:-1], sigmas[1:] / sigmas[:-1], (-h).expm1(), 1 + parts, parts, strict=True
    )
    previous = x
    for i, (sigma, kept, gained, of_this, of_previous) in enumerate(factors):
        denoised = extrapolated = denoise(x, sigma)
        if i > 0 and levels[i + 1] > 0:
            extrapolated = (of_this * denoised).sub_(of_previous * previous)
        x = (kept * x).sub_(gained * extrapolated)
        previous = denoised
        yield Step(i, sigma, x, denoised)


def dpmpp_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: IntervalNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Two calls a step, single-step, stochastic; the second call stands half way in lambda."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = x + (x - denoised) / sigma * (sigma_next - sigma)
        else:
            # Levels pass through lambda and back, as in A1111: their last bit may change.
            t, t_next = -sigma.log(), -sigma_next.log()
            t_mid = t + (t_next - t) / 2
            x_mid = _stochastic_step(x, denoised, t, t_mid, noise, eta, s_noise)
            # The weights (1 - 1/2r) and 1/2r of both predictions are 0 and 1 at the half way point.
            there = denoise(x_mid, (-t_mid).exp())
            x = _stochastic_step(x, there, t, t_next, noise, eta, s_noise)
        yield Step(i, sigma, x, denoised)


def _stochastic_step(
    x: Tensor,
    denoised: Tensor,
    t: Tensor,
    t_next: Tensor,
    noise: IntervalNoise,
    eta: float,
    s_noise: float,
) -> Tensor:
    """From lambda t to t_next with one prediction: down to sigma_down, then Brownian noise."""
    sigma, sigma_next = (-t).exp(), (-t_next).exp()
    sigma_down, sigma_up = ancestral_step(sigma, sigma_next, eta)
    t_down = -sigma_down.log()
    reached = ((-t_down).exp() / sigma) * x - (t - t_down).expm1() * denoised
    return reached + noise(sigma, sigma_next) * s_noise * sigma_up


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: IntervalNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Stochastic multistep of second order, corrected by the midpoint rule."""
    yield from _multistep_sde(denoise, x, sigmas, noise, eta, s_noise, heun=False)


def dpmpp_2m_sde_heun(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: IntervalNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Stochastic multistep of second order, corrected by Heun's rule."""
    yield from _multistep_sde(denoise, x, sigmas, noise, eta, s_noise, heun=True)


def _multistep_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: IntervalNoise,
    eta: float,
    s_noise: float,
    *,
    heun: bool,
) -> Iterator[Step]:
    previous, h_previous = None, None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
            yield Step(i, sigma, x, denoised)
            continue
        h = sigma.log() - sigma_next.log()
        eta_h = eta * h
        gain = -(-h - eta_h).expm1()
        x = (sigma_next / sigma) * (-eta_h).exp() * x + gain * denoised
        if previous is not None and h_previous is not None:
            factor = gain / (-h - eta_h) + 1 if heun else 0.5 * gain
            x = x + factor * (h / h_previous) * (denoised - previous)
        if eta:
            spread = sigma_next * (-(-2 * eta_h).expm1()).sqrt() * s_noise
            x = x + noise(sigma, sigma_next) * spread
        previous, h_previous = denoised, h
        yield Step(i, sigma, x, denoised)


def dpmpp_3m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    noise: IntervalNoise,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Stochastic multistep of third order."""
    history: list[tuple[Tensor, Tensor]] = []  # (x0, h) of the steps before, latest first
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
            yield Step(i, sigma, x, denoised)
            continue
        h = sigma.log() - sigma_next.log()
        h_eta = h * (eta + 1)
        x = (-h_eta).exp() * x - (-h_eta).expm1() * denoised
        phi_2 = (-h_eta).expm1() / h_eta + 1
        if len(history) == 2:
            (first, h_1), (second, h_2) = history
            r_0, r_1 = h_1 / h, h_2 / h
            slope_0, slope_1 = (denoised - first) / r_0, (first - second) / r_1
            d_1 = slope_0 + (slope_0 - slope_1) * (r_0 / (r_0 + r_1))
            d_2 = (slope_0 - slope_1) / (r_0 + r_1)
            x = x + phi_2 * d_1 - (phi_2 / h_eta - 0.5) * d_2
        elif history:
            first, h_1 = history[0]
            x = x + phi_2 * ((denoised - first) / (h_1 / h))
        if eta:
            spread = sigma_next * (-(-2 * h * eta).expm1()).sqrt() * s_noise
            x = x + noise(sigma, sigma_next) * spread
        history = [(denoised, h), *history[:1]]
        yield Step(i, sigma, x, denoised)
