"""The store of pictures that requests start from."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modules.errors import RequestError
from modules.jobs.inputs import InputStore


@pytest.fixture
def inputs(tmp_path: Path) -> InputStore:
    return InputStore(tmp_path / "inputs")


def test_a_picture_is_found_by_the_sum_of_its_bytes_and_stored_once(inputs: InputStore) -> None:
    name = inputs.put(b"pear")
    assert name == hashlib.sha256(b"pear").hexdigest() == inputs.put(b"pear")
    assert inputs.get(name) == b"pear" and inputs.has(name)
    assert len([path for path in inputs.folder.rglob("*") if path.is_file()]) == 1


def test_a_picture_that_is_not_there_is_an_error_with_a_remedy(inputs: InputStore) -> None:
    assert not inputs.has("0" * 64)
    with pytest.raises(RequestError, match="send it again"):
        inputs.get("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 63, "A" * 64, "0" * 64 + "/x"])
def test_nothing_but_a_sum_is_taken_for_a_name(inputs: InputStore, name: str) -> None:
    assert not inputs.has(name)
    with pytest.raises(RequestError):
        inputs.get(name)


def test_a_sweep_removes_what_is_old_and_wanted_by_nobody(inputs: InputStore) -> None:
    wanted, young, old = (inputs.put(text) for text in (b"wanted", b"young", b"old"))
    for path in inputs.folder.glob("??/*"):
        if path.name != young:
            os.utime(path, (0, 0))
    assert inputs.sweep({wanted}) == 1
    assert [inputs.has(name) for name in (wanted, young, old)] == [True, True, False]


def test_a_picture_sent_again_is_young_again(inputs: InputStore) -> None:
    name = inputs.put(b"pear")
    os.utime(next(inputs.folder.glob("??/*")), (0, 0))
    inputs.put(b"pear")
    assert inputs.sweep(()) == 0 and inputs.has(name)


def test_many_threads_may_store_the_same_picture_at_once(inputs: InputStore) -> None:
    data = b"pear" * 100_000
    with ThreadPoolExecutor(8) as pool:
        names = {done.result() for done in [pool.submit(inputs.put, data) for _ in range(40)]}
    assert len(names) == 1 and inputs.get(names.pop()) == data
