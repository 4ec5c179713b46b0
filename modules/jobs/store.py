"""Jobs and their pictures in SQLite: the truth about both. Every method is one transaction.

Knows rows and JSON text, nothing of processes or of the files that the rows name. May be used from
several threads; a full disk is a StorageError and changes nothing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from modules.errors import EaselError, JobError, JobStateError
from modules.jobs.database import PATIENCE_OF_WORK
from modules.jobs.job import FINISHED, GRID, Filter, Item, Job, JobState, NewJob, Stopping
from modules.jobs.line import Line
from modules.jobs.rows import COLUMNS, ITEM_COLUMNS, criteria, item_of, job_of

NO_LIMIT = 1 << 40


class Store(Line):
    """`path` is the database file; `clock` gives unix seconds."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self._clock = clock

    # -------------------------------------------------------------------------- jobs in

    def add(self, new: NewJob) -> str:
        """The id of the new job, or of the one that `owner` handed in before under this key."""
        with self._transaction() as cursor:
            if new.idempotency_key:
                known = cursor.execute(
                    "select id from jobs where owner = ? and idempotency_key = ?",
                    (new.owner, new.idempotency_key),
                ).fetchone()
                if known:
                    return known[0]
            job_id = secrets.token_hex(8)
            cursor.execute(
                "insert into jobs (id, kind, source, owner, priority, rank, state, image_count, "
                "keeps_images, idempotency_key, request, settings, created, webhook) values (?, ?,"
                " ?, ?, ?, (select coalesce(max(sequence), 0) + 1 from jobs), "
                "?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    new.kind,
                    new.source,
                    new.owner,
                    new.priority,
                    JobState.QUEUED,
                    new.image_count,
                    new.keeps_images,
                    new.idempotency_key or None,
                    json.dumps(new.request),
                    json.dumps(new.settings),
                    self._clock(),
                    new.webhook,
                ),
            )
            return job_id

    def known(self, owner: str, idempotency_key: str) -> str | None:
        """The job that `owner` handed in under this key, if any."""
        rows = self._rows(
            "select id from jobs where owner = ? and idempotency_key = ?", (owner, idempotency_key)
        )
        return rows[0][0] if rows else None

    # -------------------------------------------------------------------------- jobs out

    def find(self, wanted: Filter) -> list[Job]:
        """Newest first."""
        parts, values = criteria(wanted)
        if wanted.before:
            parts.append("sequence < ?")
            values.append(self.get(wanted.before).sequence)
        rows = self._rows(
            f"select {COLUMNS} from jobs where {' and '.join(parts)} "
            "order by sequence desc limit ?",
            (*values, wanted.limit),
        )
        return [job_of(row) for row in rows]

    def count(self, wanted: Filter) -> int:
        """How many there are, whatever `before` and `limit` say."""
        parts, values = criteria(wanted)
        text = f"select count(*) from jobs where {' and '.join(parts)}"
        return self._rows(text, tuple(values))[0][0]

    def waiting_count(self, owner: str | None = None) -> int:
        """Of one owner, or of all."""
        if owner is None:
            return len(self.waiting())
        return self.count(Filter(states=(JobState.QUEUED,), owner=owner))

    def items(self, job_id: str, *, below: int = NO_LIMIT) -> list[Item]:
        """The rows of a job's pictures by index, whatever their state; only those of an index
        `below` that.
        """
        rows = self._rows(
            f"select {ITEM_COLUMNS} from items where number < ? "
            "and job = (select sequence from jobs where id = ?) order by number",
            (below, job_id),
        )
        return [item_of(row) for row in rows]

    def tally(self, job_id: str) -> Counter[str]:
        """How many pictures of a job are in which state of `ItemState`, the grid left out."""
        rows = self._rows(
            "select state, count(*) from items where number != ? "
            "and job = (select sequence from jobs where id = ?) group by state",
            (GRID, job_id),
        )
        return Counter(dict(rows))

    def unusable(self, job_id: str, most: int) -> list[Item]:
        """The first of the pictures that can't be made, since their inputs can't be used."""
        rows = self._rows(
            f"select {ITEM_COLUMNS} from items where state = 'failed' "
            "and job = (select sequence from jobs where id = ?) order by number limit ?",
            (job_id, most),
        )
        return [item_of(row) for row in rows]

    def items_of(self, jobs: Collection[Job]) -> dict[str, list[Item]]:
        """The same of several jobs at once, by job id; every id is there."""
        found: dict[str, list[Item]] = {job.id: [] for job in jobs}
        names = {job.sequence: job.id for job in jobs}
        rows = self._rows(
            f"select job, {ITEM_COLUMNS} from items "
            f"where job in ({', '.join('?' * len(names))}) order by job, number",
            tuple(names),
        )
        for row in rows:
            found[names[row[0]]].append(item_of(row[1:]))
        return found

    def webhooks_due(self) -> list[Job]:
        """Ended jobs whose end somebody is still to be told."""
        rows = self._rows(
            f"select {COLUMNS} from jobs where webhook != '' "
            "and state in ('done', 'failed', 'cancelled') order by finished",
            (),
        )
        return [job_of(row) for row in rows]

    def in_writing(self) -> list[tuple[str, Item]]:
        """(job id, item) of every picture whose file may or may not be in place."""
        rows = self._rows(
            "select jobs.id, number, items.state, file, sha256, complete, saved, picture "
            "from items join jobs on jobs.sequence = items.job where items.state = 'writing'",
            (),
        )
        return [(row[0], item_of(row[1:])) for row in rows]

    def requests(self) -> Iterator[str]:
        """The stored request of every job, as JSON text."""
        for row in self._rows("select request from jobs", ()):
            yield row[0]

    # -------------------------------------------------------------------------- changes of state

    def take(self) -> Job | None:
        """The next waiting job, now running; None where none waits."""
        with self._alone():
            waiting = self.waiting()
            if not waiting:
                return None
            with self._transaction() as cursor:
                cursor.execute(
                    "update jobs set state = 'running', started = coalesce(started, ?) "
                    "where id = ?",
                    (self._clock(), waiting[0]),
                )
            job = self.get(waiting[0])
            self._note_served(job.owner)
        return job

    def retry(self, job_id: str) -> None:
        """An ended job waits again for its missing and its incomplete pictures. JobStateError
        where it has not ended, or nothing is missing.
        """
        with self._alone():
            job = self.get(job_id)
            if not job.is_finished:
                raise JobStateError(f"job {job_id} has not ended: there is nothing to retry yet")
            whole = sum(item.complete for item in self.items(job_id) if item.index != GRID)
            if whole == job.image_count:
                raise JobStateError(
                    f"job {job_id} has all its pictures: duplicate it to make them again"
                )
            with self._transaction() as cursor:
                cursor.execute(
                    "delete from items where (complete = 0 or number = ?) and job = ?",
                    (GRID, job.sequence),
                )
                cursor.execute(
                    "update jobs set state = 'queued', finished = null, error = null, deaths = 0, "
                    "stopping = '', rank = (select coalesce(max(sequence), 0) + 1 from jobs) "
                    "where id = ?",
                    (job_id,),
                )

    def forget_webhook(self, job_id: str) -> None:
        """Its end was told, or nobody wants to hear it."""
        with self._transaction() as cursor:
            cursor.execute("update jobs set webhook = '' where id = ?", (job_id,))

    def give_back(self, job_id: str, *, death: bool) -> int:
        """A running job waits again, in its old place. Returns its deaths, this one included."""
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "update jobs set state = 'queued', deaths = deaths + ? "
                "where id = ? and state = 'running'",
                (int(death), job_id),
            )
        return self.get(job_id).deaths

    def finish(self, job_id: str, state: JobState, error: EaselError | None = None) -> bool:
        """False where the job had ended before: the first end holds."""
        assert state in FINISHED
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "update jobs set state = ?, finished = ?, error = ? "
                "where id = ? and state in ('queued', 'running')",
                (
                    state,
                    self._clock(),
                    json.dumps(error.to_record()) if error else None,
                    job_id,
                ),
            )
            return cursor.rowcount == 1

    def cancel_waiting(self, job_id: str) -> bool:
        """False where the job does not wait (any more)."""
        with self._transaction() as cursor:
            cursor.execute(
                "update jobs set state = 'cancelled', finished = ? "
                "where id = ? and state = 'queued'",
                (self._clock(), job_id),
            )
            return cursor.rowcount == 1

    def set_stopping(self, job_id: str, stopping: Stopping) -> None:
        """Kept in the row, so that a job stopped just before a crash does not come back."""
        with self._transaction() as cursor:
            cursor.execute("update jobs set stopping = ? where id = ?", (stopping, job_id))

    def set_summary(self, job_id: str, summary: Mapping[str, Any]) -> None:
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "update jobs set summary = ? where id = ?", (json.dumps(summary), job_id)
            )

    # -------------------------------------------------------------------------- pictures

    def begin_item(self, job_id: str, item: Item) -> None:
        """The row `writing`: from now on the file may be there."""
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "insert or replace into items (job, number, state, file, sha256, complete, saved, "
                "picture) values ((select sequence from jobs where id = ?), ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    item.index,
                    item.state,
                    item.file,
                    item.sha256,
                    item.complete,
                    item.saved,
                    json.dumps(item.picture),
                ),
            )

    def finish_item(self, job_id: str, index: int) -> None:
        """The file is in place. A job that gets on is not to blame for earlier deaths."""
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "update items set state = 'done' where number = ? "
                "and job = (select sequence from jobs where id = ?)",
                (index, job_id),
            )
            cursor.execute("update jobs set deaths = 0 where id = ?", (job_id,))

    def note_unusable(
        self, job_id: str, indexes: Collection[int], error: Mapping[str, str]
    ) -> None:
        """These pictures can't be made, and why."""
        picture = json.dumps({"error": dict(error)})
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.executemany(
                "insert or replace into items (job, number, state, file, sha256, complete, saved, "
                "picture) values ((select sequence from jobs where id = ?), ?, 'failed', '', '', "
                "0, 0, ?)",
                [(job_id, index, picture) for index in indexes],
            )
            cursor.execute("update jobs set deaths = 0 where id = ?", (job_id,))

    def item_at(self, file: str) -> tuple[str, Item] | None:
        """(job's id, picture) of the file of that stored name; None where no job made it."""
        rows = self._rows(
            f"select jobs.id, {ITEM_COLUMNS.replace('state', 'items.state')} from items "
            "join jobs on jobs.sequence = items.job where items.state = 'done' and file = ?",
            (file,),
        )
        return next(((row[0], item_of(row[1:])) for row in rows), None)

    def note_deleted(self, job_id: str, index: int) -> None:
        """The picture was deleted: the job does not lack it."""
        self._set_item(job_id, index, "state = 'deleted'")

    def place_item(self, job_id: str, index: int, file: str) -> None:
        """The deleted picture is back, as that file."""
        self._set_item(job_id, index, "state = 'done', file = ?", file)

    def _set_item(self, job_id: str, index: int, change: str, *values: str) -> None:
        with self._transaction() as cursor:
            cursor.execute(
                f"update items set {change} where number = ? "
                "and job = (select sequence from jobs where id = ?)",
                (*values, index, job_id),
            )

    def drop_item(self, job_id: str, index: int) -> None:
        """The picture is missing again."""
        with self._transaction(PATIENCE_OF_WORK) as cursor:
            cursor.execute(
                "delete from items where number = ? "
                "and job = (select sequence from jobs where id = ?)",
                (index, job_id),
            )

    # -------------------------------------------------------------------------- start and end

    def recover(self) -> None:
        """At a start: what ran waits again; what only a vanished HTTP client wanted is dropped."""
        with self._transaction() as cursor:
            cursor.execute("update jobs set state = 'queued' where state = 'running'")
            cursor.execute(
                "update jobs set state = 'cancelled', finished = ?, error = ? "
                "where state = 'queued' and source = 'api' and keeps_images = 0",
                (
                    self._clock(),
                    json.dumps(
                        JobError("the client that waited for it is gone: ask again").to_record()
                    ),
                ),
            )

    def forget(self, *, older_than: float, keep: int) -> list[str]:
        """Delete finished jobs that ended before `older_than` (unix s) or are not among the `keep`
        newest. Returns their ids. Saved pictures are not touched.
        """
        with self._transaction() as cursor:
            rows = cursor.execute(
                "select id from jobs where state in ('done', 'failed', 'cancelled') and "
                "(finished < ? or sequence not in (select sequence from jobs where state in "
                "('done', 'failed', 'cancelled') order by finished desc limit ?))",
                (older_than, keep),
            ).fetchall()
            cursor.executemany("delete from jobs where id = ?", rows)
        return [row[0] for row in rows]
