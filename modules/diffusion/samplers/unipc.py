"""UniPC: a predictor-corrector of order up to 3 in continuous time. Zhao et al. 2023.

`eps(x, t) -> noise` (B,C,h,w) is asked at fractional timesteps, 0-dim fp32 on the CPU. Coefficients
are float64 on the CPU; they are few. Formulas: A1111 numerics, samplers (UniPC).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from modules.diffusion.samplers.timestep import Eps, sigma_of
from modules.diffusion.steps import Step, TimestepPlan
from modules.errors import RequestError

VARIANTS = ("bh1", "bh2", "vary_coeff")
SKIP_TYPES = ("time_uniform", "time_quadratic", "logSNR")
TIME_END = 1 / 1000  # continuous time of timestep 0; timestep i is at (i + 1) / 1000


class _Levels:
    """A model's levels as functions of continuous time: log alpha is piecewise linear in time."""

    def __init__(self, alphas_cumprod: Tensor) -> None:
        self._log_alphas = 0.5 * np.log(alphas_cumprod.numpy().astype(np.float64))
        self._times = np.arange(1, len(self._log_alphas) + 1) / 1000

    def alpha(self, time: float) -> float:
        return math.exp(np.interp(time, self._times, self._log_alphas))

    def sigma(self, time: float) -> float:
        return math.sqrt(1 - self.alpha(time) ** 2)

    def half_log_snr(self, time: float) -> float:
        return math.log(self.alpha(time) / self.sigma(time))

    def time_of(self, half_log_snr: np.ndarray) -> np.ndarray:
        log_alphas = -0.5 * np.logaddexp(0.0, -2.0 * half_log_snr)
        return np.interp(log_alphas, self._log_alphas[::-1], self._times[::-1])

    def walk(self, skip_type: str, start: float, steps: int) -> list[float]:
        """steps + 1 times from `start` down to TIME_END."""
        if skip_type == "time_uniform":
            times = np.linspace(start, TIME_END, steps + 1)
        elif skip_type == "time_quadratic":
            times = np.linspace(start**0.5, TIME_END**0.5, steps + 1) ** 2
        else:
            ends = self.half_log_snr(start), self.half_log_snr(TIME_END)
            times = self.time_of(np.linspace(*ends, steps + 1))
        return times.tolist()


@dataclass(frozen=True, eq=False)
class _Node:
    """A visited time with the x0 that was predicted there."""

    half_log_snr: float
    original: Tensor


@dataclass(frozen=True)
class _Coefficients:
    """Weights of one step; differences are (m_-i - m_0) / r_i for the nodes before the last.

    The predictor is base - alpha_t * sum(predictor * differences); the corrector likewise, with
    m_t - m_0 as one more difference.
    """

    predictor: list[float]
    corrector: list[float]


def _coefficients(ratios: np.ndarray, hh: float, variant: str) -> _Coefficients:
    """ratios: r_1 ... r_{p-1}, 1 for order p; hh = -(lambda_t - lambda_0)."""
    if variant == "vary_coeff":
        return _varying_coefficients(ratios, hh)
    return _b_h_coefficients(ratios, hh, hh if variant == "bh1" else math.expm1(hh))


def _b_h_coefficients(ratios: np.ndarray, hh: float, scale: float) -> _Coefficients:
    """Zhao et al. 2023, theorem 3.1; scale is B(h)."""
    order = len(ratios)
    powers = np.stack([ratios**k for k in range(order)])
    phi, wanted = math.expm1(hh) / hh - 1, []
    for k in range(1, order + 1):
        wanted.append(phi * math.factorial(k) / scale)
        phi = phi / hh - 1 / math.factorial(k + 1)
    corrector = np.array([0.5]) if order == 1 else np.linalg.solve(powers, np.array(wanted))
    if order <= 2:
        predictor = np.array([0.5] * (order - 1))
    else:
        predictor = np.linalg.solve(powers[:-1, :-1], np.array(wanted[:-1]))
    return _Coefficients((scale * predictor).tolist(), (scale * corrector).tolist())


