"""The queue's answers that need no worker."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from modules.errors import JobError, StorageError, WorkerError
from modules.jobs.job import JobState
from modules.jobs.live import Live
from modules.jobs.own import OwnJobs
from tests.unit.jobs.house import House, new_job


def test_a_view_is_json_and_has_the_promised_keys(house: House) -> None:
    job_id = house.queue.submit(new_job(count=2, owner="anna", settings={"randn_source": "CPU"}))
    record = json.loads(json.dumps(house.queue.view(job_id).to_record()))
    assert list(record) == (
        "id kind source owner priority state position created started finished progress step steps "
        "image_index image_count eta preview_n message stopping interrupted error items grid "
        "summary request settings warnings made failed failures input_count input_number input_name"
    ).split(" ")
    assert record["settings"] == {"randn_source": "CPU"}
    assert record["request"]["prompt"] == "a pear" and record["image_count"] == 2


def test_an_unreadable_request_is_shown_as_empty(house: House) -> None:
    job_id = house.queue.submit(new_job())
    connection = sqlite3.connect(house.store.path)
    connection.execute("update jobs set request = '{'")
    connection.commit()
    connection.close()
    assert house.queue.view(job_id).request == {}


def test_interrupt_takes_a_waiting_job_out(house: House) -> None:
    job_id = house.queue.submit(new_job())
    house.queue.interrupt(job_id)
    assert house.queue.view(job_id).state == JobState.CANCELLED
    assert house.queue.waiting_count() == 0


def test_interrupt_and_skip_of_an_idle_queue_do_nothing(house: House) -> None:
    own = OwnJobs(house.queue, None)
    own.interrupt()
    own.skip()


@pytest.mark.parametrize("name", ["view", "interrupt", "skip", "cancel", "wait"])
def test_an_unknown_job_is_an_error(house: House, name: str) -> None:
    with pytest.raises(JobError, match="no job 'x'"):
        getattr(house.queue, name)("x")


def test_waiting_ends_at_the_timeout_with_the_job_as_it_is(house: House) -> None:
    job_id = house.queue.submit(new_job())
    assert house.queue.wait(job_id, 0.05).state == JobState.QUEUED


def test_waiting_ends_with_the_job(house: House) -> None:
    job_id = house.queue.submit(new_job())
    threading.Timer(0.05, house.queue.cancel, [job_id]).start()
    assert house.queue.wait(job_id, 10).state == JobState.CANCELLED


def test_a_picture_that_was_never_made_or_moved_away_is_an_error(house: House) -> None:
    house.supervisor.start()
    job_id = house.queue.submit(new_job())
    house.queue.wait(job_id, 20)
    with pytest.raises(JobError, match="no picture 1"):
        house.queue.image_bytes(job_id, 1)
    house.pictures()[0].unlink()
    with pytest.raises(JobError, match="moved or deleted"):
        house.queue.image_bytes(job_id, 0)


def test_an_end_that_the_disk_refuses_is_told_at_once_and_noted_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = house.queue.submit(new_job())
    house.queue.take()
    house.queue.began(job_id, Live((0,), 1, 1))

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "finish", full)
        house.queue.ended(job_id, JobState.FAILED, WorkerError("died"))
        view = house.queue.view(job_id)
        assert view.state == JobState.FAILED and (view.error or {})["message"] == "died"
        assert house.queue.trouble == "the disk is full"
        assert house.store.get(job_id).state is JobState.RUNNING
        with pytest.raises(StorageError):
            house.queue.settle()
    house.queue.settle()
    assert house.store.get(job_id).state is JobState.FAILED


def test_a_poll_of_a_running_job_is_two_reads_and_no_write(house: House) -> None:
    job_id = house.queue.submit(new_job(count=4))
    house.queue.take()
    house.queue.began(job_id, Live((0, 1, 2, 3), 4, 1))
    queries: list[str] = []
    for connection in (house.store._connection, house.store._reader):
        connection.set_trace_callback(queries.append)
    house.queue.view(job_id, look=True)
    assert len(queries) == 2 and all(query.startswith("select") for query in queries)
