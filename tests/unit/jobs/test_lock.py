"""One server for one data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.errors import StorageError
from modules.jobs.lock import FolderLock
from tests.unit.jobs.house import ROOT

_OTHER = """
import sys
from pathlib import Path
from modules.jobs.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.take()
lock.tell(7999)
print("taken", flush=True)
sys.stdin.read()
"""


def test_a_second_server_is_told_who_has_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "easel" / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with other:
        assert other.stdout is not None and other.stdout.readline() == b"taken\n"
        with pytest.raises(StorageError, match=rf"on port 7999 \(process {other.pid}\)"):
            FolderLock(path).take()
        other.kill()
        other.wait()
        lock = FolderLock(path)  # a kill leaves nothing behind
        lock.take()
        lock.release()


def test_a_lock_that_was_given_back_can_be_taken_again(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    first.take()
    with pytest.raises(StorageError, match="still starting"):
        second.take()
    first.release()
    second.take()
    second.release()
