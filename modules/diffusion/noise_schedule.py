"""A model's noise levels: alpha-bar per timestep, the sigmas that follow, and sigma <-> timestep.

Two spaces are in use. VE (k-samplers): x = x0 + sigma * noise. VP (DDIM family):
x = sqrt(alpha_bar) * x0 + sqrt(1 - alpha_bar) * noise; x_vp = x_ve * sqrt(alpha_bar).

Everything here is a small CPU tensor: sigma arithmetic must never make an accelerator wait.
It does not know which sampler or schedule will walk these levels.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from modules.errors import RequestError

TIMESTEPS = 1000
BETA_START = 0.00085
BETA_END = 0.0120
# The last alpha-bar of a zero-terminal-SNR model: not 0, so that sigma stays finite.
ZERO_SNR_LAST_ALPHA = 4.8973451890853435e-08


def alphas_cumprod() -> Tensor:
    """Alpha-bar of Stable Diffusion 1, 2 and XL, (1000,) fp32: betas linear in their square root.

    Computed in float64 and cast once (A1111 numerics: noise schedule constants).
    """
    root = torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS, dtype=torch.float64)
    return torch.cumprod(1.0 - root**2, dim=0).to(torch.float32)


def downcast(alphas: Tensor) -> Tensor:
    """Alpha-bar rounded to fp16, as pictures made before A1111 1.7 have it.

    A SigmaTable built from it also derives its sigmas in fp16.
    """
    return alphas.to(torch.float16)


def zero_terminal_snr(alphas: Tensor) -> Tensor:
    """Alpha-bar rescaled so that the last level is almost pure noise. Lin et al. 2023, alg. 1.

    Raises RequestError for fp16 levels, whose last sigma would be infinite.
    """
    if alphas.dtype == torch.float16:
        raise RequestError(
            "Zero Terminal SNR and 'Downcast alphas_cumprod' can't be used together: the highest"
            " noise level would be infinite; turn one of the two off"
        )
    root = alphas.sqrt()
    first, last = root[0].clone(), root[-1].clone()
    rescaled = ((root - last) * (first / (first - last))) ** 2
    rescaled[-1] = ZERO_SNR_LAST_ALPHA
    return rescaled


@dataclass(frozen=True, eq=False)
class SigmaTable:
    """The noise level of each timestep of one model, all (T,), ascending, fp32, on the CPU.

    From fp16 alpha-bar the sigmas and their logarithms are derived in fp16 and then stored as fp32.
    """

    alphas_cumprod: Tensor
    sigmas: Tensor = field(init=False)
    log_sigmas: Tensor = field(init=False)

    def __post_init__(self) -> None:
        alphas = self.alphas_cumprod.detach().to("cpu")
        if alphas.dtype not in (torch.float16, torch.float32):
            alphas = alphas.to(torch.float32)
        assert alphas.ndim == 1 and len(alphas) >= 2, f"alpha-bar of shape {tuple(alphas.shape)}"
        sigmas = ((1 - alphas) / alphas) ** 0.5
        object.__setattr__(self, "alphas_cumprod", alphas.to(torch.float32))
        object.__setattr__(self, "sigmas", sigmas.to(torch.float32))
        object.__setattr__(self, "log_sigmas", sigmas.log().to(torch.float32))

    @property
    def sigma_min(self) -> float:
        return float(self.sigmas[0])

    @property
    def sigma_max(self) -> float:
        return float(self.sigmas[-1])

    @property
    def first_t(self) -> float:
        """The timestep of sigma_min."""
        return 0.0

    @property
    def last_t(self) -> float:
        """The timestep of sigma_max."""
        return float(len(self.sigmas) - 1)

    def nearest_index(self, sigma: Tensor) -> Tensor:
        """Index of the level whose log sigma is nearest; int64, sigma's shape."""
        distance = sigma.to("cpu", torch.float32).log().unsqueeze(-1) - self.log_sigmas
        return distance.abs().argmin(dim=-1)

    def timestep(self, sigma: Tensor, quantize: bool = False) -> float:
        """As `sigma_to_t`, of one sigma, 0-dim on the CPU: the same fp32 number, far sooner than
        by tensors.
        """
        if quantize:
            return float(self.sigma_to_t(sigma, quantize=True))
        levels = self._log_levels
        log_sigma = np.float32(sigma.log().item())
        low = min(max(bisect.bisect_right(levels, log_sigma) - 1, 0), len(levels) - 2)
        log_low, log_high = np.float32(levels[low]), np.float32(levels[low + 1])
        weight = (log_low - log_sigma) / (log_low - log_high)
        weight = np.float32(1) if weight > 1 else np.float32(0) if weight < 0 else weight
        return float((np.float32(1) - weight) * np.float32(low) + weight * np.float32(low + 1))

    @cached_property
    def _log_levels(self) -> list[float]:
        return self.log_sigmas.tolist()

    def sigma_to_t(self, sigma: Tensor, quantize: bool = False) -> Tensor:
        """Timestep of sigma, fp32 of sigma's shape: fractional, linear in log sigma between levels.

        `quantize` takes the nearest whole timestep instead.
        """
        if quantize:
            return self.nearest_index(sigma).to(torch.float32)
        log_sigma = sigma.to("cpu", torch.float32).log()
        above = log_sigma.unsqueeze(-1) >= self.log_sigmas
        low = (above.sum(dim=-1) - 1).clamp(0, len(self.sigmas) - 2)
        log_low, log_high = self.log_sigmas[low], self.log_sigmas[low + 1]
        weight = ((log_low - log_sigma) / (log_low - log_high)).clamp(0, 1)
        return (1 - weight) * low + weight * (low + 1)

    def t_to_sigma(self, t: Tensor) -> Tensor:
        """Sigma at a timestep that may lie between two levels; fp32 of t's shape."""
        return torch.exp(self._log_sigma_at(t.to("cpu", torch.float32)))

    def _log_sigma_at(self, position: Tensor) -> Tensor:
        low, high = position.floor().long(), position.ceil().long()
        weight = position.frac()
        return (1 - weight) * self.log_sigmas[low] + weight * self.log_sigmas[high]


LCM_STRIDE = 20  # a latent consistency model was distilled on every 20th of the 1000 timesteps
LCM_OFFSET = LCM_STRIDE - 1


@dataclass(frozen=True, eq=False)
class LcmTable(SigmaTable):
    """The levels 19, 39 ... 999 of a model, on which a latent consistency model works.

    Built from the full alpha-bar. Timesteps are the full model's (A1111 numerics: LCM).
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "alphas_cumprod", self.alphas_cumprod[LCM_OFFSET::LCM_STRIDE])
        super().__post_init__()

    @property
    def first_t(self) -> float:
        return float(LCM_OFFSET)

    @property
    def last_t(self) -> float:
        return float(LCM_STRIDE * (len(self.sigmas) - 1) + LCM_OFFSET)

    def timestep(self, sigma: Tensor, quantize: bool = False) -> float:
        return float(self.sigma_to_t(sigma))

    def sigma_to_t(self, sigma: Tensor, quantize: bool = False) -> Tensor:
        """Timestep of the nearest level: always one of 19, 39 ... 999."""
        return (self.nearest_index(sigma) * LCM_STRIDE + LCM_OFFSET).to(torch.float32)

    def t_to_sigma(self, t: Tensor) -> Tensor:
        position = (t.to("cpu", torch.float32) - LCM_OFFSET) / LCM_STRIDE
        return torch.exp(self._log_sigma_at(position.clamp(0, len(self.sigmas) - 1)))
