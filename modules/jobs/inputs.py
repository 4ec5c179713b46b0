"""Pictures that requests start from: files named by the sha256 of their bytes.

The same picture is stored once. Knows bytes, not what they show.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Collection
from pathlib import Path

from modules.errors import RequestError
from modules.pictures.files import TEMPORARY, write

log = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{64}")


class InputStore:
    """`folder` is made at the first picture. May be used from several threads of one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()  # two writers of one picture would share the temporary file

    def put(self, data: bytes) -> str:
        """The name (sha256, 64 hex digits) that `data` has here. StorageError on a full disk."""
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        with self._lock:
            if path.exists():
                os.utime(path)  # young again: a sweep leaves it alone until a job names it
            else:
                write(path, data)
        return name

    def get(self, name: str) -> bytes:
        """RequestError where it is not (or no longer) here."""
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise RequestError(
                f"the picture {name[:12]} of this request is not stored any more: send it again",
                field="init_images",
            ) from error

    def path(self, name: str) -> Path:
        """Where the picture lies, if it is here; it may be read alone. RequestError for what is no
        name.
        """
        return self._path(name)

    def has(self, name: str) -> bool:
        return bool(_NAME.fullmatch(name)) and self._path(name).is_file()

    def sweep(self, keep: Collection[str], *, older_than: float = 86_400) -> int:
        """Remove what is not in `keep` and was not stored in the last `older_than` seconds.

        Returns how many went.
        """
        limit = time.time() - older_than
        gone = 0
        for path in self.folder.glob("??/*"):
            if path.name in keep:
                continue
            try:
                if path.stat().st_mtime < limit and (
                    _NAME.fullmatch(path.name) or path.suffix == TEMPORARY
                ):
                    path.unlink()
                    gone += 1
            except OSError as error:
                log.warning("could not remove the stored input %s: %s", path.name[:12], error)
        return gone

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise RequestError("not the sha256 of a stored picture", field="init_images")
        return self.folder / name[:2] / name