def _varying_coefficients(ratios: np.ndarray, hh: float) -> _Coefficients:
    """Zhao et al. 2023, appendix C: coefficients that vary with the step sizes."""
    order = len(ratios)
    phis = [math.expm1(hh)]
    for k in range(1, order + 1):
        phis.append(phis[-1] / hh - 1 / math.factorial(k))
    columns = np.stack([ratios**k / math.factorial(k + 1) for k in range(order)], axis=1)
    inverse = np.linalg.inv(columns)
    tail = np.array(phis[1:order])
    predictor = tail @ np.linalg.inv(columns[:-1, :-1]) if order > 1 else np.array([])
    corrector = tail @ inverse[: order - 1, : order - 1]
    # The newest difference takes the row before the last, not the last: so it is in A1111.
    newest = phis[order] * inverse[max(order - 1, 1) - 1, order - 1]
    return _Coefficients(predictor.tolist(), [*corrector.tolist(), float(newest)])


def _order_at(step: int, steps: int, order: int, lower_order_final: bool) -> int:
    """Order of the 1-based step: rising at the start and, if wanted, falling at the end."""
    if step < order:
        return step
    return min(order, steps + 1 - step) if lower_order_final else order


def _minus(base: Tensor, alpha: float, weights: list[float], terms: list[Tensor]) -> Tensor:
    for weight, term in zip(weights, terms, strict=True):
        base = base - alpha * weight * term
    return base


def unipc(
    eps: Eps,
    x: Tensor,
    plan: TimestepPlan,
    *,
    variant: str = "bh1",
    skip_type: str = "time_uniform",
    order: int = 3,
    lower_order_final: bool = True,
) -> Iterator[Step]:
    """As many model calls as the plan has timesteps; x0 prediction, no thresholding.

    RequestError where there are fewer steps than the order.
    """
    assert variant in VARIANTS, f"UniPC variant {variant!r}"
    assert skip_type in SKIP_TYPES, f"UniPC skip type {skip_type!r}"
    steps = len(plan.timesteps)
    if steps < order:
        raise RequestError(
            f"UniPC of order {order} needs at least {order} steps, and this pass has {steps}: raise"
            " the steps or the denoising strength, or lower 'UniPC order' in the settings",
            field="steps",
        )
    levels = _Levels(plan.table.alphas_cumprod)
    start = 1.0 if plan.start_alpha is None else (int(plan.timesteps[-1]) + 1) / 1000
    times = levels.walk(skip_type, start, steps)

    def visit(x: Tensor, time: float) -> _Node:
        noise = eps(x, torch.tensor((time - TIME_END) * 1000.0, dtype=torch.float32))
        original = (x - levels.sigma(time) * noise) / levels.alpha(time)
        return _Node(levels.half_log_snr(time), original)

    nodes = [visit(x, times[0])]  # latest last
    for step, (before, now) in enumerate(pairwise(times), start=1):
        used = _order_at(step, steps, order, lower_order_final)
        last, older = nodes[-1], nodes[-used:-1][::-1]
        h = levels.half_log_snr(now) - last.half_log_snr
        ratios = [(node.half_log_snr - last.half_log_snr) / h for node in older]
        weights = _coefficients(np.array([*ratios, 1.0]), -h, variant)
        differences = [
            (node.original - last.original) / ratio
            for node, ratio in zip(older, ratios, strict=True)
        ]
        alpha = levels.alpha(now)
        shrunk = (levels.sigma(now) / levels.sigma(before)) * x
        base = shrunk - alpha * math.expm1(-h) * last.original
        x = _minus(base, alpha, weights.predictor, differences)
        if step < steps:  # the last step is not corrected
            nodes = [*nodes, visit(x, now)][-order:]
            differences.append(nodes[-1].original - last.original)
            x = _minus(base, alpha, weights.corrector, differences)
        yield Step(step - 1, sigma_of(levels.alpha(before) ** 2), x, last.original)
