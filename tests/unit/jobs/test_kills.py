"""A kill of worker and of server under load; tests/full/test_kills.py has twenty, and torch."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from modules.generation.request import Request
from modules.jobs.job import JobState
from modules.settings import Settings
from tests.unit.jobs.fake_worker import paint
from tests.unit.jobs.house import write_empty_checkpoint
from tests.unit.jobs.kills import (
    closed_app,
    picture_files,
    pictures_of,
    run_to_the_end,
    submit_all,
)


def check_that_nothing_is_lost_or_doubled(
    folder: Path, *, jobs: int, each: int, kills: int
) -> None:
    """With the fake worker, whose pictures can be painted again to compare."""
    wishes = [
        Request(
            prompt=f"slow 0.02;job {number}",
            width=16,
            height=16,
            steps=2,
            seed=1000 * number,
            subseed=0,
            batch_size=1 + number % 2,
            n_iter=each // (1 + number % 2),
        )
        for number in range(jobs)
    ]
    write_empty_checkpoint(folder / "models" / "Stable-diffusion" / "pear.safetensors")
    ids = submit_all(folder, wishes)
    assert run_to_the_end(folder, "fake", kills=kills, chance=random.Random(kills)) == kills
    app = closed_app(folder)
    try:
        views = [app.jobs.view(job_id) for job_id in ids]
        assert [view.state for view in views] == [JobState.DONE] * jobs
        expected = {
            (number, index): hashlib.sha256(paint(wish, index, Settings())[1]).hexdigest()
            for number, wish in enumerate(wishes)
            for index in range(wish.image_count)
        }
        assert pictures_of(views, app) == expected
    finally:
        app.close()
    on_disk = [hashlib.sha256(path.read_bytes()).hexdigest() for path in picture_files(folder)]
    assert sorted(on_disk) == sorted(expected.values())


def test_kills_at_random_moments_lose_and_double_no_picture(data_folder: Path) -> None:
    check_that_nothing_is_lost_or_doubled(data_folder, jobs=2, each=4, kills=2)
