"""The queue as one visitor may see and touch it: the only way to it for page and APIs.

A job of somebody else is answered like one that never was. Knows owners' names, not how they proved
who they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from modules.errors import JobError
from modules.jobs.job import Filter, Job, JobView, Move
from modules.jobs.queue import JobQueue, Told

_NOBODY = "\0"  # owns nothing: where users are kept apart, a stranger sees no job


class Visitors:
    """Who asks at the moment. The door enters his name around all that is done for a request; what
    is called for it, in whatever thread, asks here.
    """

    def __init__(self, *, apart: bool) -> None:
        self._apart = apart
        self._now: ContextVar[str] = ContextVar("visitor", default="")

    @contextmanager
    def entered(self, user: str) -> Iterator[None]:
        """`user` "": nobody has to say who he is."""
        token = self._now.set(user)
        try:
            yield
        finally:
            self._now.reset(token)

    @property
    def user(self) -> str:
        """Who logged in; "" where nobody has to."""
        return self._now.get()

    @property
    def owner(self) -> str | None:
        """Whose jobs and pictures the visitor may see and touch; None: everybody's."""
        return (self.user or _NOBODY) if self._apart else None


class OwnJobs:
    """`owner` None: whoever asks may see all jobs. Every method raises JobError for a job that is
    not there or not the visitor's.
    """

    def __init__(self, queue: JobQueue, owner: str | None) -> None:
        self._queue = queue
        self._owner = owner

    def job(self, job_id: str) -> Job:
        """The row of a job that may be seen."""
        job = self._queue.job(job_id)
        if self._owner not in (None, job.owner):
            raise JobError(f"there is no job {job_id!r}: it never was or has been forgotten")
        return job

    def view(self, job_id: str, *, look: bool = False, most: int | None = None) -> JobView:
        """`look`: somebody looks at the preview now. `most`: as `JobQueue.view`."""
        self._check(job_id)
        return self._queue.view(job_id, look=look, most=most)

    def list(
        self,
        *,
        kind: str = "",
        states: Collection[str] = (),
        source: str = "",
        before: str = "",
        limit: int = 20,
        most: int | None = None,
    ) -> list[JobView]:
        """Newest first. `before`: only those submitted before the job with this id."""
        if before:
            self._check(before)
        wanted = Filter(kind=kind, states=states, source=source, before=before, limit=limit)
        return self._queue.list(replace(wanted, owner=self._owner), most=most)

    def count(self, *, kind: str = "", states: Collection[str] = (), source: str = "") -> int:
        wanted = Filter(kind=kind, states=states, source=source)
        return self._queue.count(replace(wanted, owner=self._owner))

    def running(self) -> list[Job]:
        """The jobs in work."""
        return self._queue.running(self._owner)

    def waiting_count(self) -> int:
        """Of everybody: it says how long one will wait."""
        return self._queue.waiting_count()

    def interrupt(self, job_id: str | None = None, *, now: bool = False) -> None:
        """Stop a job, or None: whatever runs of the visitor's."""
        for name in self._targets(job_id):
            self._queue.interrupt(name, now=now)

    def skip(self, job_id: str | None = None) -> None:
        """Abandon the batch in work of a job, or None: of whatever runs of the visitor's."""
        for name in self._targets(job_id):
            self._queue.skip(name)

    def cancel(self, job_id: str) -> None:
        self._check(job_id)
        self._queue.cancel(job_id)

    def move(self, job_id: str, move: Move) -> None:
        for name in filter(None, (job_id, move.before, move.after)):
            self._check(name)
        self._queue.move(job_id, move)

    def retry(self, job_id: str) -> None:
        self._check(job_id)
        self._queue.retry(job_id)

    def wait(self, job_id: str, timeout: float | None = None) -> JobView:
        """The job as it is when it has ended, or after `timeout` seconds."""
        self._check(job_id)
        return self._queue.wait(job_id, timeout)

    def watch(self, job_id: str, told: Told) -> Callable[[], None]:
        self._check(job_id)
        return self._queue.watch(job_id, told)

    def preview(self, job_id: str) -> tuple[int, str, bytes] | None:
        """(number, MIME type, bytes) of the newest preview; None where there is none."""
        self._check(job_id)
        return self._queue.preview(job_id)

    def image_path(self, job_id: str, index: int) -> Path:
        self._check(job_id)
        return self._queue.image_path(job_id, index)

    def image_bytes(self, job_id: str, index: int) -> tuple[bytes, str, str]:
        """(the file's bytes, MIME type, file name)."""
        self._check(job_id)
        return self._queue.image_bytes(job_id, index)

    def _check(self, job_id: str) -> None:
        """Costs nothing where everybody sees everything."""
        if self._owner is not None:
            self.job(job_id)

    def _targets(self, job_id: str | None) -> list[str]:
        if job_id is not None:
            return [self.job(job_id).id]
        return [job.id for job in self.running()]
