"""The names that clients give their jobs, `task(...)`, and the jobs behind them.

A job without such a name has one all the same, made of its kind and id. Knows names and ids; they
are kept in memory, as the original does.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict

_OWN = re.compile(r"task\(\w+-(\w+)\)")
_MOST = 2000


class Tasks:
    """May be used from several threads; the oldest names are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, str] = OrderedDict()  # by name

    def name(self, task_id: str, job_id: str) -> None:
        """From now on `task_id` means that job."""
        with self._lock:
            self._jobs.pop(task_id, None)
            self._jobs[task_id] = job_id
            while len(self._jobs) > _MOST:
                self._jobs.popitem(last=False)

    def job_of(self, task_id: str) -> str:
        """The job's id, as far as the name tells; "" where it tells none."""
        with self._lock:
            known = self._jobs.get(task_id)
        own = _OWN.fullmatch(task_id)
        return known or (own.group(1) if own else "")

    def name_of(self, job_id: str, kind: str) -> str:
        """The name that a client gave this job, else its own."""
        with self._lock:
            named = next((task for task, job in self._jobs.items() if job == job_id), "")
        return named or f"task({kind}-{job_id})"
