"""What was once worked out about a file, kept in SQLite under the file's path, size and time of
change.

Web process and worker share the database. A lost or damaged one costs only time: it is made anew.
So no method fails over it: what can't be read is unknown, what can't be kept is worked out again.
Knows nothing of what the values mean to others: it holds sha256 sums, and words about a file that
are a JSON text to it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

# Of which bytes: the whole file's, or those after a safetensors file's header.
Sum = Literal["file", "tensors"]

log = logging.getLogger(__name__)

_SUMS: dict[Sum, str] = {"file": "hashes", "tensors": "tensor_hashes"}
_TABLES = {"hashes": "sha256", "tensor_hashes": "sha256", "words": "json"}
_SCHEMA = "\n".join(
    f"create table if not exists {table} (path text primary key, size integer not null,"
    f" changed integer not null, {column} text not null) without rowid;"
    for table, column in _TABLES.items()
)


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
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def sha256(self, path: Path, of: Sum = "file") -> str | None:
        """The stored sum of this very file (64 hex digits), None where it is unknown or the file
        has changed.
        """
        rows = self._rows(
            f"select path, size, changed, sha256 from {_SUMS[of]} where path = ?", (str(path),)
        )
        return _of_these_very_files((path,), rows).get(path)

    def sums(self, paths: Iterable[Path], of: Sum = "file") -> dict[Path, str]:
        """The stored sums of those files whose sum is known: one query, however many there are."""
        rows = self._rows(f"select path, size, changed, sha256 from {_SUMS[of]}", ())
        return _of_these_very_files(paths, rows)

    def sums_by_stat(self, of: Sum) -> dict[tuple[int, int], str]:
        """All stored sums by (size, changed), which a file keeps when it is renamed."""
        rows = self._rows(f"select size, changed, sha256 from {_SUMS[of]}", ())
        return {(size, changed): digest for size, changed, digest in rows}

    def store(self, path: Path, size: int, changed: int, sha256: str, of: Sum = "file") -> None:
        """Keep the sum of the file that had `size` bytes and was last changed at `changed` (ns)
        when it was read.
        """
        self._keep(_SUMS[of], [(str(path), size, changed, sha256)])

    def words(self) -> dict[str, tuple[int, int, str]]:
        """What is known of files besides sums: path -> (size, changed, JSON text)."""
        rows = self._rows("select path, size, changed, json from words", ())
        return {path: (size, changed, text) for path, size, changed, text in rows}

    def store_words(self, rows: Sequence[tuple[str, int, int, str]]) -> None:
        """Keep (path, size, changed, JSON text) of several files at once."""
        self._keep("words", rows)

    def _rows(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            log.warning("%s can't be read: %s", self.path.name, error)
            return []

    def _keep(self, table: str, rows: Sequence[tuple[str, int, int, str]]) -> None:
        try:
            with self._lock:
                self._connection.execute("begin immediate")
                try:
                    self._connection.executemany(
                        f"insert or replace into {table} values (?, ?, ?, ?)", rows
                    )
                finally:
                    self._connection.execute("commit")
        except sqlite3.Error as error:
            names = ", ".join(Path(row[0]).name for row in rows[:3])
            log.warning("what was found out of %s can't be kept: %s", names, error)

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
