"""Wherever a kill strikes between naming and noting, a picture is there once or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from modules.generation.request import Request
from modules.jobs.delivery import Recipe
from modules.jobs.job import Item, ItemState
from modules.settings import Settings
from tests.unit.jobs.fake_worker import _summary, paint
from tests.unit.jobs.house import House, new_job


class Killed(Exception):
    """Stands for the process's end at that line."""


@pytest.mark.parametrize("moment", ["begin_item", "write", "rename", "finish_item"])
def test_a_kill_at_any_moment_leaves_the_picture_once_or_missing(
    house: House, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    from modules.jobs import delivery as module
    from modules.pictures import files

    job_id = house.queue.submit(new_job())
    job = house.store.take()
    assert job is not None
    request = Request(prompt="a pear", width=16, height=16, seed=100)
    recipe = Recipe(request=request, settings=Settings())
    picture, data = paint(request, 0, recipe.settings)

    def killed(*_: object) -> None:
        raise Killed

    delivery = house.queue._delivery
    with monkeypatch.context() as patch:
        target, name = {
            "begin_item": (house.store, "begin_item"),
            "write": (module, "write"),
            "rename": (files.os, "replace"),
            "finish_item": (house.store, "finish_item"),
        }[moment]
        patch.setattr(target, name, killed)
        with pytest.raises(Killed):
            delivery.deliver(job, recipe, _summary(request), picture, data, complete=True)

    delivery.recover()
    expected = 1 if moment == "finish_item" else 0
    assert len(house.pictures()) == expected
    assert [item.state for item in house.store.items(job_id)] == [ItemState.DONE] * expected
    assert list((house.folder / "outputs").rglob("*.tmp")) == []
    if not expected:
        delivery.deliver(job, recipe, _summary(request), picture, data, complete=True)
    assert [path.read_bytes() for path in house.pictures()] == [data]


def test_a_strangers_file_of_that_name_is_not_taken_for_the_picture(house: House) -> None:
    job_id = house.queue.submit(new_job())
    house.store.take()
    (house.folder / "mine.png").write_bytes(b"mine")
    sha256 = hashlib.sha256(b"ours").hexdigest()
    house.store.begin_item(
        job_id, Item(index=0, state=ItemState.WRITING, file="mine.png", sha256=sha256)
    )
    house.queue._delivery.recover()
    assert house.store.items(job_id) == []
    assert (house.folder / "mine.png").read_bytes() == b"mine"


def test_unsaved_pictures_go_with_their_job(house: House) -> None:
    house.supervisor.start()
    job_id = house.queue.submit(new_job(save_images=False))
    view = house.queue.wait(job_id, 20)
    assert [item.saved for item in view.items] == [False] and house.pictures() == []
    path: Path = house.path_of(job_id, 0)
    assert path.exists()
    house.queue._delivery.forget([job_id])
    assert not path.exists()


def test_what_goes_beside_a_picture_has_its_name_and_goes_where_the_picture_stays(
    house: House,
) -> None:
    house.supervisor.start()
    job_id = house.queue.submit(new_job("beside", settings={"save_txt": True}))
    unsaved = house.queue.submit(new_job("beside", save_images=False, settings={"save_txt": True}))
    infotext = house.queue.wait(job_id, 20).items[0].infotext
    house.queue.wait(unsaved, 20)
    path = house.path_of(job_id, 0)
    start = house.folder / "outputs/init-images/0123abc.png"
    mask = path.with_name(f"{path.stem}-mask.png")
    assert house.pictures() == sorted([path, mask, start])
    assert path.with_suffix(".txt").read_text() == infotext
    assert list(house.path_of(unsaved, 0).parent.iterdir()) == [house.path_of(unsaved, 0)]
