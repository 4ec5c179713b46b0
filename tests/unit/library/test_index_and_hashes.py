"""Sums of files: worked out once, forgotten when the file changes, shared by processes."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from modules.library.hashes import Hasher
from modules.library.index import Index


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "easel" / "library.sqlite")


def test_a_sum_is_worked_out_once_and_then_known(tmp_path: Path, index: Index) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"weights")
    hasher = Hasher(index)
    assert hasher.known(path) is None
    assert hasher.request(path).result(10) == hashlib.sha256(b"weights").hexdigest()
    assert Hasher(Index(index.path)).known(path) == hashlib.sha256(b"weights").hexdigest()


def test_a_changed_file_is_summed_again(tmp_path: Path, index: Index) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"weights")
    hasher = Hasher(index)
    hasher.request(path).result(10)
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(1, 1))
    assert hasher.known(path) is None
    assert hasher.request(path).result(10) == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_with_hashing_off_there_is_no_sum(tmp_path: Path, index: Index) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"weights")
    Hasher(index).request(path).result(10)
    hasher = Hasher(index, enabled=False)
    assert hasher.known(path) is None
    assert hasher.request(path).result(10) is None


def test_a_missing_file_has_no_sum(tmp_path: Path, index: Index) -> None:
    assert Hasher(index).request(tmp_path / "gone").result(10) is None


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    index = Index(path)
    file = tmp_path / "a"
    file.write_bytes(b"x")
    stat = file.stat()
    index.store(file, stat.st_size, stat.st_mtime_ns, "0" * 64)
    assert index.sha256(file) == "0" * 64


def test_an_index_that_refuses_to_write_costs_no_sum(tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    path.write_bytes(b"weights")
    index = Index(tmp_path / "library.sqlite")
    index._connection.execute("pragma query_only = on")
    hasher = Hasher(index)
    assert hasher.request(path).result(10) == hashlib.sha256(b"weights").hexdigest()
    assert hasher.known(path) is None


def test_an_index_in_use_by_another_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "library.sqlite"
    Index(file).store(tmp_path / "x", 1, 1, "0" * 64)
    opened: list[object] = []
    opening = Index._open

    def busy_once(index: Index, place: Path | str) -> sqlite3.Connection:
        opened.append(place)
        if len(opened) == 1:
            raise sqlite3.OperationalError("database is locked")
        return opening(index, place)

    monkeypatch.setattr(Index, "_open", busy_once)
    Index(file)
    assert opened == [file, ":memory:"]
    count = sqlite3.connect(file).execute("select count(*) from hashes").fetchone()
    assert count == (1,)
