"""Files are there whole or not at all, and none is ever overwritten by a number."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from modules.errors import StorageError
from modules.pictures import files
from modules.settings import Settings
from tests.unit.pictures.test_names import naming


def saved(folder: Path, settings: Settings | None = None, mime: str = "image/png") -> Path:
    path = files.place(naming(settings), folder, mime=mime)
    files.write(path, b"file")
    return path


def test_numbers_go_on_after_the_largest(tmp_path: Path) -> None:
    folder = tmp_path / "outputs/txt2img-images/2026-03-04"
    folder.mkdir(parents=True)
    for name in ("00000-1.png", "00007-9.jpg", "123-x.png", "notes.txt"):
        (folder / name).touch()
    path = saved(tmp_path)
    assert path == folder / "00008-43.png"
    assert saved(tmp_path, mime="image/webp").name == "00009-43.webp"


def test_without_numbers_the_name_is_replaced_or_numbered_as_the_setting_says(
    tmp_path: Path,
) -> None:
    replace = Settings().with_changes({"save_images_add_number": False})
    names = {saved(tmp_path, replace).name for _ in range(2)}
    assert names == {"43.png"}
    suffix = replace.with_changes({"save_images_replace_action": "Add number suffix"})
    assert saved(tmp_path, suffix).name == "43-1.png"


def test_a_file_appears_whole_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    files.write(path, b"bytes")
    files.write(path, b"others")
    assert path.read_bytes() == b"others"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "may not be written"), (errno.EIO, "choose")],
)
def test_a_failing_disk_leaves_nothing_behind_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", fails)
    with pytest.raises(StorageError, match=said):
        files.write(tmp_path / "a.png", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_else_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = files.next_number

    def counted(folder: Path) -> int:
        read.append(folder)
        return real(folder)

    monkeypatch.setattr(files, "next_number", counted)
    numbers = files.Numbers()
    for number in range(5):
        assert numbers.next(tmp_path) == number
        path = tmp_path / f"{number:05}-a.png"
        files.write(path, b"x")
        numbers.wrote(path)
    assert len(read) == 1
    stamp = tmp_path.stat().st_mtime_ns
    (tmp_path / "00099-by somebody else.png").touch()
    os.utime(tmp_path, ns=(stamp + 10**7, stamp + 10**7))  # file systems count in ticks
    assert numbers.next(tmp_path) == 100 and len(read) == 2
