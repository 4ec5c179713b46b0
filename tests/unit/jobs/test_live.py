"""How far a job is, and how long it will take."""

from __future__ import annotations

import pytest

from modules.jobs.live import LOOK_LASTS, Live


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_counts_steps_batches_and_pictures_of_earlier_runs() -> None:
    live = Live(indexes=(2, 3, 4, 5, 6, 7), image_count=8, batch_size=2)
    live.progressed(2, 5, 10)
    assert live.progress == pytest.approx((2 + 1) / 8)
    live.progressed(6, 10, 10)
    assert live.progress == pytest.approx(1.0)


def test_the_last_batch_may_be_smaller() -> None:
    live = Live(indexes=(0, 1, 2), image_count=3, batch_size=2)
    live.progressed(2, 1, 2)
    assert live.progress == pytest.approx(2.5 / 3) and not live.more_batches


def test_progress_never_goes_back() -> None:
    live = Live(indexes=(0,), image_count=1, batch_size=1)
    live.progressed(0, 8, 10)
    live.progressed(0, 3, 10)
    assert live.progress == pytest.approx(0.8)


def test_the_time_left_goes_by_the_pace_since_the_first_step() -> None:
    clock = Clock()
    live = Live(indexes=range(10), image_count=10, batch_size=1, clock=clock)
    assert live.eta is None
    live.progressed(0, 1, 10)
    clock.now += 2.0
    live.progressed(1, 1, 10)
    assert live.eta == pytest.approx(2.0 / 0.1 * (1 - 0.11))


def test_a_look_is_told_once_and_ends_once() -> None:
    clock = Clock()
    live = Live(indexes=(0,), image_count=1, batch_size=1, clock=clock)
    assert live.look() and not live.look()
    clock.now += LOOK_LASTS - 0.1
    assert not live.look_ended()
    clock.now += 0.2
    assert live.look_ended() and not live.look_ended()
    assert live.look()
