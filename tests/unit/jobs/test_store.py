"""Rows: their order, their changes of state, and a database in a bad state."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from modules.errors import JobError, StorageError, WorkerError
from modules.jobs.job import Filter, Item, ItemState, JobState, Stopping
from modules.jobs.store import Store
from tests.unit.jobs.house import new_job


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "easel" / "jobs.sqlite", clock=Clock())


def reopened(store: Store) -> Store:
    store.close()
    return Store(store.path, clock=Clock())


def picture(index: int, state: ItemState = ItemState.WRITING) -> Item:
    return Item(index=index, state=state, file=f"out/{index}.png", sha256="ab", picture={"seed": 5})


def test_a_job_survives_a_restart_as_it_was(store: Store) -> None:
    new = new_job("ä🦊", owner="anna", priority=3, settings={"CLIP_stop_at_last_layers": 2})
    job_id = store.add(new)
    job = reopened(store).get(job_id)
    assert (job.state, job.owner, job.priority) == (JobState.QUEUED, "anna", 3)
    assert "CLIP_stop_at_last_layers" in job.settings and (job.created, job.started) == (1001, None)


def test_an_unknown_job_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(JobError, match="'nothing'"):
        store.get("nothing")


def test_jobs_are_taken_by_priority_then_age_and_each_once(store: Store) -> None:
    ids = [store.add(new_job(priority=priority)) for priority in (0, 5, 0, 5)]
    taken = [job.id for job in iter(store.take, None)]
    assert taken == [ids[1], ids[3], ids[0], ids[2]]


def test_two_threads_never_take_the_same_job(store: Store) -> None:
    ids = {store.add(new_job()) for _ in range(40)}
    taken: list[str] = []

    def take_all() -> None:
        while (job := store.take()) is not None:
            taken.append(job.id)

    threads = [threading.Thread(target=take_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40 and set(taken) == ids


def test_the_same_idempotency_key_of_the_same_owner_is_the_same_job(store: Store) -> None:
    first = store.add(new_job(owner="anna", idempotency_key="k"))
    assert store.add(new_job(owner="anna", idempotency_key="k")) == first
    assert store.add(new_job(owner="bert", idempotency_key="k")) != first
    assert store.add(new_job(owner="anna")) != store.add(new_job(owner="anna"))


def test_a_job_given_back_waits_in_its_old_place(store: Store) -> None:
    ids = [store.add(new_job()) for _ in range(2)]
    assert store.take() is not None
    assert store.give_back(ids[0], death=True) == 1
    assert store.waiting() == ids


def test_a_finished_picture_clears_the_count_of_deaths(store: Store) -> None:
    job_id = store.add(new_job(count=2))
    store.take()
    store.give_back(job_id, death=True)
    store.take()
    store.begin_item(job_id, picture(0))
    store.finish_item(job_id, 0)
    assert store.give_back(job_id, death=True) == 1


def test_the_first_end_of_a_job_holds(store: Store) -> None:
    job_id = store.add(new_job())
    store.take()
    assert store.finish(job_id, JobState.FAILED, WorkerError("died"))
    assert not store.finish(job_id, JobState.DONE)
    job = store.get(job_id)
    assert job.state is JobState.FAILED and job.error is not None and job.error["message"] == "died"


def test_only_a_waiting_job_can_be_taken_out(store: Store) -> None:
    job_id = store.add(new_job())
    store.take()
    assert not store.cancel_waiting(job_id)
    store.give_back(job_id, death=False)
    assert store.cancel_waiting(job_id)
    assert store.take() is None


def test_after_a_restart_what_ran_waits_again_with_its_pictures(store: Store) -> None:
    job_id = store.add(new_job(count=3))
    store.take()
    store.set_stopping(job_id, Stopping.AFTER_CURRENT)
    store.begin_item(job_id, picture(0))
    store.finish_item(job_id, 0)
    store.begin_item(job_id, picture(1))
    store = reopened(store)
    store.recover()
    assert store.get(job_id).state is JobState.QUEUED
    assert store.get(job_id).stopping is Stopping.AFTER_CURRENT
    assert [(item.index, item.state) for item in store.items(job_id)] == [
        (0, ItemState.DONE),
        (1, ItemState.WRITING),
    ]
    assert [(known, item.index) for known, item in store.in_writing()] == [(job_id, 1)]


def test_after_a_restart_nothing_is_made_for_a_client_that_is_gone(store: Store) -> None:
    unsaved = store.add(new_job(source="api", save_images=False))
    saved = store.add(new_job(source="api"))
    polled = store.add(new_job(source="easel", save_images=False))
    store.take()
    store.recover()
    assert store.get(unsaved).state is JobState.CANCELLED
    assert store.waiting() == [saved, polled]


def test_old_and_superfluous_jobs_are_forgotten_and_waiting_ones_never(store: Store) -> None:
    ids = [store.add(new_job(count=1)) for _ in range(5)]
    for job_id in ids[:4]:
        store.take()
        store.begin_item(job_id, picture(0))
        store.finish(job_id, JobState.DONE)
    ended = [store.get(job_id).finished or 0 for job_id in ids[:4]]
    assert store.forget(older_than=ended[1], keep=100) == ids[:1]
    assert store.forget(older_than=0, keep=2) == [ids[1]]
    assert store.items(ids[1]) == [] and len(store.items(ids[2])) == 1
    assert store.waiting() == [ids[4]]


def test_find_filters_and_gives_the_newest_first(store: Store) -> None:
    ids = [store.add(new_job(owner=owner)) for owner in ("anna", "bert", "anna")]
    store.take()
    assert [job.id for job in store.find(Filter(owner="anna"))] == [ids[2], ids[0]]
    assert [job.id for job in store.find(Filter(states=[JobState.RUNNING]))] == [ids[0]]
    assert store.find(Filter(kind="img2img")) == []
    assert len(store.find(Filter(limit=2))) == 2


def test_a_row_of_an_unknown_state_stops_nothing(store: Store) -> None:
    job_id = store.add(new_job())
    connection = sqlite3.connect(store.path)
    connection.execute("update jobs set state = 'dreaming', error = '{', summary = '[]'")
    connection.commit()
    connection.close()
    job = store.get(job_id)
    assert (job.state, job.error, job.summary) == (JobState.FAILED, None, None)
    assert store.take() is None


def test_a_damaged_database_is_put_aside_and_a_new_one_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"this is no database, " * 100)
    store = Store(path)
    assert store.add(new_job()) and "is damaged" in caplog.text
    (aside,) = tmp_path.glob("jobs.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


def test_a_database_of_a_newer_version_is_refused_and_not_touched(store: Store) -> None:
    job_id = store.add(new_job())
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("pragma user_version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match="newer Easel"):
        Store(store.path)
    connection = sqlite3.connect(store.path)
    assert connection.execute("select id from jobs").fetchall() == [(job_id,)]
    connection.close()


def test_a_full_disk_is_an_error_and_changes_nothing(store: Store) -> None:
    kept = store.add(new_job())
    pages = store._connection.execute("pragma page_count").fetchone()[0]
    store._connection.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StorageError, match="make room"):
        store.add(new_job("long " * 50_000))
    assert store.waiting() == [kept]
    store._connection.execute("pragma max_page_count = 1000000")
    assert len(store.waiting()) == 1 and store.add(new_job("long " * 50_000)) != kept


def test_a_database_of_the_first_version_keeps_its_jobs(store: Store) -> None:
    job_id = store.add(new_job("old"))
    store.close()
    old = sqlite3.connect(store.path)
    old.executescript(
        "drop index jobs_with_webhook; alter table jobs drop column webhook; "
        "pragma user_version = 1;"
    )
    old.close()
    again = Store(store.path)
    assert again.waiting() == [job_id] and again.get(job_id).webhook == ""
    told = again.add(new_job(webhook="https://bot.example/"))
    again.finish(told, JobState.DONE)
    assert [job.id for job in again.webhooks_due()] == [told]
