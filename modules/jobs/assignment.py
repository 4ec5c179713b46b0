"""The job that a worker has, what came of it so far, and what its end makes of it.

Knows no process and no message.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from modules.errors import EaselError, RequestError, WorkerError
from modules.generation.result import Summary
from modules.jobs.delivery import Delivery, Recipe
from modules.jobs.inputs import InputStore
from modules.jobs.job import ItemState, Job, JobState, Stopping
from modules.jobs.queue import JobQueue
from modules.jobs.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """What all stations work with."""

    store: Store
    queue: JobQueue
    delivery: Delivery
    inputs: InputStore


@dataclass
class Assignment:
    """One run of a job on a worker, which is to make the pictures `indexes`."""

    job: Job
    recipe: Recipe
    indexes: tuple[int, ...]
    summary: Summary | None = None
    delivered: int = 0
    unusable: int = 0  # pictures whose input can't be used
    excuse: str = ""  # why the first of them can't
    last: Path | None = None  # the picture that came last, if it is saved
    skipped: bool = False
    failure: EaselError | None = field(default=None)
    began: float = field(default_factory=time.monotonic)

    def verdict(self, stopped: bool, desk: Desk) -> tuple[JobState, EaselError | None]:
        """What the end of the run makes of the job. StorageError where its row can't be read."""
        stopping = desk.store.get(self.job.id).stopping
        if stopping is Stopping.CANCEL:
            return JobState.CANCELLED, None
        asked_for = stopped or self.skipped or stopping is not Stopping.NO
        missing = len(self.indexes) - self.delivered - self.unusable
        if missing and not asked_for:
            return JobState.FAILED, WorkerError(
                f"the worker ended the job with {missing} pictures missing: see worker.log"
            )
        if self.unusable and not desk.store.tally(self.job.id)[ItemState.DONE]:
            return JobState.FAILED, RequestError(
                f"no picture of the batch can be used; the first: {self.excuse}"
            )
        return JobState.DONE, None

    def wants_grid(self, desk: Desk) -> bool:
        """Whether a sheet of the job's pictures is to be made."""
        made = self.job.image_count - len(self.indexes) + self.delivered
        return self.summary is not None and desk.delivery.wants_grid(self.recipe, made)

    def make_grid(self, desk: Desk) -> None:
        """The pictures are there whatever becomes of the sheet."""
        assert self.summary is not None
        try:
            desk.delivery.deliver_grid(self.job, self.recipe, self.summary)
        except EaselError as error:
            log.warning("job %s gets no grid: %s", self.job.id, error)

    def in_words(self, state: JobState) -> str:
        """The run's end as one line for the console."""
        seconds = time.monotonic() - self.began
        pictures = f"{self.delivered} picture{'' if self.delivered == 1 else 's'}"
        return f"{self.job.kind} {self.job.id} {state}: {pictures} in {seconds:.1f} s"
