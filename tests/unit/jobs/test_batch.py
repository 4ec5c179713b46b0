"""img2img's batch as a job: bad pictures are told by name, a kill loses and doubles none."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from modules.errors import RequestError
from modules.generation.batch import Input
from modules.generation.request import Init, Request
from modules.jobs.input_folder import folder_named, pictures_in, store_some
from modules.jobs.inputs import InputStore
from modules.jobs.job import Filter, JobState, NewJob
from tests.api.conftest import png
from tests.unit.jobs.house import House


def batch(
    house: House, *files: tuple[str, bytes], to: str, prompt: str = "a", **fields: Any
) -> NewJob:
    """A job over these pictures into the folder `to`; one without bytes has a problem from the
    start.
    """
    inputs = tuple(
        Input(image=house.inputs.put(data), name=name)
        if data
        else Input(name=name, problem="it is empty")
        for name, data in files
    )
    sized: dict[str, Any] = {
        "width": 16,
        "height": 16,
        "steps": 2,
        "seed": 5,
        "subseed": 0,
    } | fields
    request = Request(prompt=prompt, init=Init(inputs=inputs), **sized)
    return NewJob(
        kind=request.kind,
        image_count=request.image_count,
        request=request.to_record(),
        settings={
            "save_images_add_number": False,
            "save_to_dirs": False,
            "samples_filename_pattern": "[basename]-[generation_number]",
            "outdir_samples": to,
        },
    )


GOOD = [(f"{name}.png", png(colour=name)) for name in ("red", "blue", "green", "black")]


def names(house: House, folder: str) -> list[str]:
    return sorted(path.name for path in (house.folder / folder).iterdir())


def test_bad_pictures_are_told_by_name_and_the_others_are_made(shared: House) -> None:
    files = (
        ("no.png", b"no picture"),
        *GOOD[:2],
        ("cut.png", GOOD[0][1][:-30]),
        ("empty.png", b""),
    )
    job = shared.queue.submit(batch(shared, *files, to="bad", n_iter=2))
    view = shared.queue.wait(job, 20)
    assert view.state == JobState.DONE and not view.interrupted
    assert [item.index for item in view.items] == [2, 3, 4, 5]
    assert (view.made, view.failed, view.input_count) == (4, 6, 5)
    assert [failure.name for failure in view.failures] == ["no.png", "cut.png", "empty.png"]
    assert "no picture" in view.failures[0].message and "empty" in view.failures[2].message
    assert names(shared, "bad") == ["blue-1.png", "blue-2.png", "red-1.png", "red-2.png"]
    assert [item.seed for item in view.items] == [5, 6, 5, 6]
    shared.queue.retry(job)
    assert shared.queue.wait(job, 20).failed == 6  # they were tried again


def test_a_batch_of_bad_pictures_alone_fails_with_the_reason(shared: House) -> None:
    view = shared.queue.wait(shared.queue.submit(batch(shared, ("a.png", b"?"), to="none")), 20)
    assert view.state == JobState.FAILED and view.error
    assert "no picture of the batch can be used" in view.error["message"]


def test_a_killed_batch_goes_on_at_its_first_missing_picture(shared: House) -> None:
    files = (("no.png", b"?"), *GOOD)
    job = shared.queue.submit(batch(shared, *files, to="killed", prompt="slow 0.05", steps=4))
    seen = shared.until(job, lambda view: view.made == 2)
    assert seen.failed == 1
    pid = shared.supervisor.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    before = set(names(shared, "killed"))
    view = shared.queue.wait(job, 20)
    assert view.state == JobState.DONE and (view.made, view.failed) == (4, 1)
    assert before < set(names(shared, "killed")) and len(names(shared, "killed")) == 4


def test_in_brief_a_batch_tells_where_it_is_without_its_inputs(shared: House) -> None:
    job = shared.queue.submit(batch(shared, *GOOD, to="brief", prompt="slow 0.03", steps=4))
    shared.until(job, lambda view: view.input_number == 2)
    view = shared.queue.view(job, most=1)
    assert (view.input_count, view.input_name) == (4, f"{GOOD[view.input_number][0]}")
    assert view.request["init"]["inputs"] == [] and len(view.items) == 1 < view.made
    shared.queue.wait(job, 20)
    (listed,) = [each for each in shared.queue.list(Filter(), most=-1) if each.id == job]
    assert listed.made == len(listed.items) == 4 and listed.request["init"]["inputs"] == []


def test_a_folder_is_listed_as_a_person_would_and_stored_a_few_at_a_time(tmp_path: Path) -> None:
    for name in ("a10.png", "a2.PNG", "A1.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "empty.webp").touch()
    (tmp_path / "sub.png").mkdir()
    assert pictures_in(tmp_path, "path") == ["A1.jpg", "a2.PNG", "a10.png", "empty.webp"]
    inputs = InputStore(tmp_path / "store")
    part = store_some(tmp_path, inputs, lambda _: True, max_bytes=6, field="path")
    assert (part.count, part.next) == (4, "")
    assert [each.problem for each in part.stored[:2]] == ["", ""]
    assert inputs.get(part.stored[1].sha256) == b"a2.PNG"
    assert "7 bytes" in part.stored[2].problem and "empty" in part.stored[3].problem
    rest = store_some(tmp_path, inputs, lambda _: True, after="a2.PNG", max_bytes=99, field="path")
    assert [each.name for each in rest.stored] == ["a10.png", "empty.webp"]


@pytest.mark.parametrize("path", ["", " ", "nowhere", "a\0b", "x" * 5000])
def test_a_folder_that_is_none_is_refused_beside_its_control(tmp_path: Path, path: str) -> None:
    with pytest.raises(RequestError) as error:
        folder_named(path, tmp_path, lambda _: True, "batch_input_dir")
    assert error.value.field == "batch_input_dir"
