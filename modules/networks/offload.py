"""Carries out a memory plan: which weights of a model lie on the device at this moment.

Every weight has a home: on the device where the plan keeps it there, else in the CPU's memory.
What comes to the device is a copy that is dropped afterwards, so that nothing is ever carried
back. Weights are changed (by LoRAs, say) at home only: `bring_home` sees to that. Knows modules and
bytes, not what they compute; which plan is due is plans.py's business.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from modules.networks.attached import attached
from modules.networks.plans import ALL, MemoryPlan, Weights

Part = Literal["text", "unet", "vae"]
_ALIGNED = 256  # bytes; kernels like their weights to begin there


def units_of(unet: nn.Module) -> tuple[nn.Module, ...]:
    """The parts of diffusers' U-Net that can come and go, in the order in which it runs them:
    residual blocks, single transformer blocks, and what changes the size.
    """
    blocks = (*_parts(unet, "down_blocks"), unet.mid_block, *_parts(unet, "up_blocks"))
    return tuple(unit for block in blocks if block is not None for unit in _units_of_block(block))


def _units_of_block(block: nn.Module | Tensor) -> Iterator[nn.Module]:
    attentions, resnets = _parts(block, "attentions"), _parts(block, "resnets")
    for resnet, attention in itertools.zip_longest(resnets, attentions):
        if resnet is not None:
            yield resnet
        if attention is not None:
            yield from _parts(attention, "transformer_blocks")
    yield from _parts(block, "downsamplers")
    yield from _parts(block, "upsamplers")


def _parts(module: object, name: str) -> Sequence[nn.Module]:
    return list(getattr(module, name, None) or ())


def weights_of(texts: Sequence[nn.Module], unet: nn.Module, vae: nn.Module) -> Weights:
    """Bytes of these networks as they are; on the meta device as well."""
    units = tuple(map(bytes_of, units_of(unet)))
    return Weights(
        texts=sum(map(bytes_of, texts)),
        units=units,
        unet_rest=bytes_of(unet) - sum(units),
        vae=bytes_of(vae),
    )


def bytes_of(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in _tensors(module))


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


class _Luggage:
    """Tensors that come to the device together.

    With `pinned` their homes lie in one page-locked piece, so that one copy fetches them all beside
    the computation. Otherwise they stay where they are, which for a mapped file costs no memory.
    Once one was exchanged at home for another, each travels by itself.
    """

    def __init__(self, tensors: Sequence[Tensor], *, pinned: bool) -> None:
        self._tensors = list({id(tensor): tensor for tensor in tensors}.values())
        self._homes: list[Tensor] | None = None  # while they are away
        self._piece: Tensor | None = None
        self._in_piece: list[tuple[int, int]] = []  # address and size there, of each tensor
        if pinned:
            self._piece = torch.empty(self.size, dtype=torch.uint8, pin_memory=True)
            for tensor, offset in self._laid_out():
                view = _view(self._piece, offset, tensor)
                view.copy_(tensor.data)
                tensor.data = view
                self._in_piece.append((view.data_ptr(), view.nbytes))

    @property
    def size(self) -> int:
        """Bytes on the device. It changes where a tensor is exchanged for a larger one."""
        return sum(_room(tensor) for tensor in self._tensors)

    def _laid_out(self) -> Iterator[tuple[Tensor, int]]:
        """Each tensor with its place, bytes from the beginning."""
        end = 0
        for tensor in self._tensors:
            yield tensor, end
            end += _room(tensor)

    def fetch(self, place: Tensor) -> None:
        """Copy into `place`, bytes on the device; on the stream that is current."""
        assert self._homes is None and place.numel() >= self.size
        laid_out = list(self._laid_out())
        self._homes = [tensor.data for tensor in self._tensors]
        as_it_was = [(home.data_ptr(), home.nbytes) for home in self._homes] == self._in_piece
        if self._piece is not None and as_it_was:
            place[: self._piece.numel()].copy_(self._piece, non_blocking=True)
        for (tensor, offset), home in zip(laid_out, self._homes, strict=True):
            view = _view(place, offset, home)
            if not as_it_was:
                view.copy_(home, non_blocking=True)
            tensor.data = view

    def send_home(self) -> None:
        if self._homes is not None:
            for tensor, home in zip(self._tensors, self._homes, strict=True):
                tensor.data = home
            self._homes = None


def _room(tensor: Tensor) -> int:
    return -(-tensor.nbytes // _ALIGNED) * _ALIGNED


def _view(piece: Tensor, offset: int, like: Tensor) -> Tensor:
    """The bytes of `piece` from `offset` on as a tensor of the shape and type of `like`."""
    return piece[offset : offset + like.nbytes].view(like.dtype).view(like.shape)


class _Stream:
    """Fetches the streamed units one ahead of the computation, into two places in turn."""

    def __init__(self, units: Sequence[nn.Module], device: torch.device, *, pinned: bool) -> None:
        self._luggage = [_Luggage(list(_tensors(unit)), pinned=pinned) for unit in units]
        self._device = device
        self._places: list[Tensor] = []
        self._in_place: list[int | None] = [None, None]
        self._lane = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._free: list[torch.cuda.Event | None] = [None, None]
        self._there: list[torch.cuda.Event | None] = [None, None]
        self._hooks: list[RemovableHandle] = []
        for number, unit in enumerate(units):
            self._watch(number, unit)

    def _watch(self, number: int, unit: nn.Module) -> None:
        self._hooks += [
            unit.register_forward_pre_hook(lambda *_: self.need(number)),
            unit.register_forward_hook(lambda *_: self.done(number)),
        ]

    def close(self) -> None:
        """The units are nobody's business here any more."""
        for hook in self._hooks:
            hook.remove()

    def begin(self) -> None:
        """The U-Net is to work: have the two places."""
        if not self._places:
            # Whatever was computed there last is still under way, perhaps: the first copies wait
            # for all of it, not for the last use of the places before.
            self._free, self._there = [None, None], [None, None]
            largest = max(each.size for each in self._luggage)
            self._places = [
                torch.empty(largest, dtype=torch.uint8, device=self._device) for _ in range(2)
            ]

    def end(self) -> None:
        """It has worked: all units go home, the places are given back."""
        for each in self._luggage:
            each.send_home()
        self._in_place = [None, None]
        self._places = []
        if self._lane is not None:  # a copy may be under way into what is given back
            torch.cuda.current_stream(self._device).wait_stream(self._lane)

    def need(self, number: int) -> None:
        """The unit of that number is about to be run; the next one is fetched meanwhile."""
        if number not in self._in_place:  # the first, or an order that was not foreseen
            self._fetch(number, 0 if self._in_place[0] is None else 1)
        place = self._in_place.index(number)
        there = self._there[place]
        if there is not None:
            torch.cuda.current_stream(self._device).wait_event(there)
        following = (number + 1) % len(self._luggage)
        if following not in self._in_place:
            self._fetch(following, 1 - place)

    def done(self, number: int) -> None:
        place = self._in_place.index(number)
        if len(self._luggage) > 2:  # two have a place for good
            self._luggage[number].send_home()
            self._in_place[place] = None
        if self._lane is not None:
            event = self._free[place] = torch.cuda.Event()
            event.record(torch.cuda.current_stream(self._device))

    @torch.inference_mode(False)
    def _fetch(self, number: int, place: int) -> None:
        there = self._in_place[place]
        if there is not None:  # it was fetched and then not wanted
            self._luggage[there].send_home()
        self._in_place[place] = number
        if self._lane is None:
            self._luggage[number].fetch(self._places[place])
            return
        free = self._free[place]
        if free is None:
            self._lane.wait_stream(torch.cuda.current_stream(self._device))
        else:
            self._lane.wait_event(free)
        with torch.cuda.stream(self._lane):
            self._luggage[number].fetch(self._places[place])
            event = self._there[place] = torch.cuda.Event()
            event.record(self._lane)


