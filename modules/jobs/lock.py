"""The lock that lets one server at a time use a data folder, and tells a second one who has it.

The system drops it with the process, however that ends: nothing is left to clean up.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from modules.errors import StorageError

_LOCKED_BYTE = 1 << 30  # far behind the text: Windows forbids others to read what is locked


class FolderLock:
    """Held from `take` to `release`. `path` is the lock's file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self) -> None:
        """StorageError where another process has the lock; it names that one's port if known."""
        assert self._file is None, "this lock is held already"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(
                f"{self.path} can't be written ({error.strerror}): mend the folder's rights or "
                "choose another --data-dir"
            ) from error
        try:
            _lock(file)
        except OSError as error:
            os.close(file)
            raise StorageError(self._who_has_it()) from error
        self._file = file
        self._write({"pid": os.getpid()})

    def tell(self, port: int) -> None:
        """Write down the port at which this server answers."""
        self._write({"pid": os.getpid(), "port": port})

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)  # and the lock goes with it
            self._file = None

    def _write(self, holder: dict[str, Any]) -> None:
        assert self._file is not None
        text = json.dumps(holder).encode()
        os.lseek(self._file, 0, os.SEEK_SET)
        os.ftruncate(self._file, 0)
        os.write(self._file, text)

    def _who_has_it(self) -> str:
        try:
            holder = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            holder = {}
        folder = self.path.parent.parent
        port = holder.get("port")
        where = f"on port {port}" if port else "that is still starting"
        return (
            f"the data folder {folder} is in use by another Easel {where} (process "
            f"{holder.get('pid', 'unknown')}): use that one, end it, or choose another --data-dir"
        )


def _lock(file: int) -> None:
    """OSError where another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
