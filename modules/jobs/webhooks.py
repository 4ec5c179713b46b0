"""Tells an address that a job names of that job's end. Off unless --webhooks is given.

What is still to be told stands in the job's row, so that a restart loses nothing. What is told is
no secret: no prompt, no setting, no picture, only the job's id, state and counts. Knows rows and
addresses, no pages.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from modules.errors import EaselError
from modules.jobs.job import ItemState, Job
from modules.jobs.store import Store
from modules.library.outward import Outward

log = logging.getLogger(__name__)

PAUSES = (5.0, 30.0, 120.0)  # seconds after each failure; after the last it is given up
_TICK = 1.0  # seconds between looks at the rows


class Webhooks:
    """One thread, from `start` to `close`. `clock` gives seconds."""

    def __init__(
        self, store: Store, outward: Outward, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._outward = outward
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}  # how often, and when to try again
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def tell_all(self) -> None:
        """Tell whatever is due now."""
        for job in self._store.webhooks_due():
            tries, when = self._failures.get(job.id, (0, 0.0))
            if self._closing.is_set():
                return
            if self._clock() >= when:
                self._tell(job, tries)

    def _tell(self, job: Job, tries: int) -> None:
        try:
            body = json.dumps(self._message(job)).encode()
            headers = {"Content-Type": "application/json", "X-Easel-Job": job.id}
            status = self._outward.post(job.webhook, body, headers).status
            trouble = "" if 200 <= status < 300 else f"it answers {status}"
        except EaselError as error:
            trouble = error.message
        if not trouble:
            self._settled(job)
        elif tries < len(PAUSES):
            log.info("the end of job %s could not be told yet: %s", job.id, trouble)
            self._failures[job.id] = (tries + 1, self._clock() + PAUSES[tries])
        else:
            log.warning("the end of job %s could not be told: %s", job.id, trouble)
            self._settled(job)

    def _settled(self, job: Job) -> None:
        self._failures.pop(job.id, None)
        self._store.forget_webhook(job.id)

    def _message(self, job: Job) -> dict[str, Any]:
        made = [item for item in self._store.items(job.id) if item.state is ItemState.DONE]
        return {
            "event": "job.ended",
            "id": job.id,
            "kind": job.kind,
            "state": str(job.state),
            "created": job.created,
            "finished": job.finished,
            "image_count": job.image_count,
            "images_made": len(made),
            "error": (job.error or {}).get("kind"),
            "url": f"/easel/v1/jobs/{job.id}",
        }

    def _run(self) -> None:
        while not self._closing.wait(_TICK):
            try:
                self.tell_all()
            except EaselError as error:  # the disk is full: it is told later
                log.warning("webhooks wait: %s", error)
