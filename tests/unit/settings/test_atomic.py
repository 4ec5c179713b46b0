"""A file put in the place of another, also where somebody reads that one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modules.settings import atomic


def refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """os.replace, refused so often as Windows does while the file is open elsewhere."""
    real, left = os.replace, [times]

    def replace(source: Path, target: Path) -> None:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "in use")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(atomic, "_PAUSE", 0.0)


def test_a_file_that_is_read_for_an_instant_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    refuse(monkeypatch, 3)
    atomic.put_in_place(tmp_path / "new", tmp_path / "old", tries=4)
    assert (tmp_path / "old").read_text() == "new" and not (tmp_path / "new").exists()


def test_a_file_that_stays_forbidden_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    refuse(monkeypatch, 4)
    with pytest.raises(PermissionError):
        atomic.put_in_place(tmp_path / "new", tmp_path / "old", tries=4)
    assert (tmp_path / "old").read_text() == "old"
