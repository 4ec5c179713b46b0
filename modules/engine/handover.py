"""From the device to the host without a wait: a tensor on its way, to be taken by another thread.

The thread that makes pictures starts the copy and goes on; who takes the tensor waits for it. On
the CPU there is nothing to copy and nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class OnItsWay:
    """Tensors whose copies to the host were begun."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._arrived: torch.cuda.Event | None = None
        self._tensors = [self._begun(each) for each in tensors]
        on_card = next((each for each in tensors if each.device.type == "cuda"), None)
        if on_card is not None:  # which need not be the current one
            self._arrived = torch.cuda.Event()
            self._arrived.record(torch.cuda.current_stream(on_card.device))

    def take(self) -> list[Tensor]:
        """On the CPU. From any thread."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._tensors

    @staticmethod
    def _begun(tensor: Tensor) -> Tensor:
        if tensor.device.type != "cuda":
            return tensor.cpu()
        there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return there.copy_(tensor, non_blocking=True)
