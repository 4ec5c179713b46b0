"""Jobs through a real process with the real protocol; only the painter is a double."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from modules.errors import JobStateError, StorageError
from modules.jobs import delivery
from modules.jobs.job import JobState
from tests.unit.jobs.house import House, new_job


def test_a_job_ends_with_its_pictures_on_disk(running: House) -> None:
    job_id = running.queue.submit(new_job(count=3))
    view = running.queue.wait(job_id, 20)
    assert view.state == JobState.DONE and view.progress == 1.0 and not view.interrupted
    assert [item.seed for item in view.items] == [100, 101, 102]
    names = [path.name for path in running.pictures()]
    assert names == ["00000-100.png", "00001-101.png", "00002-102.png"]
    data, mime, name = running.queue.image_bytes(job_id, 1)
    assert (mime, name) == ("image/png", "00001-101.png")
    assert data == running.pictures()[1].read_bytes()
    assert (running.folder / "params.txt").read_text("utf-8") == view.items[0].infotext


def test_a_job_of_several_pictures_has_a_grid_(shared: House) -> None:
    view = shared.queue.wait(shared.queue.submit(new_job(count=4)), 20)
    assert view.grid is not None and re.fullmatch(r"grid-\d{4}\.png", view.grid.file_name)
    assert (view.grid.width, view.grid.height) == (
        2 * view.items[0].width,
        2 * view.items[0].height,
    )
    assert view.grid.infotext == view.items[0].infotext
    alone = shared.queue.wait(shared.queue.submit(new_job(count=1)), 20)
    assert alone.grid is None
    with pytest.raises(JobStateError, match="has all its pictures"):
        shared.queue.retry(view.id)


def test_a_grid_that_cannot_be_written_fails_no_job(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the disk is full: make room")

    monkeypatch.setattr(delivery.Delivery, "deliver_grid", refuse)
    view = shared.queue.wait(shared.queue.submit(new_job(count=2)), 20)
    assert view.state == JobState.DONE and len(view.items) == 2 and view.grid is None


def test_jobs_run_by_priority_and_then_in_order(house: House) -> None:
    ids = [house.queue.submit(new_job(f"job {n}", priority=n == 2)) for n in range(4)]
    assert [house.queue.view(job_id).position for job_id in ids] == [1, 2, 0, 3]
    house.supervisor.start()
    views = [house.queue.wait(job_id, 20) for job_id in ids]
    order = sorted(range(4), key=lambda n: views[n].started or 0)
    assert order == [2, 0, 1, 3]


def test_a_killed_worker_is_replaced_and_the_job_goes_on_at_the_missing_picture(
    shared: House,
) -> None:
    job_id = shared.queue.submit(new_job("slow 0.05", count=6, steps=2))
    shared.until(job_id, lambda view: len(view.items) >= 2)
    first = shared.supervisor.status().pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    view = shared.queue.wait(job_id, 20)
    assert view.state == JobState.DONE
    assert [item.seed for item in view.items] == list(range(100, 106))
    assert len({shared.path_of(job_id, index).stat().st_ino for index in range(6)}) == 6
    assert shared.supervisor.status().pid not in (None, first)


def test_a_job_over_which_two_workers_died_is_failed_and_the_next_one_runs(shared: House) -> None:
    bad = shared.queue.submit(new_job("crash at 1", count=3))
    good = shared.queue.submit(new_job())
    view = shared.queue.wait(bad, 20)
    assert view.state == JobState.FAILED and len(view.items) == 1
    assert view.error is not None and view.error["kind"] == "WorkerError"
    assert "died 2 times" in view.error["message"] and "ended with code 9" in view.error["message"]
    assert shared.queue.wait(good, 20).state == JobState.DONE
    log = (shared.folder / "easel" / "logs" / "worker.log").read_text("utf-8")
    assert log.count("fake worker crashes at 1") == 2


def test_one_death_is_no_fault_of_the_job(shared: House, tmp_path: Path) -> None:
    orders = ";".join(f"crash once at {n} {tmp_path}/{n}" for n in range(3))
    view = shared.queue.wait(shared.queue.submit(new_job(orders, count=4)), 20)
    assert view.state == JobState.DONE and len(view.items) == 4
    assert len(list(tmp_path.glob("[0-9]"))) == 3


@pytest.mark.full
def test_a_worker_that_hangs_is_killed_and_replaced(data_folder: Path) -> None:
    house = House(data_folder, patience=6)
    house.supervisor.start()
    try:
        view = house.queue.wait(house.queue.submit(new_job("hang at 0")), 60)
        assert view.error is not None and "SIGKILL" in view.error["message"]
    finally:
        house.close()


@pytest.mark.parametrize(
    ("order", "kind", "text"),
    [
        ("refuse at 1", "RequestError", "picture 1 is refused: ask for another"),
        ("boom at 1", "WorkerError", "ZeroDivisionError: boom"),
        ("memory at 1", "OutOfMemoryError", "make it smaller"),
    ],
)
def test_an_error_fails_the_job_and_the_worker_lives_on(
    shared: House, order: str, kind: str, text: str
) -> None:
    view = shared.queue.wait(shared.queue.submit(new_job(order, count=2)), 20)
    pid = shared.supervisor.status().pid
    assert view.state == JobState.FAILED and view.error is not None
    assert view.error["kind"] == kind and text in view.error["message"]
    assert len(view.items) == 1
    assert shared.queue.wait(shared.queue.submit(new_job()), 20).state == JobState.DONE
    assert shared.supervisor.status().pid == pid


def test_stray_prints_destroy_no_frame(shared: House) -> None:
    view = shared.queue.wait(shared.queue.submit(new_job("print at 0")), 20)
    assert view.state == JobState.DONE
    log = (shared.folder / "easel" / "logs" / "worker.log").read_text("utf-8")
    assert "a stray print" in log and "and a stray write" in log


def test_interrupt_first_finishes_the_current_picture_then_stops_at_once(shared: House) -> None:
    job_id = shared.queue.submit(new_job("slow 0.1", count=3, steps=5))
    shared.until(job_id, lambda view: view.step >= 1)
    shared.queue.interrupt(job_id)
    assert shared.queue.view(job_id).stopping == "after_current"
    view = shared.queue.wait(job_id, 20)
    assert view.state == JobState.DONE and view.interrupted
    assert [item.complete for item in view.items] == [True]

    job_id = shared.queue.submit(new_job("slow 0.1", count=3, steps=50))
    shared.until(job_id, lambda view: view.step >= 1)
    shared.queue.interrupt(job_id)
    shared.queue.interrupt(job_id)
    view = shared.queue.wait(job_id, 3)
    assert view.state == JobState.DONE and [item.complete for item in view.items] == [False]


def test_a_single_picture_is_interrupted_at_once_and_not_saved(shared: House) -> None:
    job_id = shared.queue.submit(new_job("slow 0.1", steps=50))
    shared.until(job_id, lambda view: view.step >= 1)
    shared.queue.interrupt(job_id)
    view = shared.queue.wait(job_id, 3)
    assert view.state == JobState.DONE and view.interrupted
    assert [(item.complete, item.saved) for item in view.items] == [(False, False)]
    path = shared.path_of(job_id, 0)
    assert path == shared.folder / "easel" / "unsaved" / job_id / "00000.png" and path.exists()


def test_an_interrupted_picture_is_saved_where_the_setting_says_so(shared: House) -> None:
    job_id = shared.queue.submit(
        new_job("slow 0.1", steps=50, settings={"save_incomplete_images": True})
    )
    shared.until(job_id, lambda view: view.step >= 1)
    shared.queue.interrupt(job_id)
    assert shared.queue.wait(job_id, 3).items[0].saved
    assert shared.path_of(job_id, 0).is_relative_to(shared.folder / "outputs")


def test_skip_abandons_the_current_batch_only(shared: House) -> None:
    job_id = shared.queue.submit(new_job("slow 0.02", count=3, steps=10))
    shared.until(job_id, lambda view: view.image_index == 1 and view.step >= 2)
    shared.queue.skip(job_id)
    view = shared.queue.wait(job_id, 20)
    assert view.state == JobState.DONE and view.error is None
    assert [item.complete for item in view.items] == [True, False, True]


def test_cancel_takes_a_waiting_job_out_and_stops_a_running_one(shared: House) -> None:
    runs = shared.queue.submit(new_job("slow 0.1", count=2, steps=50))
    waits = shared.queue.submit(new_job())
    shared.until(runs, lambda view: view.step >= 1)
    shared.queue.cancel(waits)
    assert shared.queue.view(waits).state == JobState.CANCELLED
    shared.queue.cancel(runs)
    assert shared.queue.wait(runs, 3).state == JobState.CANCELLED
    assert shared.queue.view(waits).items == ()


def test_previews_are_made_only_while_somebody_looks(shared: House) -> None:
    settings = {"show_progress_every_n_steps": 1}
    job_id = shared.queue.submit(new_job("slow 0.05", steps=100, settings=settings))
    shared.until(job_id, lambda view: view.step >= 8)
    assert shared.queue.preview(job_id) is None
    first = shared.until(job_id, lambda view: view.preview_n > 0, look=True)
    preview = shared.queue.preview(job_id)
    assert preview is not None and preview[0] >= first.preview_n
    assert preview[1:] == ("image/jpeg", preview[2]) and preview[2].startswith(b"preview of step")
    shared.queue.cancel(job_id)


def test_progress_grows_and_an_eta_appears(shared: House) -> None:
    job_id = shared.queue.submit(new_job("slow 0.02", count=2, steps=10))
    seen = []
    while not (view := shared.queue.view(job_id)).is_finished:
        seen.append(view.progress)
        if 0.3 < view.progress < 0.9:
            assert view.eta is not None and 0 < view.eta < 5
        time.sleep(0.01)
    assert seen == sorted(seen) and len(set(seen)) > 10 and seen[-1] > 0.8


def test_the_worker_gets_the_bytes_of_stored_pictures(shared: House) -> None:
    from modules.generation.request import Init

    name = shared.inputs.put(b"x" * 1234)
    job_id = shared.queue.submit(new_job("needs", init=Init(images=(name,))))
    view = shared.queue.wait(job_id, 20)
    assert view.kind == "img2img" and view.items[0].infotext.startswith("needs 1234\n")
    gone = shared.queue.submit(new_job("needs", init=Init(images=("0" * 64,))))
    error = shared.queue.wait(gone, 20).error
    assert error is not None and "send it again" in error["message"]


def test_a_full_disk_fails_the_job_and_the_queue_goes_on(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StorageError(f"{path} can't be written, the disk is full: make room")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "write", full)
        view = shared.queue.wait(shared.queue.submit(new_job(count=3)), 20)
    assert view.state == JobState.FAILED and view.items == ()
    assert view.error is not None and view.error["kind"] == "StorageError"
    assert shared.store.in_writing() == []
    assert shared.queue.wait(shared.queue.submit(new_job()), 20).state == JobState.DONE


def test_a_job_can_be_stopped_while_the_disk_is_full(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    job_id = shared.queue.submit(new_job("slow 0.1", steps=50))
    shared.until(job_id, lambda view: view.step >= 1)
    with monkeypatch.context() as patch:
        patch.setattr(shared.store, "set_stopping", full)
        shared.queue.interrupt(job_id)
    assert shared.queue.wait(job_id, 3).interrupted


def test_an_unreadable_record_is_a_failed_job(shared: House) -> None:
    job = new_job()
    bad = shared.queue.submit(new_job(request={**job.request, "no_such_field": 1}))
    worse = shared.queue.submit(new_job(image_count=7))
    assert "no_such_field" in (shared.queue.wait(bad, 20).error or {})["message"]
    assert "7" in (shared.queue.wait(worse, 20).error or {})["message"]
    assert shared.queue.wait(shared.queue.submit(job), 20).state == JobState.DONE


def test_a_worker_that_cannot_start_is_reported_and_the_job_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WORKER_FAILS", "1")
    house.supervisor.start()
    job_id = house.queue.submit(new_job())
    view = house.until(job_id, lambda view: "plug one in" in view.message)
    assert view.state == JobState.QUEUED
    monkeypatch.delenv("FAKE_WORKER_FAILS")
    assert house.queue.wait(job_id, 20).state == JobState.DONE


def test_two_devices_work_at_the_same_time(data_folder: Path) -> None:
    house = House(data_folder, devices=2)
    house.supervisor.start()
    try:
        ids = [house.queue.submit(new_job(f"slow 0.1;{n}", steps=10)) for n in range(2)]
        house.until(ids[0], lambda view: view.step > 0)
        house.until(ids[1], lambda view: view.step > 0)
        assert len(house.queue.running()) == 2
        assert all(house.queue.wait(job_id, 20).state == JobState.DONE for job_id in ids)
        assert house.supervisor.status().device == "Fake device 0, Fake device 1"
    finally:
        house.close()


def test_a_question_is_answered(shared: House) -> None:
    shared.queue.wait(shared.queue.submit(new_job()), 20)
    assert shared.supervisor.ask("memory", 5) == {"what": "memory"}


def test_closing_ends_the_worker_and_the_job_goes_on_at_the_next_start(data_folder: Path) -> None:
    house = House(data_folder)
    house.supervisor.start()
    job_id = house.queue.submit(new_job("slow 0.05", count=4, steps=3))
    house.until(job_id, lambda view: len(view.items) >= 1)
    pid = house.supervisor.status().pid
    house.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    house = House(data_folder)
    assert house.queue.view(job_id).state == JobState.RUNNING
    house.supervisor.start()
    try:
        view = house.queue.wait(job_id, 20)
        assert view.state == JobState.DONE and len(view.items) == len(house.pictures()) == 4
    finally:
        house.close()
