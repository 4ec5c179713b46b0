"""Putting a finished file in the place of another. Knows nothing of what is in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

TRIES = 10 if os.name == "nt" else 1
_PAUSE = 0.02  # seconds after the first failure, doubled after each


def put_in_place(temporary: Path, path: Path, *, tries: int = TRIES) -> None:
    """Rename, so that a reader sees the old file or the new one.

    On Windows somebody who reads the old file at that moment (a virus scanner, an indexer) forbids
    it for an instant; it is tried again. OSError where it stays forbidden.
    """
    for attempt in range(tries):
        try:
            os.replace(temporary, path)
        except PermissionError:
            if attempt + 1 == tries:
                raise
            time.sleep(min(0.5, _PAUSE * 2**attempt))
        else:
            return
