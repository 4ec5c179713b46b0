"""What was computed for a loaded checkpoint and is likely to be wanted again by the next job: texts
as embeddings, start pictures as latents.

Kept with the network that computed it, so that it goes when that does; the least recently used goes
first. Everything that changes the result must stand in its key. What the keys mean is not known
here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values by key, up to `limit` bytes together; one alone may be larger."""

    limit = 32 << 20

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        self._values.clear()
        self.bytes = 0

    def get(self, key: Hashable) -> T | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        if key in self._values:
            self.bytes -= self._values.pop(key)[1]
        self._values[key] = (value, size)
        self.bytes += size
        while self.bytes > self.limit and len(self._values) > 1:
            self.bytes -= self._values.popitem(last=False)[1][1]


def recall(
    known: Remembered[T],
    key: Callable[[], Hashable],
    compute: Callable[[], T],
    size: Callable[[T], int],
) -> T:
    """The known value, or the computed one, kept. `key` is asked again after computing: a network
    may have gone to another precision on the way.
    """
    found = known.get(key())
    if found is None:
        found = compute()
        known.put(key(), found, size(found))
    return found
