"""From a network's raw prediction to a denoised latent, or to the noise it sees.

A model is a callable `model(x (N,C,h,w) fp32, t (N,) fp32 on x.device, *, cross_attention (N,T,D),
vector (N,V) or None, concat (N,K,h,w) or None) -> (N,C,h,w)`; it casts to its own dtype itself.
Here its inputs are scaled and its outputs promoted to fp32. Nothing is known of guidance or masks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modules.diffusion.noise_schedule import LcmTable, SigmaTable

Model = Callable[..., Tensor]

LCM_DATA_VARIANCE = 0.25  # sigma_data 0.5 squared. Luo et al. 2023, section 4.1
LCM_TIMESTEP_SCALE = 10.0


# A noise level, () or (N,) fp32, to the numbers that a formula multiplies by.
Formula = Callable[[np.ndarray], tuple[np.ndarray, ...]]


def _root(numbers: np.ndarray) -> np.ndarray:
    """fp32. By torch, which rounds a few roots otherwise than numpy: old pictures have its bits."""
    return torch.as_tensor(numbers).sqrt().numpy()


def _of_noise(level: np.ndarray) -> tuple[np.ndarray, ...]:
    """c_in, c_out."""
    return 1 / _root(level * level + 1), level


def _of_velocity(level: np.ndarray) -> tuple[np.ndarray, ...]:
    """c_in, c_out, c_skip."""
    variance = level * level + 1
    root = _root(variance)
    return 1 / root, -level / root, 1 / variance


def _of_consistency(level: np.ndarray) -> tuple[np.ndarray, ...]:
    """c_in, then what makes x0 of x and of a predicted velocity."""
    c_in = 1 / _root(level * level + 1)
    return c_in, c_in * c_in, level * c_in


def _of_boundary(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """c_out, c_skip of a timestep."""
    scaled = t * LCM_TIMESTEP_SCALE
    variance = scaled * scaled + LCM_DATA_VARIANCE
    return scaled / _root(variance), LCM_DATA_VARIANCE / variance


def _factors(formula: Formula, level: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    """What the formula makes of level, () or (N,), so that x times each is per image."""
    if level.ndim == 0:
        return _numbers(formula, float(level))
    each = (torch.from_numpy(factor) for factor in formula(level.numpy()))
    return tuple(factor.to(x.device, non_blocking=True).view(-1, 1, 1, 1) for factor in each)


@functools.lru_cache(maxsize=4096)
def _numbers(formula: Formula, level: float) -> tuple[Tensor, ...]:
    """0-dim. Remembered, since a schedule's levels come again with the next picture."""
    numbers = formula(np.asarray(level, np.float32))
    with torch.inference_mode(False):  # whoever asks next may want gradients
        return tuple(torch.tensor(float(number)) for number in numbers)


def _per_image(t: Tensor | float, x: Tensor) -> Tensor:
    """Timestep(s) as the (N,) fp32 tensor that a model takes."""
    if not isinstance(t, Tensor) or t.ndim == 0:
        # Filled on the device: a copy to it would wait for all that it is doing.
        return torch.full((x.shape[0],), float(t), dtype=torch.float32, device=x.device)
    return t.to(x.device, torch.float32, non_blocking=True)


class EpsDenoiser:
    """A model that predicts the noise. `quantize`: k-samplers take whole timesteps only."""

    def __init__(self, model: Model, table: SigmaTable, *, quantize: bool = False) -> None:
        self.model = model
        self.table = table
        self.quantize = quantize

    def _predict(self, x: Tensor, t: Tensor | float, conditioning: dict[str, Any]) -> Tensor:
        return self.model(x, _per_image(t, x), **conditioning).to(torch.float32)

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
        """x0 (N,C,h,w) fp32 for x in VE space at sigma: 0-dim or (N,), on the CPU."""
        c_in, c_out = _factors(_of_noise, sigma, x)
        noise = self._predict(x * c_in, self._timestep(sigma), conditioning)
        return x - noise * c_out

    def _timestep(self, sigma: Tensor) -> Tensor | float:
        if sigma.ndim == 0:
            return self.table.timestep(sigma, self.quantize)
        return self.table.sigma_to_t(sigma, self.quantize)

    def eps(self, x: Tensor, t: Tensor, **conditioning: Any) -> Tensor:
        """Noise in x, in VP space at the whole or fractional timestep t, 0-dim on the CPU."""
        return self._predict(x, t, conditioning)


class VDenoiser(EpsDenoiser):
    """A model that predicts v = sqrt(ᾱ) noise - sqrt(1-ᾱ) x0. Salimans and Ho 2022, section 4."""

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
        c_in, c_out, c_skip = _factors(_of_velocity, sigma, x)
        velocity = self._predict(x * c_in, self._timestep(sigma), conditioning)
        return velocity * c_out + x * c_skip

    def eps(self, x: Tensor, t: Tensor, **conditioning: Any) -> Tensor:
        # The level of a fractional timestep is the one below it (A1111 numerics: denoisers).
        alpha = self.table.alphas_cumprod[t.long()]
        velocity = self._predict(x, t, conditioning)
        return alpha.sqrt() * velocity + (1 - alpha).sqrt() * x


class LcmDenoiser:
    """A latent consistency model, whose x0 is mixed with its input. `velocity`: it predicts v.

    Luo et al. 2023, section 4.1; the boundary weights reach x only at small timesteps.
    """

    def __init__(self, model: Model, table: LcmTable, *, velocity: bool = False) -> None:
        self.model = model
        self.table = table
        self.velocity = velocity

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
        """x0 (N,C,h,w) fp32 for x in VE space at sigma: 0-dim or (N,), on the CPU."""
        t = self.table.sigma_to_t(sigma)
        c_in, of_x, of_velocity = _factors(_of_consistency, sigma, x)
        answer = self.model(x * c_in, _per_image(t, x), **conditioning).to(torch.float32)
        if self.velocity:
            original = x * of_x - answer * of_velocity
        else:
            original = x - answer * _factors(_of_noise, sigma, x)[1]
        c_out, c_skip = _factors(_of_boundary, t, x)
        return original * c_out + x * c_skip
