"""Euler, its ancestral form, Heun, linear multistep and LCM: steps along dx/dsigma.

All take `denoise(x, sigma) -> x0` and the descending sigmas (n + 1,), fp32 on the CPU, and yield a
Step per interval. `noise()` is the next draw of each image. Sources: Karras et al. 2022 and A1111
numerics, samplers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from scipy.integrate import quad
from torch import Tensor

from modules.diffusion.steps import Churn, Denoise, Step, StepNoise, ancestral_step


def euler_step(x: Tensor, denoised: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """x at sigma_next along the slope at sigma, in one fresh tensor."""
    return (x - denoised).div_(sigma).mul_(sigma_next - sigma).add_(x)


def euler(
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
    """Euler's method. Karras et al. 2022, algorithm 2 without its second half."""
    churn = Churn(s_churn, s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x, sigma_hat = churn.apply(x, sigma, len(sigmas) - 1, noise)
        denoised = denoise(x, sigma_hat)
        x = euler_step(x, denoised, sigma_hat, sigma_next)
        yield Step(i, sigma, x, denoised)


def euler_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, noise: StepNoise, eta: float = 1.0
) -> Iterator[Step]:
    """Euler down to sigma_down, then fresh noise; its strength is eta alone."""
    levels = sigmas.tolist()
    downs_and_ups = ancestral_step(sigmas[:-1], sigmas[1:], eta)
    for i, (sigma, down, up) in enumerate(zip(sigmas[:-1], *downs_and_ups, strict=True)):
        denoised = denoise(x, sigma)
        x = euler_step(x, denoised, sigma, down)
        if levels[i + 1] > 0:
            x = x.add_(noise() * up)
        yield Step(i, sigma, x, denoised)


def heun_step(
    denoise: Denoise, x: Tensor, sigma: Tensor, sigma_next: Tensor
) -> tuple[Tensor, Tensor]:
    """(x at sigma_next, x0 seen at sigma): Euler corrected by the slope at its end, where not 0."""
    denoised = denoise(x, sigma)
    slope = (x - denoised) / sigma
    reached = x + slope * (sigma_next - sigma)
    if sigma_next > 0:
        slope_there = (reached - denoise(reached, sigma_next)) / sigma_next
        reached = x + (slope + slope_there) / 2 * (sigma_next - sigma)
    return reached, denoised


def heun(
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
    """Heun's method. Karras et al. 2022, algorithm 2."""
    churn = Churn(s_churn, s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x, sigma_hat = churn.apply(x, sigma, len(sigmas) - 1, noise)
        x, denoised = heun_step(denoise, x, sigma_hat, sigma_next)
        yield Step(i, sigma, x, denoised)


def _multistep_weight(levels: list[float], i: int, order: int, j: int) -> float:
    """Integral over step i of the Lagrange polynomial of the slope j steps back."""

    def polynomial(tau: float) -> float:
        others = [m for m in range(order) if m != j]
        return math.prod((tau - levels[i - m]) / (levels[i - j] - levels[i - m]) for m in others)

    return quad(polynomial, levels[i], levels[i + 1], epsrel=1e-4)[0]


def lms(denoise: Denoise, x: Tensor, sigmas: Tensor) -> Iterator[Step]:
    """Linear multistep of order 4 over the slopes of the last steps, to sigma 0 at full order."""
    levels = sigmas.tolist()
    slopes: list[Tensor] = []  # latest first
    for i, sigma in enumerate(sigmas[:-1]):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes[:3]]
        weights = [_multistep_weight(levels, i, len(slopes), j) for j in range(len(slopes))]
        for weight, slope in zip(weights, slopes, strict=True):
            x = x + slope * weight
        yield Step(i, sigma, x, denoised)


def lcm(denoise: Denoise, x: Tensor, sigmas: Tensor, *, noise: StepNoise) -> Iterator[Step]:
    """Latent consistency sampling. Luo et al. 2023, algorithm 3: predict x0, noise it again."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised
        if sigma_next > 0:
            x = x + noise() * sigma_next
        yield Step(i, sigma, x, denoised)
