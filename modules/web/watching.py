"""Waiting for a job without holding a thread and without asking again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from modules.jobs.own import OwnJobs


class Watch:
    """Set whenever the job changes; `ends_only`: only when it ends."""

    def __init__(self, *, ends_only: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._ends_only = ends_only

    def told(self, ended: bool) -> None:
        """Called from the queue's threads."""
        if ended or not self._ends_only:
            with contextlib.suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self, timeout: float) -> bool:
        """Whether something changed since the last call, or within `timeout` seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return False
        self._event.clear()
        return True


@contextlib.contextmanager
def watched(jobs: OwnJobs, job_id: str, *, ends_only: bool) -> Iterator[Watch]:
    """JobError where the job is not there."""
    watch = Watch(ends_only=ends_only)
    forget = jobs.watch(job_id, watch.told)
    try:
        yield watch
    finally:
        forget()
