"""The bar of running jobs on a terminal."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from modules.jobs.console import Console, line_of
from modules.jobs.live import Live
from tests.unit.jobs.house import House, new_job
from tests.unit.jobs.test_live import Clock


def test_a_bar_tells_steps_pace_and_the_time_that_is_left() -> None:
    clock = Clock()
    live = Live(indexes=(0, 1), image_count=2, batch_size=1, clock=clock)
    live.progressed(0, 1, 20)
    clock.now += 4
    live.progressed(0, 9, 20)
    assert line_of({"abcdef123": live}) == (
        "abcdef 1/2  45%|#########-----------| 9/20 [00:04<00:16, 2.00it/s]"
    )


def test_a_slow_pace_is_told_in_seconds_a_step() -> None:
    clock = Clock()
    live = Live(indexes=(0,), image_count=1, batch_size=1, clock=clock)
    live.progressed(0, 1, 20)
    clock.now += 3600
    live.progressed(0, 3, 20)
    assert line_of({"a": live}).endswith("| 3/20 [1:00:00<8:30:00, 1800.00s/it]")


def test_before_the_first_step_it_says_what_is_done() -> None:
    live = Live(indexes=(0,), image_count=1, batch_size=1, message="Loading one.safetensors")
    assert line_of({"abcdef1": live}) == "abcdef Loading one.safetensors"
    assert line_of({}) == ""


@pytest.fixture
def handler() -> Iterator[logging.Handler]:
    found = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(found)
    yield found
    logging.getLogger().removeHandler(found)


def test_the_bar_is_drawn_while_a_job_runs_and_wiped_at_its_end(
    running: House, handler: logging.Handler
) -> None:
    stream = io.StringIO()
    console = Console(running.queue, stream)
    console.open()
    running.queue.wait(running.queue.submit(new_job("slow 0.04", steps=10)), 20)
    console.close()
    drawn = stream.getvalue().split("\r\x1b[K")
    assert any("/10 [" in line and "it/s" in line for line in drawn) and drawn[-1] == ""
    assert handler.filters == []
