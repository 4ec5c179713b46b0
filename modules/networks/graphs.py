"""Whole calls of a network recorded once and replayed, so that the host launches one thing, not
thousands.

A call is recorded when its shapes come a second time; a replay runs the same kernels on the same
addresses, so the answer is the same to the bit. Knows tensors and shapes, no U-Net. Whoever changes
the network's structure or moves its weights calls `drop`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

log = logging.getLogger(__name__)

Inputs = tuple[Tensor | None, ...]
Key = tuple[tuple[tuple[int, ...], torch.dtype] | None, ...]
MOST_GRAPHS = 6
"""Each holds the activations of its shapes, which are freed with the last of a pool."""
_MOST_SEEN = 64


class Recorder(Protocol):
    """What records work on a device."""

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        """Do it once; what repeats it, and the tensor that each repetition fills."""
        ...

    def has_room(self) -> bool:
        """Whether there is memory for another recording."""
        ...

    def forget(self) -> None:
        """The recordings so far are gone."""
        ...


@dataclass(frozen=True, eq=False)
class _Graph:
    inputs: Inputs
    output: Tensor
    replay: Callable[[], object]


class Graphs:
    """`run` with its calls recorded. It takes tensors, or None, in fixed places and gives one."""

    def __init__(
        self, run: Callable[..., Tensor], recorder: Recorder, *, most: int = MOST_GRAPHS
    ) -> None:
        self._run = run
        self._recorder = recorder
        self._most = most
        self._graphs: OrderedDict[Key, _Graph] = OrderedDict()
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self._too_large: set[Key] = set()  # memory did not suffice, though no other was recorded
        self._hopeless = False  # a recording failed: never again for this network

    def __len__(self) -> int:
        return len(self._graphs)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        key = _key(inputs)
        graph = self._graphs.get(key)
        if graph is None and self._is_due(key):
            graph = self._record(key, inputs)
        if graph is None:
            return self._run(*inputs)
        self._graphs.move_to_end(key)
        for there, here in zip(graph.inputs, inputs, strict=True):
            if there is not None and here is not None:
                there.copy_(here, non_blocking=True)
        graph.replay()
        return graph.output.clone()

    def drop(self) -> bool:
        """Forget all recordings and give their memory back. Whether there were any."""
        had = bool(self._graphs)
        self._graphs.clear()
        self._seen.clear()
        self._too_large.clear()
        if had:
            self._recorder.forget()
        return had

    def _is_due(self, key: Key) -> bool:
        if self._hopeless or key in self._too_large:
            return False
        if key in self._seen:
            return self._recorder.has_room()
        self._seen[key] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return False

    def _record(self, key: Key, inputs: Inputs) -> _Graph | None:
        while len(self._graphs) >= self._most:
            self._graphs.popitem(last=False)
        with torch.inference_mode(False):  # plain tensors, which may be written to anywhere
            kept = tuple(None if each is None else torch.empty_like(each) for each in inputs)
        for there, here in zip(kept, inputs, strict=True):
            if there is not None and here is not None:
                there.copy_(here)
        try:
            replay, output = self._recorder.record(lambda: self._run(*kept))
        except RuntimeError as error:  # out of memory is one of them
            self._hopeless = not isinstance(error, torch.OutOfMemoryError)
            if not self.drop():
                self._too_large.add(key)  # else every second call would try in vain
            log.warning("Calls of the U-Net can't be recorded, they run one by one: %s", error)
            return None
        graph = self._graphs[key] = _Graph(kept, output, replay)
        return graph


def _key(inputs: Sequence[Tensor | None]) -> Key:
    return tuple(None if each is None else (tuple(each.shape), each.dtype) for each in inputs)


class CudaRecorder:
    """CUDA graphs on one device, in one memory pool: they never run at the same time.

    `room()` gives the bytes that a recording may need at most.
    """

    def __init__(self, device: torch.device, room: Callable[[], int]) -> None:
        self._device = device
        self._room = room
        self._pool: Any = None  # torch has no public name for the kind
        self._aside: torch.cuda.Stream | None = None

    def has_room(self) -> bool:
        free, _ = torch.cuda.mem_get_info(self._device)
        held = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return free + held > self._room() * 3 // 2

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        current = torch.cuda.current_stream(self._device)
        # The outermost context: a recording that fails leaves its own stream the current one.
        with torch.cuda.device(self._device), torch.cuda.stream(current):
            if self._aside is None:
                self._aside = torch.cuda.Stream(self._device)
            aside = self._aside
            aside.wait_stream(current)
            with torch.cuda.stream(aside):  # libraries choose and set up their kernels here
                for _ in range(2):
                    run()
            current.wait_stream(aside)
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            # On the same stream, for which the libraries have their workspaces. Only this thread is
            # watched: others wait for finished pictures meanwhile, which would end the recording.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=aside, capture_error_mode="thread_local"
            ):
                output = run()
        return graph.replay, output

    def forget(self) -> None:
        self._pool = None
        torch.cuda.empty_cache()
