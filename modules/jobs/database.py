"""A connection to the job database that several threads may use: one transaction at a time.

Knows SQLite, no table.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modules.errors import StorageError
from modules.jobs.schema import open_database


class Database:
    """`path` is the file; it is made where it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = open_database(path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """All of the block or nothing of it. StorageError where the disk refuses."""
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
