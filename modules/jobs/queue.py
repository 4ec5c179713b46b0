"""The queue: what page and APIs ask of it, and what the supervisor tells it.

Joins the rows of the store with how running jobs go at the moment. It starts no process and opens
no model; orders to a worker go through `Orders`, which the supervisor attaches.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from modules.errors import EaselError, JobError, StorageError
from modules.jobs.delivery import Delivery
from modules.jobs.job import (
    Item,
    ItemState,
    ItemView,
    Job,
    JobState,
    JobView,
    NewJob,
    Stopping,
)
from modules.jobs.live import Live
from modules.jobs.store import Store

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
        self._live: dict[str, Live] = {}
        self._orders: Orders = _NoOrders()
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

    def view(self, job_id: str, *, look: bool = False) -> JobView:
        """JobError for an unknown id. `look`: somebody looks at the preview now."""
        job = self._store.get(job_id)
        if look:
            with self._changed:
                live = self._live.get(job_id)
                tell = live is not None and live.look()
            if tell:
                self._orders.look(job_id, wanted=True)
        waiting = self._store.waiting() if job.state is JobState.QUEUED else []
        return self._view(job, waiting)

    def list(
        self,
        *,
        kind: str = "",
        states: Collection[str] = (),
        owner: str = "",
        limit: int = 20,
    ) -> list[JobView]:
        """Newest first."""
        jobs = self._store.find(kind=kind, states=states, owner=owner, limit=limit)
        waiting = self._store.waiting() if any(j.state is JobState.QUEUED for j in jobs) else []
        return [self._view(job, waiting) for job in jobs]

    def running(self) -> list[JobView]:
        return self.list(states=(JobState.RUNNING,), limit=1000)

    def waiting_count(self) -> int:
        return self._store.waiting_count()

    def interrupt(self, job_id: str | None = None, *, now: bool = False) -> None:
        """Stop a job (None: whatever runs) and keep what is made; a waiting one is cancelled.

        With the setting on, the first press ends the job after the current batch where more are to
        come, the second at once.
        """
        for job in self._targets(job_id):
            if self._store.cancel_waiting(job.id):
                self._tell_all()
                continue
            job = self._store.get(job.id)  # it may have been taken in between
            if job.state is JobState.RUNNING:
                with self._changed:
                    live = self._live.get(job.id)
                    more = live is not None and live.more_batches
                gently = (
                    not now and more and job.stopping is Stopping.NO and self._stops_after_current()
                )
                self._stop(job, Stopping.AFTER_CURRENT if gently else Stopping.NOW)

    def skip(self, job_id: str | None = None) -> None:
        """Abandon the current batch of a running job (None: whatever runs)."""
        for job in self._targets(job_id):
            self._orders.skip(job.id)

    def cancel(self, job_id: str) -> None:
        """Take a waiting job out of the queue, or stop a running one at once. Pictures stay."""
        job = self._store.get(job_id)
        if self._store.cancel_waiting(job_id):
            self._tell_all()
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
        """JobError where that picture is not made, or its file was moved away."""
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
        """The pictures of the job that are still to be made."""
        done = {item.index for item in self._store.items(job.id) if item.state is ItemState.DONE}
        return tuple(index for index in range(job.image_count) if index not in done)

    def settle(self) -> None:
        """Note in the store, in order, the ends that it refused before. StorageError: not yet."""
        with self._changed:
            while self._owed:
                self._owed[0][2]()
                del self._owed[0]

    def began(self, job_id: str, live: Live) -> None:
        with self._changed:
            self._live[job_id] = live

    def update(self, job_id: str, change: Callable[[Live], None]) -> None:
        """Change how a running job goes; nothing happens where it does not run."""
        with self._changed:
            if (live := self._live.get(job_id)) is not None:
                change(live)

    def previewed(self, job_id: str, mime: str, data: bytes) -> None:
        """The newest preview of a running job."""
        with self._changed:
            if (live := self._live.get(job_id)) is not None:
                live.preview_n, live.preview = next(self._preview_numbers), (mime, data)

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
        self._tell_all()

    def _tell_all(self) -> None:
        with self._changed:
            self._changed.notify_all()
        self._orders.work()

    def _targets(self, job_id: str | None) -> list[Job]:
        if job_id is not None:
            return [self._store.get(job_id)]
        return self._store.find(states=(JobState.RUNNING,), limit=1000)

    def _stop(self, job: Job, stopping: Stopping) -> None:
        try:
            self._store.set_stopping(job.id, stopping)
        except StorageError as error:  # a full disk must not keep anyone from stopping
            log.warning("that job %s was stopped could not be noted: %s", job.id, error)
        self._orders.stop(job.id, after_current=stopping is Stopping.AFTER_CURRENT)

    def _item(self, job_id: str, index: int) -> Item:
        self._store.get(job_id)
        for item in self._store.items(job_id):
            if item.index == index and item.state is ItemState.DONE:
                return item
        raise JobError(f"job {job_id} has no picture {index}")

    def _owed_error(self, job_id: str) -> EaselError | None:
        return next((error for known, error, _ in self._owed if known == job_id), None)

    def _view(self, job: Job, waiting: list[str]) -> JobView:
        with self._changed:
            live = self._live.get(job.id)
            owed = self._owed_error(job.id)
            items = tuple(
                ItemView.of(item)
                for item in self._store.items(job.id)
                if item.state is ItemState.DONE
            )
            state = JobState.FAILED if owed and not job.is_finished else job.state
            made = len(items) / max(1, job.image_count)
            waits = state is JobState.QUEUED
            return JobView(
                id=job.id,
                kind=job.kind,
                source=job.source,
                owner=job.owner,
                priority=job.priority,
                state=state,
                position=waiting.index(job.id) if job.id in waiting else 0,
                created=job.created,
                started=job.started,
                finished=job.finished,
                progress=live.progress if live else 1.0 if state is JobState.DONE else made,
                step=live.step if live else 0,
                steps=live.steps if live else 0,
                image_index=live.image_index if live else 0,
                image_count=job.image_count,
                eta=live.eta if live else None,
                preview_n=live.preview_n if live else 0,
                message=live.message if live else self.trouble if waits else "",
                stopping=job.stopping if state is JobState.RUNNING else "",
                interrupted=job.is_finished
                and (len(items) < job.image_count or not all(item.complete for item in items)),
                error=owed.to_record() if owed else job.error,
                items=items,
                summary=job.summary,
                request=_record(job.request),
                settings=_record(job.settings),
                warnings=tuple((job.summary or {}).get("warnings", ())),
            )


def _record(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`, {} where it can't be read."""
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
