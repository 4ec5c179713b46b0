"""Which loaded checkpoints stay in main memory when another one comes.

Pure: bytes in, a number out. Knows no checkpoint and asks no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST = 16  # stay at the same time, however small they are
_GIB = 2**30


@dataclass(frozen=True)
class Limits:
    """`count` checkpoints stay in any case, the one at work among them; beyond these as many as fit
    into `extra` bytes (None: into what the machine can spare)."""

    count: int = 1
    extra: int | None = 0


@dataclass(frozen=True)
class Held:
    """A loaded checkpoint that is not at work: bytes of main memory that it `takes` while it stays,
    and that it `frees` if it leaves (0: it is on another device yet)."""

    takes: int
    frees: int


def reserve(total: int) -> int:
    """Bytes of a machine's `total` that stay free for pictures in the making and other programs."""
    return min(max(total // 4, 2 * _GIB), 16 * _GIB)


def leaving(others: Sequence[Held], limits: Limits, *, coming: int, free: int, total: int) -> int:
    """How many of the others leave; they are given as they were used, the longest ago first.

    coming: bytes of main memory that the one that is to work next will take. free, total: bytes of
    the machine as it is now.
    """
    first = max(1, limits.count)
    beyond = others[: max(0, len(others) - (first - 1))]
    room = limits.extra
    if room is None:
        room = free + sum(each.frees for each in beyond) - coming - reserve(total)
    leave = max(0, len(others) + 1 - max(first, MOST))
    while leave < len(beyond) and sum(each.takes for each in beyond[leave:]) > room:
        leave += 1
    return leave
