"""The queue: what page and APIs ask of it, and what the supervisor tells it.

Joins the rows of the store with how running jobs go at the moment. It starts no process and opens
no model; orders to a worker go through `Orders`, which the supervisor attaches.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from modules.errors import EaselError, JobError, StorageError
from modules.jobs.delivery import Delivery
from modules.jobs.job import Filter, Item, ItemState, Job, JobState, JobView, Move, NewJob, Stopping
from modules.jobs.live import Live
from modules.jobs.store import NO_LIMIT, Store
from modules.jobs.views import Rows, inputs_of, record_of, view_of

Told = Callable[[bool], None]
_FAILURES = 100  # told of one job in brief
RUNNING = Filter(states=(JobState.RUNNING,), limit=1000)

log = logging.getLogger(__name__)


class Orders(Protocol):
    """What the queue can have done; each returns at once."""

    def work(self) -> None: ...
    def stop(self, job_id: str, *, after_current: bool) -> None: ...
    def skip(self, job_id: str) -> None: ...
    def look(self, job_id: str, *, wanted: bool) -> None: ...


class _NoOrders:
    def work(self) -> None: ...
    def stop(self, job_id: str, *, after_current: bool) -> None: ...
    def skip(self, job_id: str) -> None: ...
    def look(self, job_id: str, *, wanted: bool) -> None: ...


class JobQueue:
    """Thread-safe. `stops_after_current` reads the setting `interrupt_after_current`."""

    def __init__(
        self, store: Store, delivery: Delivery, *, stops_after_current: Callable[[], bool]
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._stops_after_current = stops_after_current
        self._changed = threading.Condition()
        self._settling = threading.RLock()
        self._live: dict[str, Live] = {}
        self._orders: Orders = _NoOrders()
        self._told: dict[str, list[Told]] = {}
        self._owed: list[tuple[str, EaselError | None, Callable[[], object]]] = []
        # Pages keep previews by number: a number of an earlier server must not come again.
        self._preview_numbers = itertools.count(int(time.time()))
        self.trouble = ""  # why waiting jobs are not taken, in words for the user

    def attach(self, orders: Orders) -> None:
        self._orders = orders

    # -------------------------------------------------------------------------- for page and API

    def submit(self, new: NewJob) -> str:
        """The job's id. It is on disk when this returns."""
        job_id = self._store.add(new)
        self._orders.work()
        return job_id

    def known(self, owner: str, idempotency_key: str) -> str | None:
        """The job that `owner` handed in under this key, if any."""
        return self._store.known(owner, idempotency_key)

    def view(self, job_id: str, *, look: bool = False, most: int | None = None) -> JobView:
        """JobError for an unknown id. `look`: somebody looks at the preview now. `most` given: of a
        batch over many pictures no inputs and only its first pictures (-1: all), since it is asked
        for again and again.
        """
        job = self._store.get(job_id)
        if look:
            with self._changed:
                live = self._live.get(job_id)
                tell = live is not None and live.look()
            if tell:
                self._orders.look(job_id, wanted=True)
        return self._view(job, self._rows(job, None, most), brief=most is not None)

    def job(self, job_id: str) -> Job:
        """The row alone. JobError for an unknown id."""
        return self._store.get(job_id)

    def list(self, wanted: Filter, *, most: int | None = None) -> list[JobView]:
        """Newest first; `most` as for `view`."""
        jobs = self._store.find(wanted)
        brief = most is not None
        whole = [job for job in jobs if not (brief and _is_batch(job))]
        items = self._store.items_of(whole)
        return [
            self._view(job, self._rows(job, items.get(job.id), most), brief=brief) for job in jobs
        ]

    def count(self, wanted: Filter) -> int:
        return self._store.count(wanted)

    def running(self, owner: str | None = None) -> list[Job]:
        """The jobs in work, the one that was submitted last first."""
        return [job for job in self._store.find(RUNNING) if owner is None or job.owner == owner]

    def waiting_count(self, owner: str | None = None) -> int:
        return self._store.waiting_count(owner)

    def move(self, job_id: str, move: Move) -> None:
        """Give a waiting job another place. JobStateError where that can't be done."""
        self._store.move(job_id, move)
        self._tell(job_id, ended=False)

    def retry(self, job_id: str) -> None:
        """An ended job makes what it lacks. JobStateError where nothing is missing."""
        self._store.retry(job_id)
        self._tell(job_id, ended=False)
        self._orders.work()

    def watch(self, job_id: str, told: Told) -> Callable[[], None]:
        """`told(ended)` is called, from any thread, whenever something changes about the job; it
        must be quick. Returns what ends that.
        """
        with self._changed:
            self._told.setdefault(job_id, []).append(told)

        def forget() -> None:
            with self._changed:
                left = [other for other in self._told.get(job_id, ()) if other is not told]
                self._told[job_id] = left
                if not left:
                    del self._told[job_id]

        return forget

    def interrupt(self, job_id: str, *, now: bool = False) -> None:
        """Stop a job and keep what is made; a waiting one is cancelled.

        With the setting on, the first press ends the job after the current batch where more are to
        come, the second at once.
        """
        job = self._store.get(job_id)
        if job.state is JobState.QUEUED and self._store.cancel_waiting(job_id):
            self._end_told(job_id)
            return
        job = self._store.get(job_id)  # it may have been taken in between
        if job.state is JobState.RUNNING:
            with self._changed:
                live = self._live.get(job_id)
                more = live is not None and live.more_batches
            gently = (
                not now and more and job.stopping is Stopping.NO and self._stops_after_current()
            )
            self._stop(job, Stopping.AFTER_CURRENT if gently else Stopping.NOW)

    def skip(self, job_id: str) -> None:
        """Abandon the current batch of a running job."""
        self._store.get(job_id)
        self._orders.skip(job_id)

    def cancel(self, job_id: str) -> None:
        """Take a waiting job out of the queue, or stop a running one at once. Pictures stay."""
        job = self._store.get(job_id)
        if job.state is JobState.QUEUED and self._store.cancel_waiting(job_id):
            self._end_told(job_id)
        elif not job.is_finished:
            self._stop(job, Stopping.CANCEL)

    def wait(self, job_id: str, timeout: float | None = None) -> JobView:
        """The job as it is when it has ended, or after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                view = self.view(job_id)
                left = None if deadline is None else deadline - time.monotonic()
                if view.is_finished or (left is not None and left <= 0):
                    return view
                self._changed.wait(left)

    def preview(self, job_id: str) -> tuple[int, str, bytes] | None:
        """(number, MIME type, bytes) of the newest preview; None where there is none."""
        with self._changed:
            live = self._live.get(job_id)
            if live is None or live.preview is None:
                return None
            return (live.preview_n, *live.preview)

    def image_path(self, job_id: str, index: int) -> Path:
        """Where the file is, or should be."""
        return self._delivery.path_of(self._item(job_id, index))

    def image_bytes(self, job_id: str, index: int) -> tuple[bytes, str, str]:
        """(the file's bytes, MIME type, file name)."""
        item = self._item(job_id, index)
        path = self._delivery.path_of(item)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise JobError(
                f"picture {index} of job {job_id} is not at {path} any more: it was moved or "
                "deleted"
            ) from error
        return data, str(item.picture.get("mime", "image/png")), path.name

    # -------------------------------------------------------------------------- for the supervisor

    def take(self) -> Job | None:
        """The next job, now running. StorageError where the database can't be written."""
        return self._store.take()

    def missing(self, job: Job) -> tuple[int, ...]:
        """The pictures of the job that are still to be made: neither those that can't be, nor
        deleted ones.
        """
        items = self._store.items(job.id)
        over = {item.index for item in items if item.state is not ItemState.WRITING}
        return tuple(index for index in range(job.image_count) if index not in over)

    def settle(self) -> None:
        """Note in the store, in order, the ends that it refused before. StorageError: not yet."""
        with self._settling:  # not the queue's own lock: the disk may take long, and views go on
            while self._owed:
                self._owed[0][2]()
                with self._changed:
                    del self._owed[0]

    def began(self, job_id: str, live: Live) -> None:
        with self._changed:
            self._live[job_id] = live
        self._tell(job_id, ended=False)

    def update(self, job_id: str, change: Callable[[Live], None]) -> None:
        """Change how a running job goes; nothing happens where it does not run."""
        with self._changed:
            if (live := self._live.get(job_id)) is not None:
                change(live)
        self._tell(job_id, ended=False)

    def previewed(self, job_id: str, mime: str, data: bytes) -> None:
        """The newest preview of a running job."""
        with self._changed:
            if (live := self._live.get(job_id)) is not None:
                live.preview_n, live.preview = next(self._preview_numbers), (mime, data)
        self._tell(job_id, ended=False)

    def glances(self) -> Mapping[str, Live]:
        """How the running jobs go at this moment, by id: copies."""
        with self._changed:
            return {job_id: replace(live) for job_id, live in self._live.items()}

    def looks_that_ended(self) -> list[str]:
        with self._changed:
            return [job_id for job_id, live in self._live.items() if live.look_ended()]

    def ended(self, job_id: str, state: JobState, error: EaselError | None = None) -> None:
        """The job is over. Where the disk refuses to note it, it is noted later, before any other
        job is taken; whoever asks is told the end already.
        """
        self._owe(job_id, error, lambda: self._store.finish(job_id, state, error))

    def gave_back(self, job_id: str) -> None:
        """The job was taken and not begun: it waits again, in its old place."""
        self._owe(job_id, None, lambda: self._store.give_back(job_id, death=False))

    def orphaned(self, job_id: str, error: EaselError, *, limit: int) -> None:
        """The job's worker died: it waits again, or at the `limit`-th death fails with `error`."""

        def settle() -> None:
            if self._store.give_back(job_id, death=True) >= limit:
                self._store.finish(job_id, JobState.FAILED, error)

        self._owe(job_id, None, settle)

    # -------------------------------------------------------------------------- within

    def _owe(self, job_id: str, error: EaselError | None, settle: Callable[[], object]) -> None:
        with self._changed:
            self._live.pop(job_id, None)
            self._owed.append((job_id, error, settle))
        try:
            self.settle()
        except StorageError as trouble:
            log.error("%s", trouble)
            self.trouble = trouble.message
        self._end_told(job_id)

    def _end_told(self, job_id: str) -> None:
        """Tell whoever waits for this job or for a free place in the queue."""
        with self._changed:
            self._changed.notify_all()
        self._tell(job_id, ended=True)
        self._orders.work()

    def _tell(self, job_id: str, *, ended: bool) -> None:
        with self._changed:
            told = tuple(self._told.get(job_id, ()))
        for each in told:
            each(ended)

    def _stop(self, job: Job, stopping: Stopping) -> None:
        if stopping is not Stopping.CANCEL:  # what the end makes of that stands in the row
            self._orders.stop(job.id, after_current=stopping is Stopping.AFTER_CURRENT)
        try:
            self._store.set_stopping(job.id, stopping)
        except StorageError as error:  # a full disk must not keep anyone from stopping
            log.warning("that job %s was stopped could not be noted: %s", job.id, error)
        if stopping is Stopping.CANCEL:
            self._orders.stop(job.id, after_current=False)

    def _item(self, job_id: str, index: int) -> Item:
        self._store.get(job_id)
        for item in self._store.items(job_id):
            if item.index == index and item.state is ItemState.DONE:
                return item
        raise JobError(f"job {job_id} has no picture {index}")

    def _owed_error(self, job_id: str) -> EaselError | None:
        return next((error for known, error, _ in self._owed if known == job_id), None)

    def _rows(self, job: Job, items: Sequence[Item] | None, most: int | None) -> Rows:
        if items is not None:
            return Rows.all(items)
        if most is None or not _is_batch(job):
            return Rows.all(self._store.items(job.id))
        tally = self._store.tally(job.id)
        unusable = tally[ItemState.FAILED]
        return Rows(
            items=self._store.items(job.id, below=most if most >= 0 else NO_LIMIT),
            made=tally[ItemState.DONE],
            deleted=tally[ItemState.DELETED],
            unusable=unusable,
            failed=self._store.unusable(job.id, _FAILURES) if unusable else (),
        )

    def _view(self, job: Job, rows: Rows, *, brief: bool) -> JobView:
        position = self._store.position(job.id) if job.state is JobState.QUEUED else 0
        with self._changed:
            return view_of(
                job,
                rows,
                self._live.get(job.id),
                position=position,
                owed=self._owed_error(job.id),
                trouble=self.trouble,
                brief=brief,
            )


def _is_batch(job: Job) -> bool:
    return bool(inputs_of(record_of(job.request)))
