"""Deleting a picture and putting it back: file, job's row and history go together.

A picture is named by its job and index or by its number in the history, never by a path. Knows no
HTTP; who may see a job has been asked before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from modules.errors import JobError, StorageError
from modules.jobs.delivery import Delivery
from modules.jobs.job import Item, ItemState, Job
from modules.jobs.store import Store
from modules.library.deleted import Deleted, Entry
from modules.library.history import History

log = logging.getLogger(__name__)

_DAY = 86_400.0


class Removal:
    """`days()`: how long a deleted picture can be put back; 0: it is gone at once."""

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        history: History,
        deleted: Deleted,
        days: Callable[[], int],
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._history = history
        self._deleted = deleted
        self._days = days

    def of_job(self, job: Job, index: int) -> Entry | None:
        """Delete picture `index` of the job; None where it can't be put back.

        JobError where there is none, StorageError where the file stays.
        """
        item = next((each for each in self._store.items(job.id) if each.index == index), None)
        if item is None or item.state is not ItemState.DONE:
            raise JobError(f"job {job.id} has no picture {index}")
        return self._remove(self._delivery.path_of(item), job.owner, job.id, item)

    def of_history(self, number: int, owner: str | None) -> Entry | None:
        """The same by the number in the history (as `owner` may see it)."""
        path = self._history.path(number, owner)
        of = self._history.owner_of(number)
        job_id, item = self._store.item_at(self._delivery.stored_name(path)) or ("", None)
        entry = self._remove(path, of, job_id, item)
        self._history.forget(path)
        return entry

    def put_back(self, entry_id: str, owner: str | None) -> Entry:
        """As if it had not been deleted. UnknownNameError where it is not there (for `owner`)."""
        entry = self._deleted.entry(entry_id, owner)
        item = self._row_of(entry)
        path = self._deleted.put_back(entry)
        if item is not None:
            self._store.place_item(entry.job, entry.index, self._delivery.stored_name(path))
        if item is None or item.saved:
            self._history.add(path, entry.owner, favourite=entry.favourite)
        return entry

    def list(self, owner: str | None) -> list[Entry]:
        """What can be put back, the last deleted first."""
        return self._deleted.list(owner)

    def data(self, entry_id: str, owner: str | None) -> bytes:
        """The file of a deleted picture. UnknownNameError where it is not there (for `owner`)."""
        return self._deleted.data(self._deleted.entry(entry_id, owner))

    def sweep(self) -> None:
        """Let go of what was deleted long enough ago."""
        self._deleted.sweep(older_than=self._days() * _DAY)

    def _remove(self, path: Path, owner: str, job_id: str, item: Item | None) -> Entry | None:
        index = item.index if item else 0
        entry = None
        try:
            if self._days() > 0:
                marked = self._history.is_favourite(path)
                entry = self._deleted.put(
                    path, owner=owner, job=job_id, index=index, favourite=marked
                )
            else:
                path.unlink()
        except FileNotFoundError:
            log.info("%s was deleted by other means", path.name)
        except OSError as error:
            raise StorageError(f"{path.name} can't be deleted: {error.strerror}") from error
        if item is not None:
            self._store.note_deleted(job_id, index)
        self._history.forget(path)
        return entry

    def _row_of(self, entry: Entry) -> Item | None:
        """The job's row of a deleted picture; None where the job is forgotten."""
        if not entry.job:
            return None
        items = self._store.items(entry.job)
        return next(
            (
                each
                for each in items
                if each.index == entry.index and each.state is ItemState.DELETED
            ),
            None,
        )
