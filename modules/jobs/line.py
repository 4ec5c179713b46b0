"""The waiting jobs as a line: its order, who is next, and moving about in it.

The store's rows of jobs, seen as a queue. Knows nothing of pictures and of workers.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from modules.errors import JobError, JobStateError
from modules.jobs.database import PATIENCE, Database
from modules.jobs.job import Job, JobState, Move
from modules.jobs.order import Waiting, in_turn, renumbered
from modules.jobs.rows import COLUMNS, job_of


class Line(Database):
    """Every method is one transaction at most."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._changes = 0  # transactions so far
        self._order_lock = threading.Lock()
        self._order: tuple[int, list[str], dict[str, int]] = (-1, [], {})  # of which change
        self._served: dict[str, int] = {}
        self._takes = 0

    def get(self, job_id: str) -> Job:
        """JobError for an unknown id."""
        rows = self._rows(f"select {COLUMNS} from jobs where id = ?", (job_id,))
        if not rows:
            raise JobError(f"there is no job {job_id!r}: it never was or has been forgotten")
        return job_of(rows[0])

    def waiting(self) -> list[str]:
        """Ids in the order in which they will be taken."""
        return self._in_order()[0]

    def position(self, job_id: str) -> int:
        """Waiting jobs before this one; 0 for one that does not wait."""
        return self._in_order()[1].get(job_id, 0)

    def move(self, job_id: str, move: Move) -> None:
        """Give a waiting job another place among its owner's. JobStateError where one of the two
        does not wait, or they are of different owners.
        """
        with self._alone():
            job = self._waiting_job(job_id)
            if move.priority is not None:
                with self._transaction() as cursor:
                    cursor.execute(
                        "update jobs set priority = ? where id = ?", (move.priority, job_id)
                    )
                return
            own = [row for row in self._queue_rows() if row.owner == job.owner]
            beside = self._beside(move, job, own)
            priority = beside.priority if beside else job.priority
            rest = [row for row in own if row.priority == priority and row.id != job_id]
            if beside is not None and move.to is None:
                place = [row.id for row in rest].index(beside.id) + (move.after is not None)
            else:
                place = 0 if move.to == "front" else len(rest)
            mine = next(row for row in own if row.id == job_id)
            line = [*rest[:place], mine, *rest[place:]]
            ranks = renumbered(row.rank for row in line)
            with self._transaction() as cursor:
                cursor.execute("update jobs set priority = ? where id = ?", (priority, job_id))
                cursor.executemany(
                    "update jobs set rank = ? where id = ?",
                    [(rank, row.id) for rank, row in zip(ranks, line, strict=True)],
                )

    def _note_served(self, owner: str) -> None:
        self._takes += 1
        self._served[owner] = self._takes
        self._changes += 1

    def _waiting_job(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job.state is not JobState.QUEUED:
            raise JobStateError(f"job {job_id} is {job.state}: only a waiting job has a place")
        return job

    def _beside(self, move: Move, job: Job, own: list[Waiting]) -> Waiting | None:
        """The row whose priority the job shall have; None: its own."""
        if move.to is not None:
            return own[0] if move.to == "front" else own[-1]
        other = self._waiting_job(move.before or move.after or "")
        found = next((row for row in own if row.id == other.id), None)
        if found is None or found.id == job.id:
            raise JobStateError(
                f"job {job.id} can't be placed beside {other.id}: name another waiting job of the "
                "same owner"
            )
        return found

    def _queue_rows(self) -> list[Waiting]:
        rows = self._rows(
            "select id, owner, priority, rank, sequence from jobs where state = 'queued' "
            "order by priority desc, rank, sequence",
            (),
        )
        names = ("id", "owner", "priority", "rank", "sequence")
        return [Waiting(**dict(zip(names, row, strict=True))) for row in rows]

    def _in_order(self) -> tuple[list[str], dict[str, int]]:
        """The waiting jobs, and the place of each. Worked out once per change: it is asked at
        every poll.
        """
        with self._order_lock:
            if self._order[0] != self._changes:
                change = self._changes  # before the rows are read: later ones may not be in them
                ids = in_turn(self._queue_rows(), self._served)
                self._order = change, ids, {job_id: place for place, job_id in enumerate(ids)}
            return self._order[1:]

    @contextlib.contextmanager
    def _transaction(self, patience: float = PATIENCE) -> Iterator[sqlite3.Cursor]:
        with self._alone(patience):
            try:
                with super()._transaction(patience) as cursor:
                    yield cursor
            finally:
                self._changes += 1
