"""sha256 sums of weight files, worked out aside by one thread and kept in the index.

A picture that is ready before its checkpoint's sum waits for it; with hashing off (--no-hashing)
there is none.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from modules.library.index import Index, Sum

log = logging.getLogger(__name__)

SHORT = 10  # hex digits of A1111's short hash ("AutoV2")
_BLOCK = 1 << 22


def sha256_of(path: Path, of: Sum = "file") -> str:
    """64 hex digits over the whole file, or over the tensors of a safetensors file; OSError where
    it can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if of == "tensors":
            header = int.from_bytes(file.read(8), "little")
            file.seek(min(8 + header, path.stat().st_size))
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Hasher:
    """Sums on demand. `enabled` False: no sum is ever given."""

    def __init__(self, index: Index, *, enabled: bool = True) -> None:
        self._index = index
        self._enabled = enabled
        self._lock = threading.Lock()
        self._running: dict[tuple[Path, Sum], Future[str | None]] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hashing")

    def known(self, path: Path) -> str | None:
        """The sum if it is in the index; never reads the file. A diffusers folder has none."""
        return self._index.sha256(path) if self._enabled and path.is_file() else None

    def known_among(self, paths: Collection[Path], of: Sum = "file") -> dict[Path, str]:
        """`known` for many files at once, with a single look into the index."""
        return self._index.sums(paths, of) if self._enabled and paths else {}

    def request(self, path: Path, of: Sum = "file") -> Future[str | None]:
        """The sum, sooner or later; None where hashing is off, the file is a folder or can't be
        read.
        """
        done: Future[str | None] = Future()
        if not self._enabled or not path.is_file():
            done.set_result(None)
            return done
        if (known := self._index.sha256(path, of)) is not None:
            done.set_result(known)
            return done
        with self._lock:
            if (running := self._running.get((path, of))) is None:
                running = self._pool.submit(self._work, path, of)
                self._running[path, of] = running
            return running

    def _work(self, path: Path, of: Sum) -> str | None:
        try:
            before = path.stat()
            digest = sha256_of(path, of)
            self._index.store(path, before.st_size, before.st_mtime_ns, digest, of)
        except OSError as error:
            log.warning("no hash of %s: %s", path.name, error)
            return None
        finally:
            with self._lock:
                self._running.pop((path, of), None)
        return digest

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
