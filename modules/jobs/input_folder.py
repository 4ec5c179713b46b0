"""Pictures in a folder of this machine, for img2img's batch: listed as a person would, and stored a
few at a time, so that thousands hold nobody up.

What can't be read is told with its name; whether it is a whole picture is found when its turn
comes.
Knows no page and no request.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modules.errors import RequestError
from modules.jobs.inputs import InputStore

# A1111's endings (interface 5), and GIF, which is read as its first picture.
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif")
_AT_ONCE = 64
_SECONDS = 0.5  # after which the rest is for the next call
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file of the folder: its sum, or why it can't be used."""

    name: str
    sha256: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some of the folder's pictures. `count`: of all. `next`: the last name, for the call that goes
    on; "" at the end.
    """

    count: int
    stored: tuple[Stored, ...]
    next: str


def folder_named(path: str, data_dir: Path, may_read: Callable[[Path], bool], field: str) -> Path:
    """The folder that a person wrote down; a relative one lies below the data folder. RequestError
    where there is none, or it may not be read.
    """
    text = path.strip().strip('"')
    if not text or "\0" in text:
        raise RequestError("name a folder of the machine that Easel runs on", field=field)
    folder = Path(os.path.abspath(data_dir / os.path.expanduser(text)))
    if not may_read(folder):
        raise RequestError(
            "folders can't be chosen here: send the pictures, or ask the machine's owner for "
            "--gradio-allowed-path",
            field=field,
        )
    if not os.path.isdir(folder):  # Path.is_dir would raise where a name is too long
        raise RequestError(f"there is no folder {text[:300]!r} on this machine", field=field)
    return folder


def pictures_in(folder: Path, field: str) -> list[str]:
    """Names of the picture files right in it, "a2" before "a10"; hidden ones are left out."""
    try:
        with os.scandir(folder) as entries:
            found = [
                entry.name
                for entry in entries
                if entry.name.lower().endswith(ENDINGS)
                and not entry.name.startswith(".")
                and entry.is_file()
            ]
    except OSError as error:
        raise RequestError(f"{folder} can't be read ({error.strerror})", field=field) from error
    return sorted(found, key=_as_read)


def _as_read(name: str) -> tuple[list[tuple[int, str]], str]:
    """Numbers in a name count by their value."""
    parts = _NUMBERS.split(name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], name


def store_some(
    folder: Path,
    inputs: InputStore,
    may_read: Callable[[Path], bool],
    *,
    after: str = "",
    max_bytes: int,
    field: str,
) -> Part:
    """The next pictures of the folder, as many as half a second suffices for. RequestError where it
    holds none, StorageError on a full disk.
    """
    names = pictures_in(folder, field)
    if not names:
        raise RequestError(f"{folder} holds no pictures", field=field)
    begin = next((at for at, name in enumerate(names) if _as_read(name) > _as_read(after)), None)
    rest = names if not after else [] if begin is None else names[begin:]
    until = time.monotonic() + _SECONDS
    stored: list[Stored] = []
    for name in rest[:_AT_ONCE]:
        stored.append(_store(folder / name, inputs, may_read, max_bytes))
        if time.monotonic() > until:
            break
    more = len(stored) < len(rest)
    return Part(count=len(names), stored=tuple(stored), next=stored[-1].name if more else "")


def _store(
    path: Path, inputs: InputStore, may_read: Callable[[Path], bool], max_bytes: int
) -> Stored:
    try:
        if not may_read(Path(os.path.realpath(path)).parent):
            return Stored(name=path.name, problem="it is a link to a folder that may not be read")
        size = path.stat().st_size
        if size > max_bytes:
            return Stored(name=path.name, problem=f"it has {size} bytes, more than {max_bytes}")
        data = path.read_bytes()
    except OSError as error:
        return Stored(name=path.name, problem=f"it can't be read ({error.strerror})")
    if not data:
        return Stored(name=path.name, problem="it is empty")
    return Stored(name=path.name, sha256=inputs.put(data))
