"""A latent mask with a soft edge: how much of the original stays depends on the noise level.

Where a mask is half, early steps hold to the original and late ones are free, and the mixture keeps
the magnitude of what it mixes. Pictures, and how a mask came about, are unknown here. Formulas:
A1111 numerics, soft inpainting.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from modules.diffusion.guidance import LatentMask

_LEAST_MAGNITUDE = 1e-5


@dataclass(frozen=True, eq=False)
class SoftMask(LatentMask):
    """`regenerate` may hold any value of 0..1. power, scale: the mask's exponent at sigma is
    sigma ** power * scale. detail: exponent by which magnitudes are mixed, 1 or more.
    """

    power: float = 1.0
    scale: float = 0.5
    detail: float = 4.0

    def blend(self, latent: Tensor, level: Tensor) -> Tensor:
        exponent = float(level) ** self.power * self.scale
        return mixed(self.original, latent, self.regenerate**exponent, self.detail)

    def finish(self, latent: Tensor) -> Tensor:
        """As it is: what is kept of the original is decided on the picture."""
        return latent


def mixed(original: Tensor, latent: Tensor, share: Tensor, detail: float) -> Tensor:
    """(B,C,h,w) between original (share 0) and latent (1): directions mixed linearly, magnitudes
    by their `detail`-th power. share (B or 1, 1, h, w).
    """
    between = original * (1 - share) + latent * share
    share = share.to(torch.float64)
    magnitude = torch.norm(between, dim=1, keepdim=True).to(torch.float64) + _LEAST_MAGNITUDE
    old, new = (
        torch.norm(vectors, dim=1, keepdim=True).to(torch.float64) ** detail
        for vectors in (original, latent)
    )
    wanted = (old * (1 - share) + new * share) ** (1 / detail)
    return (between.to(torch.float64) * (wanted / magnitude)).to(latent.dtype)
