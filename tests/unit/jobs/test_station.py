"""One worker's place, with a process that the test plays itself."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.jobs import messages, station
from modules.jobs.assignment import Assignment, Desk
from modules.jobs.messages import Message
from modules.jobs.station import Station
from modules.jobs.supervisor import read_recipe
from tests.unit.jobs.house import House, new_job


class Played:
    """Stands for a WorkerProcess: `says` is what it sends, None its end."""

    last_lines = ("the last line",)

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.says: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.heard: list[Message] = []
        self.killed = False

    def send(self, message: Message) -> bool:
        self.heard.append(message)
        return not self.killed

    def receive(self) -> Message | None:
        return self.says.get()

    def kill(self) -> None:
        self.killed = True
        self.says.put(None)

    def quit(self) -> None:
        self.kill()

    def reap(self) -> str:
        return "ended as played"


class Stage:
    """A station and every process that it has started."""

    def __init__(self, house: House) -> None:
        self.processes: list[Played] = []
        self.station = Station(
            spawn=self._spawn,  # type: ignore[arg-type]
            start=messages.Start(device="played"),
            desk=Desk(house.store, house.queue, house.queue._delivery, house.inputs),
            changed=lambda: None,
            patience=5,
        )
        self.station.open()

    def _spawn(self) -> Any:
        self.processes.append(Played(len(self.processes)))
        return self.processes[-1]

    def until(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not seen():
            assert time.monotonic() < deadline, f"it never came: {self.station.message}"
            time.sleep(0.005)


@pytest.fixture
def stage(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(station, "_LONGEST_PAUSE", 0.01)  # between starts that come to nothing
    made = Stage(house)
    made.until(lambda: len(made.processes) == 1)
    yield made
    made.station.close()


def test_a_silent_worker_is_killed_and_one_that_beats_is_not(stage: Stage) -> None:
    first = stage.processes[0]
    first.says.put(messages.Hello())
    first.says.put(messages.Ready(device="x"))
    stage.until(lambda: stage.station.free)
    for _ in range(10):
        stage.station.tick()
        first.says.put(messages.Heartbeat())
        stage.until(lambda: stage.station._silent_ticks == 0)
    assert not first.killed
    for _ in range(6):
        stage.station.tick()
    assert first.killed
    stage.until(lambda: len(stage.processes) == 2)
    assert stage.processes[1].heard == [messages.Start(device="played")]


@pytest.mark.parametrize(
    "nonsense",
    [messages.Hello(protocol=99), messages.Start(), messages.Preview(job="", mime="x", blob=b"")],
    ids=["another protocol", "a message for workers", "about no job"],
)
def test_a_worker_that_talks_nonsense_does_no_harm(stage: Stage, nonsense: Message) -> None:
    stage.processes[0].says.put(nonsense)
    stage.processes[0].says.put(None)
    stage.until(lambda: len(stage.processes) == 2)
    stage.processes[1].says.put(messages.Hello())
    stage.processes[1].says.put(messages.Ready(device="x"))
    stage.until(lambda: stage.station.free)


def test_starts_that_come_to_nothing_are_called_a_failure_with_the_reason(stage: Stage) -> None:
    for n in range(3):
        stage.until(lambda n=n: len(stage.processes) == n + 1)
        stage.processes[n].says.put(messages.Failed(job="", error={"message": "no device"}))
        stage.processes[n].says.put(None)
    stage.until(lambda: stage.station.state == "failed")
    assert "no device" in stage.station.message


def test_a_question_to_a_worker_that_dies_is_an_error(stage: Stage) -> None:
    answer = stage.station.ask("memory")
    stage.processes[0].says.put(None)
    error = answer.exception(5)
    assert error is not None and "ended as played" in str(error)


def test_a_worker_that_dies_before_it_is_given_a_job_takes_none(stage: Stage, house: House) -> None:
    stage.processes[0].says.put(messages.Hello())
    stage.processes[0].says.put(messages.Ready(device="x"))
    stage.until(lambda: stage.station.free)
    job_id = house.queue.submit(new_job())
    job = house.queue.take()
    assert job is not None
    stage.processes[0].says.put(None)
    stage.until(lambda: len(stage.processes) == 2)
    assert not stage.station.give(Assignment(job, read_recipe(job), (0,)))
    house.queue.gave_back(job_id)
    assert house.queue.view(job_id).state == "queued" and house.store.get(job_id).deaths == 0
