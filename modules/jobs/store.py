"""Jobs and their pictures in SQLite: the truth about both. Every method is one transaction.

Knows rows and JSON text, nothing of processes or of the files that the rows name. May be used from
several threads; a full disk is a StorageError and changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from modules.errors import EaselError, JobError, StorageError
from modules.jobs.job import (
    FINISHED,
    Item,
    ItemState,
    Job,
    JobState,
    NewJob,
    Stopping,
)
from modules.jobs.schema import open_database

log = logging.getLogger(__name__)

_State = TypeVar("_State", JobState, Stopping)
_COLUMNS = (
    "id, sequence, kind, source, owner, priority, state, image_count, keeps_images, request, "
    "settings, created, started, finished, deaths, stopping, error, summary"
)
_ORDER = "priority desc, rank, sequence"


class Store:
    """`path` is the database file; `clock` gives unix seconds."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = open_database(path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

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
                "keeps_images, idempotency_key, request, settings, created) values (?, ?, ?, ?, ?,"
                " (select coalesce(max(sequence), 0) + 1 from jobs), ?, ?, ?, ?, ?, ?, ?)",
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
                ),
            )
            return job_id

    # -------------------------------------------------------------------------- jobs out

    def get(self, job_id: str) -> Job:
        """JobError for an unknown id."""
        rows = self._rows(f"select {_COLUMNS} from jobs where id = ?", (job_id,))
        if not rows:
            raise JobError(f"there is no job {job_id!r}: it never was or has been forgotten")
        return _job(rows[0])

    def find(
        self,
        *,
        kind: str = "",
        states: Collection[str] = (),
        owner: str = "",
        limit: int = 20,
    ) -> list[Job]:
        """Newest first; an empty criterion lets all through."""
        parts = ["1"]
        values: list[Any] = []
        for column, value in (("kind", kind), ("owner", owner)):
            if value:
                parts.append(f"{column} = ?")
                values.append(value)
        if states:
            parts.append(f"state in ({', '.join('?' * len(states))})")
            values += [str(state) for state in states]
        rows = self._rows(
            f"select {_COLUMNS} from jobs where {' and '.join(parts)} "
            "order by sequence desc limit ?",
            (*values, limit),
        )
        return [_job(row) for row in rows]

    def waiting(self) -> list[str]:
        """Ids in the order in which they will be taken."""
        rows = self._rows(f"select id from jobs where state = 'queued' order by {_ORDER}", ())
        return [row[0] for row in rows]

    def waiting_count(self) -> int:
        return self._rows("select count(*) from jobs where state = 'queued'", ())[0][0]

    def items(self, job_id: str) -> list[Item]:
        """The rows of a job's pictures by index, whatever their state."""
        rows = self._rows(
            "select number, state, file, sha256, complete, saved, picture from items "
            "where job = (select sequence from jobs where id = ?) order by number",
            (job_id,),
        )
        return [_item(row) for row in rows]

    def in_writing(self) -> list[tuple[str, Item]]:
        """(job id, item) of every picture whose file may or may not be in place."""
        rows = self._rows(
            "select jobs.id, number, items.state, file, sha256, complete, saved, picture "
            "from items join jobs on jobs.sequence = items.job where items.state = 'writing'",
            (),
        )
        return [(row[0], _item(row[1:])) for row in rows]

    def requests(self) -> Iterator[str]:
        """The stored request of every job, as JSON text."""
        for row in self._rows("select request from jobs", ()):
            yield row[0]

    # -------------------------------------------------------------------------- changes of state

    def take(self) -> Job | None:
        """The next waiting job, now running; None where none waits."""
        with self._transaction() as cursor:
            row = cursor.execute(
                f"select id from jobs where state = 'queued' order by {_ORDER} limit 1"
            ).fetchone()
            if row is None:
                return None
            cursor.execute(
                "update jobs set state = 'running', started = coalesce(started, ?) where id = ?",
                (self._clock(), row[0]),
            )
        return self.get(row[0])

    def give_back(self, job_id: str, *, death: bool) -> int:
        """A running job waits again, in its old place. Returns its deaths, this one included."""
        with self._transaction() as cursor:
            cursor.execute(
                "update jobs set state = 'queued', deaths = deaths + ? "
                "where id = ? and state = 'running'",
                (int(death), job_id),
            )
        return self.get(job_id).deaths

    def finish(self, job_id: str, state: JobState, error: EaselError | None = None) -> bool:
        """False where the job had ended before: the first end holds."""
        assert state in FINISHED
        with self._transaction() as cursor:
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
        with self._transaction() as cursor:
            cursor.execute(
                "update jobs set summary = ? where id = ?", (json.dumps(summary), job_id)
            )

    # -------------------------------------------------------------------------- pictures

    def begin_item(self, job_id: str, item: Item) -> None:
        """The row `writing`: from now on the file may be there."""
        with self._transaction() as cursor:
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
        with self._transaction() as cursor:
            cursor.execute(
                "update items set state = 'done' where number = ? "
                "and job = (select sequence from jobs where id = ?)",
                (index, job_id),
            )
            cursor.execute("update jobs set deaths = 0 where id = ?", (job_id,))

    def drop_item(self, job_id: str, index: int) -> None:
        """The picture is missing again."""
        with self._transaction() as cursor:
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

    # -------------------------------------------------------------------------- within

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            try:
                cursor = self._connection.cursor()
                cursor.execute("begin immediate")
                try:
                    yield cursor
                    cursor.execute("commit")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        cursor.execute("rollback")
                    raise
            except sqlite3.Error as error:
                raise self._storage_error(error) from error

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._storage_error(error) from error

    def _storage_error(self, error: sqlite3.Error) -> StorageError:
        return StorageError(
            f"the job database {self.path} can't be used ({error}): make room on its disk and see "
            "that nothing else holds it; no job is lost"
        )


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Job(
        **{
            **values,
            "state": _member(JobState, values["state"], JobState.FAILED),
            "stopping": _member(Stopping, values["stopping"], Stopping.NO),
            "keeps_images": bool(values["keeps_images"]),
            "error": _plain(values["error"]),
            "summary": _plain(values["summary"]),
        }
    )


def _member(kind: type[_State], text: str, otherwise: _State) -> _State:
    """A row that something else wrote must not stop the rest."""
    try:
        return kind(text)
    except ValueError:
        return otherwise


def _item(row: tuple[Any, ...]) -> Item:
    number, state, file, sha256, complete, saved, picture = row
    return Item(
        index=number,
        state=ItemState(state),
        file=file,
        sha256=sha256,
        complete=bool(complete),
        saved=bool(saved),
        picture=_plain(picture) or {},
    )


def _plain(text: str | None) -> dict[str, Any] | None:
    """The JSON object in `text`; None where there is none or it can't be read."""
    try:
        record = json.loads(text) if text else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
