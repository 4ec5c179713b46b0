"""A zip archive as a stream: one file at a time in memory, nothing on disk.

Knows bytes and names, not what they are.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import cast

File = tuple[str, Callable[[], bytes]]  # name in the archive, and what reads it


def zipped(files: Iterable[File]) -> Iterator[bytes]:
    """The archive in parts. A name that comes twice gets a number; a file that can't be read
    (OSError) is left out.
    """
    sink = _Sink()
    taken: set[str] = set()
    # Pictures are compressed already.
    with zipfile.ZipFile(cast(io.BytesIO, sink), "w", zipfile.ZIP_STORED) as archive:
        for name, read in files:
            try:
                data = read()
            except OSError:
                continue
            entry = zipfile.ZipInfo(_free(name, taken), time.localtime()[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
            yield sink.taken()
    yield sink.taken()


def _free(name: str, taken: set[str]) -> str:
    path, found, number = PurePath(name), name, 1
    while found in taken:
        found, number = f"{path.stem}-{number}{path.suffix}", number + 1
    taken.add(found)
    return found


class _Sink(io.RawIOBase):
    """What zipfile writes to: it can't be sought, so no entry is gone back to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
