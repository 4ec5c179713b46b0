"""From a network's raw prediction to a denoised latent, or to the noise it sees.

A model is a callable `model(x (N,C,h,w) fp32, t (N,) fp32 on x.device, *, cross_attention (N,T,D),
vector (N,V) or None, concat (N,K,h,w) or None) -> (N,C,h,w)`; it casts to its own dtype itself.
Here its inputs are scaled and its outputs promoted to fp32. Nothing is known of guidance or masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modules.diffusion.noise_schedule import LcmTable, SigmaTable

Model = Callable[..., Tensor]

LCM_DATA_VARIANCE = 0.25  # sigma_data 0.5 squared. Luo et al. 2023, section 4.1
LCM_TIMESTEP_SCALE = 10.0


def _spread(factors: np.ndarray, x: Tensor) -> float | Tensor:
    """fp32 factors so that x times them is per image: of () a number, of (N,) (N,1,1,1)."""
    if factors.ndim == 0:
        return float(factors)
    return torch.from_numpy(factors).to(x.device, non_blocking=True).view(-1, 1, 1, 1)


def _root(numbers: np.ndarray) -> np.ndarray:
    """fp32. By torch, which rounds a few roots otherwise than numpy: old pictures have its bits."""
    return torch.as_tensor(numbers).sqrt().numpy()


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
        level = sigma.numpy()
        c_in = 1 / _root(level * level + 1)
        noise = self._predict(x * _spread(c_in, x), self._timestep(sigma), conditioning)
        return x - noise * _spread(level, x)

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
        level = sigma.numpy()
        variance = level * level + 1
        root = _root(variance)
        c_in, c_skip, c_out = 1 / root, 1 / variance, -level / root
        velocity = self._predict(x * _spread(c_in, x), self._timestep(sigma), conditioning)
        return velocity * _spread(c_out, x) + x * _spread(c_skip, x)

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
        level, t = sigma.numpy(), self.table.sigma_to_t(sigma)
        c_in = 1 / _root(level * level + 1)
        scaled = x * _spread(c_in, x)
        answer = self.model(scaled, _per_image(t, x), **conditioning).to(torch.float32)
        if self.velocity:
            original = x * _spread(c_in * c_in, x) - answer * _spread(level * c_in, x)
        else:
            original = x - answer * _spread(level, x)
        scaled_t = t.numpy() * LCM_TIMESTEP_SCALE
        variance = scaled_t * scaled_t + LCM_DATA_VARIANCE
        c_skip, c_out = LCM_DATA_VARIANCE / variance, scaled_t / _root(variance)
        return original * _spread(c_out, x) + x * _spread(c_skip, x)
