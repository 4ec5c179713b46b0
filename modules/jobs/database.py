"""The job database for several threads: one transaction at a time, and reads beside it.

Another program may hold the file. Reads go on meanwhile (where the log is written ahead); a write
waits for so long as its caller has patience, and is then refused in words. Knows SQLite, no table.
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

PATIENCE = 4.0  # seconds that a person waits for an answer
PATIENCE_OF_WORK = 20.0  # seconds, where a picture that is made would be lost


class Database:
    """`path` is the file; it is made where it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()  # around a transaction and what belongs to it
        self._connection = open_database(path)
        self._read_lock = threading.Lock()
        self._reader = open_database(path)
        self._reader.execute(f"pragma busy_timeout = {int(PATIENCE * 1000)}")

    def close(self) -> None:
        with self._lock, self._read_lock:
            self._connection.close()
            self._reader.close()

    @contextlib.contextmanager
    def _alone(self, patience: float = PATIENCE) -> Iterator[None]:
        """No other thread writes meanwhile. StorageError where one does for longer than that."""
        if not self._lock.acquire(timeout=patience):
            raise self._storage_error("another write waits for the disk or for another program")
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _transaction(self, patience: float = PATIENCE) -> Iterator[sqlite3.Cursor]:
        """All of the block or nothing of it. StorageError where the disk refuses, or another
        program holds the file for longer than `patience` seconds.
        """
        with self._alone(patience):
            try:
                cursor = self._connection.cursor()
                cursor.execute(f"pragma busy_timeout = {int(patience * 1000)}")
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
        """What is committed."""
        with self._read_lock:
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._storage_error(error) from error

    def _storage_error(self, error: sqlite3.Error | str) -> StorageError:
        return StorageError(
            f"the job database {self.path} can't be used ({error}): make room on its disk and see "
            "that nothing else holds it; no job is lost"
        )
