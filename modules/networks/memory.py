"""Main memory for weights: blocks that can be used again, how much is free, giving it back.

Freshly asked-for memory costs the system more time than casting the weights into it does, and small
pieces that are freed stay with the C library. So a network's weights lie in one block, and who
drops a network hands its block to the next. Knows bytes, no weights.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import psutil
import torch
from torch import Tensor

_CGROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60  # older kernels write "no limit" as a number near this


class Block:
    """A stretch of anonymous memory. It is freed when neither it nor a tensor in it is left."""

    def __init__(self, size: int) -> None:
        assert size > 0, size
        private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if os.name == "posix" else {}
        try:
            self._memory = mmap.mmap(-1, size, **private)
        except OSError as error:
            raise MemoryError(f"{size} bytes can't be had: {error.strerror or error}") from error
        self._lent: weakref.ref[numpy.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._memory)

    @property
    def is_idle(self) -> bool:
        """Whether no tensor lies in it any more."""
        return self._lent is None or self._lent() is None

    def lend(self) -> Tensor:
        """All of it as (len,) uint8. What lay in it before is still there."""
        assert self.is_idle, "the block is in use"
        whole = numpy.frombuffer(self._memory, dtype=numpy.uint8)
        self._lent = weakref.ref(whole)  # every tensor in the block holds this array
        return torch.from_numpy(whole)


class Spares:
    """Blocks that somebody let go of, for those who need one soon."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []

    def offer(self, blocks: Sequence[Block], wanted: Sequence[int]) -> None:
        """Keep of these what will serve for the `wanted` sizes, and forget the rest."""
        self._blocks = []
        for size in wanted:
            found = _fitting(blocks, size)
            if found is not None:
                blocks = [block for block in blocks if block is not found]
                self._blocks.append(found)

    def take(self, size: int) -> Block:
        """A block for that many bytes: an idle one, else a new one. MemoryError."""
        found = _fitting(self._blocks, size)
        if found is None:
            return Block(size)
        self._blocks.remove(found)
        return found


def _fitting(blocks: Sequence[Block], size: int) -> Block | None:
    """The smallest idle block that the bytes fill nearly."""
    fit = [block for block in blocks if block.is_idle and size <= len(block) <= size * 1.05]
    return min(fit, key=len, default=None)


def free() -> int:
    """Bytes that may be taken before the machine, or the container, runs short."""
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def total() -> int:
    """Bytes of the machine, or of the container."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _limits(_CGROUPS))])


def _left_in_groups() -> Iterator[int]:
    for limit, group in _limits(_CGROUPS):
        used = _number(group / "memory.current")
        yield max(0, limit - used + _reclaimable(group))


def _limits(root: Path) -> Iterator[tuple[int, Path]]:
    """Each control group (version 2) that this process is in and that has a limit, in bytes."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("::")[2].strip("/\n")
    except OSError:
        return
    group = root / own
    for folder in (group, *group.parents):
        limit = _number(folder / "memory.max")
        if 0 < limit < _UNLIMITED:
            yield limit, folder
        if folder == root:
            return


def _reclaimable(group: Path) -> int:
    """File pages that the system drops before it refuses memory."""
    try:
        rows = (group / "memory.stat").read_text(encoding="ascii").split()
    except OSError:
        return 0
    stats = dict(zip(rows[::2], rows[1::2], strict=False))
    return int(stats.get("inactive_file", 0)) + int(stats.get("active_file", 0))


def _number(file: Path) -> int:
    """0 where there is none."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def give_back() -> None:
    """Return what the C library keeps of freed memory to the system, where it can (glibc)."""
    trim = _trimmer()
    if trim is not None:
        trim(0)


@functools.cache
def _trimmer() -> ctypes._NamedFuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # musl, macOS, Windows
        return None
