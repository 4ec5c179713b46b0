"""All pictures in the output folders, in SQLite with full-text search over their prompts.

The files are the truth: a look over the folders brings the table up to date, reading only files
that are new or changed, and only their headers. A lost or damaged table costs a new look, and the
favourites. It reads what other programs wrote as well as our own. Knows nothing of jobs and HTTP.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.errors import UnknownNameError
from modules.library.history_search import Found, Search, conditions
from modules.pictures.headers import PictureHeader, read_header

log = logging.getLogger(__name__)

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif"})
_FRESH = 5.0  # seconds in which no second look over the folders is taken
_AT_ONCE = 200  # files noted in one transaction
_SCHEMA = """
create table if not exists pictures (
    id integer primary key, path text not null unique, size integer not null,
    changed integer not null, width integer not null, height integer not null,
    prompt text not null, negative text not null, infotext text not null,
    model text not null, sampler text not null, seed integer, networks text not null,
    owner text not null default '', favourite integer not null default 0
);
create index if not exists by_time on pictures (changed desc, id desc);
create virtual table if not exists words using fts5(
    prompt, negative, name, tokenize='unicode61 remove_diacritics 2'
);
"""
_COLUMNS = (
    "path, size, changed, width, height, prompt, negative, infotext, model, sampler, seed, networks"
)
_VERSION = 1


@dataclass(frozen=True)
class Choices:
    """What the table can be narrowed to, the most frequent first."""

    models: tuple[str, ...]
    samplers: tuple[str, ...]
    networks: tuple[str, ...]


class History:
    """`file`: the database. `folders()`: where pictures lie now; one inside another counts once."""

    def __init__(self, file: Path, folders: Callable[[], Sequence[Path]]) -> None:
        self._file = file
        self._folders = folders
        self._lock = threading.RLock()
        self._looking = threading.Lock()
        self._looked = -_FRESH
        self._progress = (0, 0)
        self._opened: sqlite3.Connection | None = None

    def search(self, wish: Search) -> tuple[list[Found], int]:
        """(pictures, how many there are in all), the newest first, `wish.limit` at a time."""
        where, values = conditions(wish)
        with self._lock:
            (total,) = self._base.execute(
                f"select count(*) from pictures{where}", values
            ).fetchone()
            rows = self._base.execute(
                "select id, path, changed, width, height, prompt, seed, model, favourite"
                f" from pictures{where} order by changed desc, id desc limit ? offset ?",
                (*values, wish.limit, wish.offset),
            ).fetchall()
        return [Found(*row[:8], favourite=bool(row[8])) for row in rows], total

    def path(self, number: int, owner: str | None = None) -> Path:
        """The file of picture `number`. UnknownNameError where there is none (for `owner`)."""
        return Path(self._row(number, "path", owner))

    def infotext(self, number: int, owner: str | None = None) -> str:
        return self._row(number, "infotext", owner)

    def set_favourite(self, number: int, favourite: bool, owner: str | None = None) -> None:
        self._row(number, "path", owner)
        with self._lock, self._base:
            self._base.execute(
                "update pictures set favourite = ? where id = ?", (int(favourite), number)
            )

    def choices(self, owner: str | None = None) -> Choices:
        """Models, samplers and networks that occur in the owner's pictures, None: in all."""
        with self._lock:
            models = self._frequent("select model from pictures where model <> ''", owner)
            samplers = self._frequent("select sampler from pictures where sampler <> ''", owner)
            networks = self._frequent(
                "select value from pictures, json_each(pictures.networks) where networks <> '[]'",
                owner,
            )
        return Choices(models, samplers, networks)

    def add(self, path: Path, owner: str = "", *, favourite: bool = False) -> None:
        """Note a picture that was just written, or changed. `favourite`: mark it too."""
        try:
            row = _row_of(path)
        except OSError as error:
            log.warning("%s is not in the history: %s", path.name, error)
            return
        try:
            with self._lock:
                self._note([(row, owner)])
                if favourite:
                    with self._base:
                        self._base.execute(
                            "update pictures set favourite = 1 where path = ?", (str(path),)
                        )
        except sqlite3.Error as error:  # the next look finds the file
            log.warning("%s is not in the history: %s", path.name, error)

    def owner_of(self, number: int) -> str:
        """Whose picture `number` is; "" where nobody had to log in."""
        return self._row(number, "owner", None)

    def is_favourite(self, path: Path) -> bool:
        with self._lock:
            row = self._base.execute(
                "select favourite from pictures where path = ?", (str(path),)
            ).fetchone()
        return bool(row and row[0])

    def forget(self, path: Path) -> None:
        """The file is gone."""
        with self._lock:
            rows = self._base.execute("select id from pictures where path = ?", (str(path),))
            self._forget([number for (number,) in rows.fetchall()])

    def look(self, *, force: bool = False) -> bool:
        """Bring the table up to date with the folders; True where something changed.

        Returns at once where another thread is at it, or has been a moment ago.
        """
        if not self._looking.acquire(blocking=force):
            return False
        try:
            if not force and time.monotonic() - self._looked < _FRESH:
                return False
            changed = self._look()
            self._looked = time.monotonic()
            return changed
        finally:
            self._progress = (0, 0)
            self._looking.release()

    @property
    def progress(self) -> tuple[int, int]:
        """(read, of so many) files of the look that is going on; (0, 0) while there is none, or
        nothing new to be read.
        """
        return self._progress

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    # -------------------------------------------------------------------------- within

    @property
    def _base(self) -> sqlite3.Connection:
        """Opened when it is first needed, so that a start pays nothing for it."""
        if self._opened is None:
            self._opened = _open(self._file)
        return self._opened

    def _row(self, number: int, column: str, owner: str | None) -> Any:
        with self._lock:
            row = self._base.execute(
                f"select {column}, owner from pictures where id = ?", (number,)
            ).fetchone()
        if row is None or (owner is not None and row[1] != owner):
            raise UnknownNameError(f"there is no picture {number} in the history")
        return row[0]

    def _frequent(self, query: str, owner: str | None) -> tuple[str, ...]:
        own = " and (:owner is null or owner = :owner)"
        counted = f"select name from ({query.replace(' from', ' as name from', 1)}{own})"
        order = "group by name order by count(*) desc, name limit 500"
        rows = self._base.execute(f"{counted} {order}", {"owner": owner})
        return tuple(name for (name,) in rows)

    def _look(self) -> bool:
        with self._lock:
            rows = self._base.execute("select path, size, changed, id from pictures").fetchall()
        known = {path: (size, changed, number) for path, size, changed, number in rows}
        unread: list[tuple[int, Path]] = []
        for path, size, moment in _files(self._folders()):
            if known.pop(str(path), (None, None))[:2] != (size, moment):
                unread.append((moment, path))
        changed = self._read(unread)
        # A picture may have been put elsewhere, by the output directory of a batch.
        gone = [
            number for path, (_, _, number) in known.items() if not self._is_elsewhere(Path(path))
        ]
        with self._lock:
            self._forget(gone)
        return changed or bool(gone)

    def _read(self, unread: list[tuple[int, Path]]) -> bool:
        """Note the files, the newest first: so that what is listed meanwhile keeps its place.
        Whether there was a picture among them.
        """
        fresh: list[tuple[tuple[Any, ...], str]] = []
        changed = False
        for count, (_, path) in enumerate(sorted(unread, reverse=True)):
            self._progress = (count, len(unread))
            try:
                fresh.append((_row_of(path), ""))
            except OSError:  # it went away, or is no picture after all
                continue
            changed = True
            if len(fresh) == _AT_ONCE:
                self._note_all(fresh)
        self._note_all(fresh)
        return changed

    def _is_elsewhere(self, path: Path) -> bool:
        """Whether the file is there, outside the folders that are looked through."""
        return not any(path.is_relative_to(each) for each in self._folders()) and path.is_file()

    def _note_all(self, rows: list[tuple[tuple[Any, ...], str]]) -> None:
        with self._lock:
            self._note(rows)
        rows.clear()

    def _note(self, rows: Sequence[tuple[tuple[Any, ...], str]]) -> None:
        """Insert or renew rows; an owner and a favourite's mark stay."""
        marks = ", ".join("?" * 13)
        renewed = ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS.split(", ")[1:])
        renewed += ", owner = coalesce(nullif(excluded.owner, ''), owner)"
        with self._base:
            for row, owner in rows:
                (number,) = self._base.execute(
                    f"insert into pictures ({_COLUMNS}, owner) values ({marks})"
                    f" on conflict (path) do update set {renewed} returning id",
                    (*row, owner),
                ).fetchone()
                self._base.execute("delete from words where rowid = ?", (number,))
                self._base.execute(
                    "insert into words (rowid, prompt, negative, name) values (?, ?, ?, ?)",
                    (number, row[5], row[6], Path(row[0]).name),
                )

    def _forget(self, numbers: Sequence[int]) -> None:
        each = [(number,) for number in numbers]
        with self._base:
            self._base.executemany("delete from words where rowid = ?", each)
            self._base.executemany("delete from pictures where id = ?", each)