class Offload:
    """The networks of one model under one plan. Used by one thread.

    Takes them with all weights on the CPU, unless the plan is ALL: then they stay as they are.
    `pinned`: homes in page-locked memory, from which copies run beside the computation.
    """

    def __init__(
        self,
        plan: MemoryPlan,
        device: torch.device,
        *,
        texts: Sequence[nn.Module],
        unet: nn.Module,
        vae: nn.Module,
        pinned: bool = False,
    ) -> None:
        self.plan = plan
        self.device = device
        self._at_work: Part | None = None
        self._stream: _Stream | None = None
        self._luggage: dict[Part, list[_Luggage]] = {}
        self._networks = (texts, unet, vae)
        self._pinned = pinned
        for network in (*texts, unet, vae):
            attached(network, _Owner).held = weakref.ref(self)
        if plan == ALL:
            return
        networks: dict[Part, Sequence[nn.Module]] = {"text": texts, "unet": [unet], "vae": [vae]}
        units = units_of(unet)
        streamed = [units[number] for number in plan.streamed]
        apart = {id(tensor) for unit in streamed for tensor in _tensors(unit)}
        for part, modules in networks.items():
            pieces = [
                [tensor for tensor in _tensors(module) if id(tensor) not in apart]
                for module in modules
            ]
            self._luggage[part] = [_Luggage(piece, pinned=pinned) for piece in pieces]
        if streamed:
            self._stream = _Stream(streamed, device, pinned=pinned)

    def changed(self, plan: MemoryPlan) -> Offload:
        """Another plan for the same networks; this one is not to be used any more."""
        texts, unet, vae = self._networks
        self.go_home()
        if self._stream is not None:
            self._stream.close()
        if self.plan == ALL:
            for network in (*texts, unet, vae):
                for tensor in _tensors(network):
                    tensor.data = tensor.data.cpu()
        return Offload(plan, self.device, texts=texts, unet=unet, vae=vae, pinned=self._pinned)

    def work(self, part: Part) -> None:
        """This part is about to compute: it comes to the device, the others go home."""
        if self.plan == ALL or self._at_work == part:
            return
        self.go_home()
        self._at_work = part
        with torch.inference_mode(False):  # what lies in a weight's place is a plain tensor
            for luggage in self._luggage[part]:
                luggage.fetch(torch.empty(luggage.size, dtype=torch.uint8, device=self.device))
            if part == "unet" and self._stream is not None:
                self._stream.begin()

    def go_home(self) -> None:
        """Nothing is on the device any more, but for what the plan keeps there."""
        part, self._at_work = self._at_work, None
        if part is None:
            return
        if part == "unet" and self._stream is not None:
            self._stream.end()
        for luggage in self._luggage[part]:
            luggage.send_home()


class _Owner:
    """Whose plan moves a network. Not held, for that plan holds the networks of a whole model, and
    a VAE may outlive it."""

    held: weakref.ref[Offload] | None = None

    @property
    def offload(self) -> Offload | None:
        return None if self.held is None else self.held()

    def __deepcopy__(self, _: object) -> _Owner:
        """A copied network is nobody's yet."""
        return _Owner()


def bring_home(network: nn.Module) -> None:
    """The network's weights may be changed afterwards: they are where they stay."""
    offload = attached(network, _Owner).offload
    if offload is not None:
        offload.go_home()


def device_of(network: nn.Module) -> torch.device:
    """Where the network computes, wherever its weights are now."""
    offload = attached(network, _Owner).offload
    return next(network.parameters()).device if offload is None else offload.device
