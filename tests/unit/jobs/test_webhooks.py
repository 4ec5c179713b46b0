"""Telling an address of a job's end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from modules.jobs.job import JobState
from modules.jobs.store import Store
from modules.jobs.webhooks import PAUSES, Webhooks
from modules.library.outward import Answer, Outward, OutwardError
from tests.unit.jobs.house import new_job

ADDRESS = "https://bot.example/told?key=abc"


class Listener(Outward):
    """Keeps what it is told, and answers as `answers` says."""

    told: list[tuple[str, dict]] = []
    answers: list[int | str] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.told.append((url, json.loads(body)))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, str):
            raise OutwardError(answer)
        return Answer(answer, b"")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setattr(Listener, "told", [])
    monkeypatch.setattr(Listener, "answers", [])
    return Listener()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.sqlite")


def ended(store: Store, state: JobState = JobState.DONE) -> str:
    job_id = store.add(new_job("a secret prompt", webhook=ADDRESS))
    store.finish(job_id, state)
    return job_id


def test_an_end_is_told_once_with_no_secret_in_it(store: Store, listener: Listener) -> None:
    store.add(new_job(webhook=ADDRESS))  # waits still
    job_id = ended(store)
    webhooks = Webhooks(store, listener)
    webhooks.tell_all()
    webhooks.tell_all()
    [(address, message)] = listener.told
    assert address == ADDRESS
    assert (message["event"], message["id"], message["state"]) == ("job.ended", job_id, "done")
    assert "secret" not in json.dumps(message) and "key=abc" not in json.dumps(message)


def test_an_address_that_fails_is_tried_again_later_and_given_up(
    store: Store, listener: Listener
) -> None:
    now = [0.0]
    job_id = ended(store, JobState.FAILED)
    webhooks = Webhooks(store, listener, clock=lambda: now[0])
    listener.answers += [500, "there is no machine", 404, 302]
    webhooks.tell_all()
    webhooks.tell_all()
    assert len(listener.told) == 1, "not at once"
    for number, pause in enumerate(PAUSES):
        now[0] += pause
        webhooks.tell_all()
        assert len(listener.told) == number + 2
    assert store.webhooks_due() == [] and store.get(job_id).webhook == ""


def test_what_was_not_told_is_told_after_a_restart(store: Store, listener: Listener) -> None:
    ended(store)
    listener.answers += [503]
    Webhooks(store, listener).tell_all()
    path = store.path
    store.close()
    Webhooks(Store(path), listener).tell_all()
    assert len(listener.told) == 2
