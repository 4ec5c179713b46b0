"""The job database's tables, their version, and opening it whatever state it is in.

A damaged database is moved aside and made anew: a start never fails over it. Knows nothing of what
the rows mean.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path

from modules.errors import StorageError

log = logging.getLogger(__name__)

VERSION = 2
_TABLES = """
create table jobs (
    sequence integer primary key autoincrement,
    id text not null unique,
    kind text not null,
    source text not null,
    owner text not null,
    priority integer not null,
    rank integer not null,
    state text not null,
    image_count integer not null,
    keeps_images integer not null,
    idempotency_key text,
    request text not null,
    settings text not null,
    created real not null,
    started real,
    finished real,
    deaths integer not null default 0,
    stopping text not null default '',
    error text,
    summary text,
    webhook text not null default ''
);
create index jobs_by_state on jobs (state, priority desc, rank, sequence);
create unique index jobs_by_key on jobs (owner, idempotency_key) where idempotency_key is not null;
create table items (
    job integer not null references jobs (sequence) on delete cascade,
    number integer not null,
    state text not null,
    file text not null,
    sha256 text not null,
    complete integer not null,
    saved integer not null,
    picture text not null,
    primary key (job, number)
) without rowid;
create index items_in_writing on items (state) where state = 'writing';
create index jobs_with_webhook on jobs (webhook) where webhook != '';
"""
# From each older version to the next.
_STEPS = {
    1: """
alter table jobs add column webhook text not null default '';
create index jobs_with_webhook on jobs (webhook) where webhook != '';
"""
}


def open_database(path: Path) -> sqlite3.Connection:
    """The connection, tables made. StorageError for a database of a newer Easel or no room."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path)
        except sqlite3.OperationalError:
            raise  # no room, no right: moving the file away would lose it for nothing
        except sqlite3.DatabaseError as error:
            aside = _move_aside(path)
            log.error("%s is damaged (%s): moved to %s, made anew", path.name, error, aside.name)
            return _open(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise StorageError(
            f"the job database {path} can't be opened ({error}): make room or mend its rights"
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=20, check_same_thread=False, isolation_level=None)
    try:
        # Where the file system has no shared memory for the log, SQLite answers with the old mode.
        mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        if mode != "wal":
            log.info("write-ahead log refused on %s: rollback journal instead", path.parent)
            connection.execute("pragma journal_mode = delete")
        connection.execute("pragma synchronous = full")  # a row must outlive a power cut
        connection.execute("pragma foreign_keys = on")
        version = connection.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            raise StorageError(
                f"{path} was written by a newer Easel (version {version}, this one knows "
                f"{VERSION}): update Easel, or choose another --data-dir"
            )
        steps = [_TABLES] if version == 0 else [_STEPS[n] for n in range(version, VERSION)]
        if steps:
            connection.executescript(
                f"begin immediate; {''.join(steps)} pragma user_version = {VERSION}; commit;"
            )
        connection.execute("select count(*) from items where state = 'writing'").fetchone()
        connection.execute("select count(*) from jobs where state = ''").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    os.replace(path, aside)
    for ending in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()
    return aside