def _open(file: Path) -> sqlite3.Connection:
    """The database, made anew where it is damaged or of another version."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for attempt in ("first", "anew"):
        base = sqlite3.connect(file, timeout=20, check_same_thread=False)
        try:
            (version,) = base.execute("pragma user_version").fetchone()
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"it is of version {version}")
            base.execute("pragma journal_mode = wal")
            base.execute("pragma synchronous = normal")
            base.executescript(_SCHEMA)
            base.execute(f"pragma user_version = {_VERSION}")
            return base
        except sqlite3.OperationalError:
            base.close()
            raise
        except sqlite3.DatabaseError as error:
            base.close()
            assert attempt == "first", "a new database is sound"
            log.warning("%s is made anew: %s", file.name, error)
            for ending in ("", "-wal", "-shm"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
    raise AssertionError


def _files(folders: Sequence[Path]) -> Iterator[tuple[Path, int, int]]:
    """(path, bytes, time of change in ns) of every picture in the folders and below them."""
    seen: set[str] = set()
    for folder in folders:
        for place, below, names in os.walk(folder):
            if place in seen:
                below.clear()
                continue
            seen.add(place)
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                path = Path(place, name)
                if path.suffix.lower() not in ENDINGS:
                    continue
                try:
                    stat = path.stat()
                except OSError:
                    continue
                yield path, stat.st_size, stat.st_mtime_ns


def _row_of(path: Path) -> tuple[Any, ...]:
    """The row of a file by `_COLUMNS`; OSError where it can't be read as a picture."""
    stat = path.stat()
    header: PictureHeader = read_header(path)
    return (
        str(path), stat.st_size, stat.st_mtime_ns, header.width, header.height,
        header.prompt, header.negative_prompt, header.infotext, header.model, header.sampler,
        header.seed, json.dumps(header.networks),
    )  # fmt: skip
