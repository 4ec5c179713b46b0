"""How checkpoints use one device's memory: the user's wishes, and what becomes of them.

Joins the arithmetic (plans), the moving (offload) and 8-bit storage (fp8). Knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from modules.networks import fp8, memory, plans
from modules.networks.offload import Offload, weights_of
from modules.networks.plans import ALL, MemoryPlan, Weights, Wish
from modules.networks.spec import Spec

Storage = Literal["plain", "fp8", "fp8 and wide"]
"""Of U-Net and text encoders. "and wide": the wide weights stay in main memory for LoRAs."""


def no_wish(_spec: Spec) -> Wish:
    return "auto"


def plain_storage(_spec: Spec) -> Storage:
    return "plain"


@dataclass(frozen=True)
class Economy:
    """Wishes for one device, which may depend on the checkpoint. most_bytes: of its memory to use
    at most, None for what is free.
    """

    wish: Callable[[Spec], Wish] = no_wish
    storage: Callable[[Spec], Storage] = plain_storage
    most_bytes: int | None = None

    def plan(
        self, spec: Spec, weights: Weights, device: torch.device, item_bytes: int
    ) -> MemoryPlan:
        """For a checkpoint that is about to be loaded; item_bytes: of a number it computes with."""
        wish = self.wish(spec)
        if wish == "auto" and device.type != "cuda":  # nobody else tells how much is free
            return ALL
        work = plans.working_bytes(
            width=spec.default_size[0],
            height=spec.default_size[1],
            rows=2,
            channels=spec.unet.level_widths[0],
            item_bytes=item_bytes,
            vae_factor=spec.vae_factor,
        )
        return plans.choose(weights, self._free(device), work, wish)

    def _free(self, device: torch.device) -> int:
        if device.type != "cuda":
            return 0
        free, _ = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device)
        free += reserved - torch.cuda.memory_allocated(device)
        return free if self.most_bytes is None else min(free, self.most_bytes)

    def narrow(self, spec: Spec, networks: Sequence[nn.Module]) -> Storage:
        """Bring U-Net and text encoders into the storage that is wanted; which that is."""
        storage = self.storage(spec)
        if storage != "plain":
            for network in networks:
                fp8.narrow(network, keep_wide=storage == "fp8 and wide")
        return storage


def coming_weights(
    texts: Sequence[nn.Module],
    unet: nn.Module,
    vae: nn.Module,
    *,
    item_bytes: int,
    vae_item_bytes: int,
) -> Weights:
    """Of networks on the meta device, laid out in fp32, as they will be with numbers of that many
    bytes.
    """
    bytes_now = weights_of(texts, unet, vae)

    def scaled(size: int, to: int = item_bytes) -> int:
        return size * to // torch.float32.itemsize

    return Weights(
        texts=scaled(bytes_now.texts),
        units=tuple(map(scaled, bytes_now.units)),
        unet_rest=scaled(bytes_now.unet_rest),
        vae=scaled(bytes_now.vae, vae_item_bytes),
    )


def offload(
    plan: MemoryPlan,
    device: torch.device,
    *,
    texts: Sequence[nn.Module],
    unet: nn.Module,
    vae: nn.Module,
) -> Offload:
    """Carries out the plan, from page-locked memory where the machine has plenty."""
    pinned = False
    if plan != ALL and device.type == "cuda":
        pinned = weights_of(texts, unet, vae).whole < memory.free() // 2
    return Offload(plan, device, texts=texts, unet=unet, vae=vae, pinned=pinned)
