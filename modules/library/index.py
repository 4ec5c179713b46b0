"""What was once worked out about a file, kept in SQLite under the file's path, size and time of
change.

Web process and worker share the database. A lost or damaged one costs only time: it is made anew.
So no method fails over it: a sum that can't be read is unknown, one that can't be kept is worked
out again. Knows nothing of what the values mean to others; today it holds sha256 sums.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_SCHEMA = """
create table if not exists hashes (
    path text primary key, size integer not null, changed integer not null, sha256 text not null
) without rowid
"""


class Index:
    """One connection, used under a lock; `path` is the database file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._open(path)
        except sqlite3.OperationalError as error:
            # No room, no right, or in use for long: the file is sound, and another process has it.
            log.warning("%s can't be used (%s): sums are not kept this time", path.name, error)
            self._connection = self._open(":memory:")
        except sqlite3.DatabaseError:
            log.warning("%s is damaged and is made anew", path.name)
            for ending in ("", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            self._connection = self._open(path)

    def _open(self, place: Path | str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            place, timeout=20, check_same_thread=False, isolation_level=None
        )
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def sha256(self, path: Path) -> str | None:
        """The stored sum of this very file (64 hex digits), None where it is unknown or the file
        has changed.
        """
        rows = self._rows(
            "select path, size, changed, sha256 from hashes where path = ?", (str(path),)
        )
        return _of_these_very_files((path,), rows).get(path)

    def sums(self, paths: Iterable[Path]) -> dict[Path, str]:
        """The stored sums of those files whose sum is known: one query, however many there are."""
        rows = self._rows("select path, size, changed, sha256 from hashes", ())
        return _of_these_very_files(paths, rows)

    def _rows(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            log.warning("%s can't be read: %s", self.path.name, error)
            return []

    def store(self, path: Path, size: int, changed: int, sha256: str) -> None:
        """Keep the sum of the file that had `size` bytes and was last changed at `changed` (ns)
        when it was read.
        """
        try:
            with self._lock:
                self._connection.execute(
                    "insert or replace into hashes values (?, ?, ?, ?)",
                    (str(path), size, changed, sha256),
                )
        except sqlite3.Error as error:
            log.warning("the sum of %s can't be kept: %s", path.name, error)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _of_these_very_files(paths: Iterable[Path], rows: Iterable[tuple[Any, ...]]) -> dict[Path, str]:
    """By path, the sums in `rows` (path, size, changed, sum) whose file is still the one summed."""
    known = {path: rest for path, *rest in rows}
    sums: dict[Path, str] = {}
    for path in paths:
        if (row := known.get(str(path))) is None:
            continue
        try:
            stat = path.stat()
        except OSError:
            continue
        if [stat.st_size, stat.st_mtime_ns] == row[:2]:
            sums[path] = row[2]
    return sums
