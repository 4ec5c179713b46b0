"""Another program holds the job database: reads go on, a write waits, then is refused in words."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from modules.errors import StorageError
from modules.jobs import database
from modules.jobs.job import Filter
from modules.jobs.store import Store
from tests.unit.jobs.house import new_job


def test_reads_go_on_while_a_write_waits_for_another_program(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    first = store.add(new_job("first"))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    added: list[str] = []
    writer = threading.Thread(target=lambda: added.append(store.add(new_job("second"))))
    writer.start()
    assert [job.id for job in store.find(Filter())] == [first] == store.waiting()
    assert store.items(first) == [] and writer.is_alive() and not added
    other.execute("rollback")
    writer.join()
    assert store.waiting() == [first, *added]
    other.close()
    store.close()


def test_a_write_that_waits_too_long_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    assert database.PATIENCE <= 5  # seconds that the page may stand still for
    store = Store(tmp_path / "jobs.sqlite")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StorageError, match="nothing else holds it"):
        with store._transaction(patience=0.05):
            raise AssertionError("it has the database")
    other.execute("rollback")
    assert store.waiting() == []
    other.close()
    store.close()
