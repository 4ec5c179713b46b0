"""Deleted pictures: moved aside, so that they can be put back, and gone for good after a while.

Each lies in a folder of its own beside a record of where it was, so that a person finds the files
without us too. Knows nothing of jobs' rows and of the history; who moves a picture tells both.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from modules.errors import StorageError, UnknownNameError
from modules.pictures.files import write

log = logging.getLogger(__name__)

_RECORD = "record.json"
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A picture that can be put back. `deleted`: unix seconds."""

    id: str
    path: str  # where it was
    deleted: float
    owner: str = ""
    job: str = ""  # "": of no job that is known
    index: int = 0
    favourite: bool = False

    @property
    def name(self) -> str:
        return Path(self.path).name


class Deleted:
    """`folder` is ours alone, made at the first picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self, path: Path, *, owner: str, job: str = "", index: int = 0, favourite: bool = False
    ) -> Entry:
        """Move the file here. StorageError where it stays; FileNotFoundError where there is none.

        A kill leaves the file either where it was or here, with its record.
        """
        if not path.is_file():
            raise FileNotFoundError(path)
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        entry = Entry(
            id=f"{stamp}-{secrets.token_hex(3)}",
            path=str(path),
            deleted=now,
            owner=owner,
            job=job,
            index=index,
            favourite=favourite,
        )
        place = self._folder / entry.id
        try:
            place.mkdir(parents=True)
            write(place / _RECORD, json.dumps(asdict(entry), indent=1).encode())
            shutil.move(path, place / path.name)
        except (OSError, StorageError) as error:
            if path.is_file():
                shutil.rmtree(place, ignore_errors=True)
            raise StorageError(
                f"{path.name} can't be moved to the deleted pictures ({error}): "
                "make room, or mend the rights of its folder"
            ) from error
        return entry

    def entry(self, entry_id: str, owner: str | None = None) -> Entry:
        """UnknownNameError where there is none (for `owner`)."""
        found = self._read(entry_id) if _ID.fullmatch(entry_id) else None
        if found is None or owner not in (None, found.owner):
            raise UnknownNameError(
                f"there is no deleted picture {entry_id[:40]!r}: it was put back, or its time is up"
            )
        return found

    def data(self, entry: Entry) -> bytes:
        """The picture's file. StorageError where it can't be read."""
        try:
            return (self._folder / entry.id / entry.name).read_bytes()
        except OSError as error:
            raise StorageError(f"{entry.name} can't be read: {error.strerror}") from error

    def put_back(self, entry: Entry) -> Path:
        """Move the file to where it was, under another name where that is taken; its path.

        StorageError where it stays deleted.
        """
        source = self._folder / entry.id / entry.name
        try:
            target = _free(Path(entry.path))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
        except OSError as error:
            raise StorageError(
                f"{entry.name} can't be put back ({error}); the file is at {source}"
            ) from error
        shutil.rmtree(self._folder / entry.id, ignore_errors=True)
        return target

    def list(self, owner: str | None = None, limit: int = 500) -> list[Entry]:
        """What can be put back, the last deleted first. `owner` None: everybody's."""
        found = [each for each in self._entries() if owner in (None, each.owner)]
        return sorted(found, key=lambda each: each.deleted, reverse=True)[:limit]

    def sweep(self, *, older_than: float) -> int:
        """Remove for good what was deleted so many seconds ago. How many went."""
        limit = time.time() - older_than
        old = [each for each in self._entries() if each.deleted < limit]
        for each in old:
            shutil.rmtree(self._folder / each.id, ignore_errors=True)
        return len(old)

    def _entries(self) -> Iterator[Entry]:
        for place in self._folder.glob("*-*-*"):
            if _ID.fullmatch(place.name) and (entry := self._read(place.name)) is not None:
                yield entry

    def _read(self, entry_id: str) -> Entry | None:
        """None where the record or the picture is not there."""
        place = self._folder / entry_id
        try:
            entry = Entry(**json.loads((place / _RECORD).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return entry if entry.id == entry_id and (place / entry.name).is_file() else None


def _free(path: Path) -> Path:
    """The path, or with a number where another file has it by now."""
    found, number = path, 1
    while found.exists():
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return found
