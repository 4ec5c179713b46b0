"""A Brownian path per image that can be asked for any interval, in any order, with the same answer.

The virtual Brownian tree of torchsde 0.2.6 with halved intervals (Kidger et al. 2021), number for
number, but each interval is drawn once for both its halves, and a batch's paths are walked as one.
It does not know what a path's times mean, nor where its normal numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

DIGITS = 6  # of a time, after the point: the tree has no finer interval
POOL_SIZE = 24  # of the seeds' mixer; another one gives another path

Draw = Callable[[int], Tensor]  # seed -> the first normal numbers of its stream, one path's shape


class _Interval:
    """A node: `start` to `end`, halved where it was looked into."""

    __slots__ = ("start", "end", "parent", "is_left", "key", "depth", "middle", "halves",
                 "value", "left_value")  # fmt: skip

    def __init__(
        self, start: float, end: float, parent: _Interval | None, is_left: bool = False
    ) -> None:
        self.start, self.end = round(start, DIGITS), round(end, DIGITS)
        self.parent, self.is_left = parent, is_left
        # Which node of the whole tree it is; its seed is made of that.
        self.key: int = 0 if parent is None else 2 * parent.key + (not is_left)
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.middle = 0.0
        self.halves: tuple[_Interval, _Interval] | None = None
        self.value: Tensor | None = None  # the paths' increments over it, (B, ...)
        self.left_value: Tensor | None = None  # over its first half

    def split(self) -> tuple[_Interval, _Interval]:
        if self.halves is None:
            middle = 0.5 * (self.end + self.start)
            self.middle = round(middle, DIGITS)
            self.halves = (
                _Interval(self.start, middle, self, is_left=True),
                _Interval(middle, self.end, self),
            )
        return self.halves

    def cover(self, low: float, high: float, found: list[_Interval]) -> None:
        """Append the largest nodes that [low, high] consists of, in their order."""
        if low == self.start and high == self.end:
            found.append(self)
            return
        left, right = self.split()
        if low < self.middle:
            left.cover(low, min(high, self.middle), found)
        if high > self.middle:
            right.cover(max(low, self.middle), high, found)


class BrownianPaths:
    """One path over [low, high] for each seed of `seeds`; `draw` gives its normal numbers."""

    def __init__(self, low: float, high: float, seeds: Sequence[int], draw: Draw) -> None:
        self._seeds = tuple(seeds)
        self._draw = draw
        self._root = _Interval(low, high, None)
        self._root.value = self._drawn(None) * math.sqrt(high - low)
        self._known: set[_Interval] = set()  # nodes with values, but the root

    def increment(self, low: float, high: float) -> Tensor:
        """(B, ...): by how much each path rises from low to high; low < high. Ends that rounding
        put outside are moved in.
        """
        root = self._root
        assert root.value is not None
        low = round(max(low, root.start), DIGITS)
        high = round(min(high, root.end), DIGITS)
        if low >= high:
            return torch.zeros_like(root.value)
        found: list[_Interval] = []
        root.cover(low, high, found)
        used: set[_Interval] = set()
        total = self._value(found[0], used)
        for node in found[1:]:
            total = total + self._value(node, used)
        for node in self._known - used:  # the next interval begins where this one ended
            node.value = node.left_value = None
        self._known = used
        return total

    def _value(self, node: _Interval, used: set[_Interval]) -> Tensor:
        parent = node.parent
        if parent is None:
            assert node.value is not None
            return node.value
        used.add(node)
        if node.value is None:
            whole = self._value(parent, used)
            left = self._left(parent, whole)
            node.value = left if node.is_left else whole - left
        else:
            while parent is not None and parent.parent is not None and parent not in used:
                used.add(parent)
                parent = parent.parent
        return node.value

    def _left(self, node: _Interval, whole: Tensor) -> Tensor:
        """Over the first half of a node whose own increment is `whole`: the Brownian bridge."""
        if node.left_value is None:
            share = 1 / (node.end - node.start)
            left, right = node.middle - node.start, node.end - node.middle
            mean = left * whole * share
            node.left_value = mean + math.sqrt(left * right * share) * self._drawn(node)
        return node.left_value

    def _drawn(self, node: _Interval | None) -> Tensor:
        """The node's normal numbers, (B, ...); None: those of the whole interval."""
        at = () if node is None else (node.key, node.depth)
        rows = []
        for seed in self._seeds:
            mixed = np.random.SeedSequence(entropy=seed, spawn_key=at, pool_size=POOL_SIZE)
            rows.append(self._draw(int(mixed.generate_state(1)[0])))
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)
