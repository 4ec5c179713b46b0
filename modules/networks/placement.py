"""Where networks' weights lie, and how they get there: the one place that moves them.

On the CPU a weight of the wanted precision stays in the file's mapping and costs no memory; others
are cast one by one into one block for each network. On another device each is cast on its way. A
network can be parked in main memory and brought back. Knows networks as trees of tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from modules.networks.attached import attached
from modules.networks.memory import Block, Spares
from modules.networks.skeleton import buffers, slots

_ALIGNMENT = 64  # bytes, that of torch's own tensors


class _Lodging:
    """The block that a network's weights lie in, if they do."""

    def __init__(self) -> None:
        self.block: Block | None = None

    def __deepcopy__(self, _: object) -> _Lodging:
        """A copied network's weights are tensors of their own."""
        return _Lodging()


class Placement:
    """Of all networks that run on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._spares = Spares()

    def fill(
        self,
        network: nn.Module,
        weights: Mapping[str, Tensor],
        dtype: torch.dtype,
        *,
        at_home: bool = False,
    ) -> None:
        """Give an empty network its weights, one for each name in `slots`, of its shape there.

        They come as they lie in the file, in the file's precision. at_home: they stay in main
        memory, whatever the device.
        """
        wanted = {slot.name: slot for slot in slots(network)}
        device = torch.device("cpu") if at_home else self.device
        if device.type == "cpu":
            foreign = [name for name in wanted if not _stays(weights[name], dtype)]
            foreign.sort(key=lambda name: weights[name].data_ptr())  # as the file is read best
            for name in wanted.keys() - foreign:
                wanted[name].put(weights[name])
            tensors = self._in_block(network, [weights[name] for name in foreign], dtype)
            for name, tensor in zip(foreign, tensors, strict=True):
                wanted[name].put(tensor)
        else:
            for name, slot in wanted.items():
                slot.put(weights[name].to(device=device, dtype=dtype))
        for slot in buffers(network):
            slot.put(slot.tensor.to(device))

    def park(self, network: nn.Module) -> None:
        """Move its weights to main memory. MemoryError leaves it where it was."""
        if self.device.type == "cpu" or attached(network, _Lodging).block is not None:
            return
        held = list(slots(network))
        tensors = self._in_block(network, [slot.tensor for slot in held])
        for slot, tensor in zip(held, tensors, strict=True):
            slot.move(tensor)
        for slot in buffers(network):
            slot.move(slot.tensor.cpu())

    def bring(self, network: nn.Module) -> None:
        """Move it back to the device. Where that lacks memory, a part of it has moved."""
        if self.device.type == "cpu" or attached(network, _Lodging).block is None:
            return
        for slot in (*slots(network), *buffers(network)):
            slot.move(slot.tensor.to(self.device))
        attached(network, _Lodging).block = None

    def reuse(self, blocks: Sequence[Block], wanted: Sequence[int]) -> None:
        """Of blocks whose networks have gone those serve next that fit the `wanted` sizes; the
        others go back to the system."""
        self._spares.offer(blocks, wanted)

    def _in_block(
        self, network: nn.Module, tensors: Sequence[Tensor], dtype: torch.dtype | None = None
    ) -> list[Tensor]:
        """Copies in that precision (None: their own), in a block of main memory."""
        size = sum(_room(tensor, dtype or tensor.dtype) for tensor in tensors)
        if size == 0:
            return []
        block = self._spares.take(size)
        attached(network, _Lodging).block = block
        whole, begin, copies = block.lend(), 0, []
        for tensor in tensors:
            kind = dtype or tensor.dtype
            part = whole[begin : begin + tensor.numel() * kind.itemsize].view(kind)
            copies.append(part.view(tensor.shape).copy_(tensor))
            begin += _room(tensor, kind)
        return copies


def blocks_of(networks: Iterable[nn.Module]) -> list[Block]:
    """The blocks of main memory that their weights lie in."""
    blocks = (attached(network, _Lodging).block for network in networks)
    return [block for block in blocks if block is not None]


def block_bytes(weights: Mapping[str, Tensor], dtype: torch.dtype) -> int:
    """How large a block they take on the CPU."""
    return sum(_room(each, dtype) for each in weights.values() if not _stays(each, dtype))


def _stays(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Whether it can be used where it lies; kernels need not bear the odd addresses of some
    mapped files' tensors."""
    return tensor.dtype == dtype and tensor.data_ptr() % tensor.element_size() == 0


def _room(tensor: Tensor, dtype: torch.dtype) -> int:
    size = tensor.numel() * dtype.itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT
