"""Weights kept as 8-bit floats and widened when they are used: half the memory of 16 bits.

Linear layers and convolutions only, as the original does it (A1111 numerics 1.1); norms, biases and
embeddings stay as they are. Such a picture is another one, so it is the user's choice, told in the
infotext. Knows modules, not which network they belong to.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modules.networks.attached import attached

FP8 = torch.float8_e4m3fn
_LARGEST = torch.finfo(FP8).max  # what is larger would become not-a-number


def is_wanted(choice: str, family: str) -> bool:
    """Whether a family's checkpoints are narrowed, by the setting `fp8_storage`."""
    return choice == "Enable" or (choice == "Enable for SDXL" and family.startswith("sdxl"))


class Fp8Linear(nn.Linear):
    """`wide`: the type that it computes in."""

    wide: torch.dtype

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.weight.to(self.wide), self.bias)


class Fp8Conv2d(nn.Conv2d):
    """`wide`: the type that it computes in."""

    wide: torch.dtype

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight.to(self.wide), self.bias)


_NARROW: dict[type[nn.Module], type[Fp8Linear] | type[Fp8Conv2d]] = {
    nn.Linear: Fp8Linear,
    nn.Conv2d: Fp8Conv2d,
}


class _Wide:
    """A module's weight before it was narrowed, on the CPU."""

    weight: Tensor | None = None


@torch.no_grad()
def narrow(network: nn.Module, *, keep_wide: bool = False) -> None:
    """Store the network's weights as 8-bit floats; it computes in the type that they had.

    keep_wide: the weights as they were stay on the CPU, so that LoRAs add to these.
    """
    for module in network.modules():
        kind = _NARROW.get(type(module))
        if kind is None:
            continue
        assert isinstance(module, nn.Linear | nn.Conv2d)
        wide = module.weight.data
        if keep_wide:
            attached(module, _Wide).weight = wide.cpu()
        module.weight.data = narrowed(wide)
        # The same object goes on, so that whoever holds it, or a hook on it, need not know.
        narrowing: Any = module
        narrowing.__class__ = kind
        narrowing.wide = wide.dtype


def narrowed(wide: Tensor) -> Tensor:
    """As 8-bit floats; what exceeds their range becomes their largest number."""
    return wide.clamp(-_LARGEST, _LARGEST).to(FP8)


def widened(module: nn.Module, values: Tensor) -> Tensor:
    """A module's parameter `values` in the type that it computes in; as they are where they are not
    narrow.
    """
    if values.dtype != FP8:
        return values
    assert isinstance(module, Fp8Linear | Fp8Conv2d)
    return values.to(module.wide)


def unrounded(module: nn.Module, values: Tensor) -> Tensor:
    """As `widened`, for values that nobody has changed: the ones from before they were narrowed,
    where these were kept.
    """
    kept = attached(module, _Wide).weight if values.dtype == FP8 else None
    return widened(module, values) if kept is None else kept.to(values.device)
