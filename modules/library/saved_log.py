"""log.csv: a line for each picture that somebody saved with the Save button, beside the pictures.

Columns are A1111's (interface 6). A file that somebody gave further columns keeps them; one with
fewer gets what it lacks. Knows texts and a file, nothing of jobs.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from modules.errors import StorageError
from modules.pictures.files import storage_error, write

log = logging.getLogger(__name__)

NAME = "log.csv"
COLUMNS = (
    "prompt",
    "seed",
    "width",
    "height",
    "sampler",
    "cfgs",
    "steps",
    "filename",
    "negative_prompt",
    "sd_model_name",
    "sd_model_hash",
)
# What is no UTF-8 goes back as it came.
_CODE, _ODD = "utf-8", "surrogateescape"
_BOM = "\ufeff"


class SavedLog:
    """May be used from several threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def append(self, folder: Path, row: Mapping[str, object]) -> None:
        """Write down `row`, values by column, in the folder's log. StorageError where it can't be:
        then the log is as it was.
        """
        path = folder / NAME
        with self._lock:
            try:
                head = _head_of(path)
                if head and not set(COLUMNS) <= set(head):
                    head = _widened(path)
                # With the header, where there is none: the first line is whole or not there.
                lines = [head or COLUMNS, [row.get(name, "") for name in head or COLUMNS]]
                text = _as_csv(lines[1:] if head else lines)
                _append(path, text.encode(_CODE, _ODD))
            except OSError as error:
                raise storage_error(path, error) from error
            except csv.Error as error:
                raise StorageError(
                    f"{path} is no table ({error}): move it away, and a new one is begun"
                ) from error


def _head_of(path: Path) -> list[str]:
    """The names of its columns; [] where nothing is written yet."""
    try:
        with path.open(newline="", encoding=_CODE, errors=_ODD) as file:
            head = next(csv.reader(file), [])
    except FileNotFoundError:
        return []
    return [name.removeprefix(_BOM) for name in head]


def _widened(path: Path) -> list[str]:
    """Give the table the columns that it lacks, empty in the lines that are there; its header."""
    with path.open(newline="", encoding=_CODE, errors=_ODD) as file:
        head, *lines = csv.reader(file)
    head = [name.removeprefix(_BOM) for name in head]
    wide = [*head, *(name for name in COLUMNS if name not in head)]
    padded = [line + [""] * (len(wide) - len(line)) for line in lines if line]
    write(path, _as_csv([wide, *padded]).encode(_CODE, _ODD))
    log.info("%s has the columns %s now", path, ", ".join(wide[len(head) :]))
    return wide


def _as_csv(lines: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _append(path: Path, data: bytes) -> None:
    """In one piece, on a line of its own even behind one that a kill cut off."""
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            data = data if file.read(1) == b"\n" else b"\r\n" + data
        try:
            if file.write(data) != len(data):
                raise OSError("only a part of the line could be written")
        except OSError:
            file.truncate(size)
            raise
