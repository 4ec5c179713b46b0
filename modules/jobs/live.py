"""How a running job goes at this moment: in memory only, gone with the process.

Knows steps, pictures and the clock; nothing of rows and messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LOOK_LASTS = 5.0  # seconds for which one look at a job keeps its previews coming


@dataclass
class Live:
    """One run of a job on a worker. Guarded by the queue's lock.

    `indexes` are the pictures that this run is to make, in batches of `batch_size`.
    """

    indexes: Sequence[int]
    image_count: int
    batch_size: int
    clock: Callable[[], float] = time.monotonic
    message: str = ""
    image_index: int = 0
    step: int = 0
    steps: int = 0
    preview_n: int = 0
    preview: tuple[str, bytes] | None = None  # MIME type, bytes
    looked: float = float("-inf")
    looking: bool = False  # what the worker was told last
    _batch: tuple[int, int, float] = (-1, 0, 0.0)  # its picture, its first step told, and when
    _started: float = 0.0  # the moment of the first progress: loading a model is no measure
    _start_fraction: float = 0.0
    _fraction: float = field(default=0.0)

    def progressed(self, image_index: int, step: int, steps: int) -> None:
        self.image_index, self.step, self.steps = image_index, step, steps
        self.message = ""
        if self._batch[0] != image_index:
            self._batch = (image_index, step, self.clock())
        before = self.image_count - len(self.indexes)
        place = self._place()
        batch = min(self.batch_size, len(self.indexes) - place)
        made = before + place + batch * (step / steps if steps else 0.0)
        fraction = min(1.0, made / max(1, self.image_count))
        if self._started == 0.0:
            self._started, self._start_fraction = self.clock(), fraction
        self._fraction = max(self._fraction, fraction)

    @property
    def more_batches(self) -> bool:
        """Whether another batch follows the one in work."""
        return self._place() + self.batch_size < len(self.indexes)

    @property
    def progress(self) -> float:
        """0..1 of the whole job, pictures of earlier runs included."""
        return self._fraction

    @property
    def eta(self) -> float | None:
        """Seconds to the end, by the pace since the first step; None while there is no pace."""
        made = self._fraction - self._start_fraction
        if made <= 0:
            return None
        passed = self.clock() - self._started
        return passed / made * (1.0 - self._fraction)

    @property
    def pace(self) -> float | None:
        """Steps a second in this batch; None while there is none to tell."""
        steps, seconds = self.step - self._batch[1], self.clock() - self._batch[2]
        return steps / seconds if steps > 0 and seconds > 0 else None

    @property
    def batch_seconds(self) -> float:
        """Seconds since the batch's first step was told."""
        return self.clock() - self._batch[2]

    def look(self) -> bool:
        """Somebody looks. True where the worker must be told."""
        self.looked = self.clock()
        told, self.looking = self.looking, True
        return not told

    def look_ended(self) -> bool:
        """True, once, when nobody has looked for a while: the worker must be told."""
        if self.looking and self.clock() - self.looked > LOOK_LASTS:
            self.looking = False
            return True
        return False

    def _place(self) -> int:
        try:
            return list(self.indexes).index(self.image_index)
        except ValueError:
            return 0
