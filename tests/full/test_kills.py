"""Twenty kills of worker and server at random moments under load: no picture lost or doubled."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from modules.generation.request import Request
from modules.jobs.job import JobState
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.unit.jobs.kills import (
    Pictures,
    closed_app,
    picture_files,
    pictures_of,
    run_to_the_end,
    submit_all,
)
from tests.unit.jobs.test_kills import check_that_nothing_is_lost_or_doubled

pytestmark = pytest.mark.full


@pytest.mark.parametrize("round", range(3))
def test_twenty_kills_lose_and_double_no_picture(data_folder: Path, round: int) -> None:
    check_that_nothing_is_lost_or_doubled(data_folder, jobs=14, each=10, kills=20 + round)


def test_twenty_kills_of_the_real_worker_change_no_byte(tmp_path: Path) -> None:
    quiet, pictures = made_in(tmp_path / "quiet", kills=0)
    fire, under_fire = made_in(tmp_path / "fire", kills=20)
    assert (quiet, fire) == (0, 20)
    assert under_fire == pictures and len(pictures) == 120


def made_in(folder: Path, *, kills: int) -> tuple[int, Pictures]:
    """Twelve jobs of ten pictures by the real worker in a folder of its own: kills, pictures."""
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    for seed, name in enumerate(("one", "two")):
        write_tiny_checkpoint(models / f"{name}.safetensors", seed=seed)
    wishes = [
        Request(
            prompt=f"job {number}",
            width=64,
            height=64,
            steps=2,
            seed=1000 * number,
            subseed=0,
            batch_size=2,
            n_iter=5,
            override_settings={"sd_model_checkpoint": ("one", "two")[number // 6]},
        )
        for number in range(12)
    ]
    ids = submit_all(folder, wishes)
    killed = run_to_the_end(folder, "real", kills=kills, chance=random.Random(7))
    app = closed_app(folder)
    try:
        views = [app.jobs.view(job_id) for job_id in ids]
        assert [view.state for view in views] == [JobState.DONE] * len(wishes)
        pictures = pictures_of(views, app)
    finally:
        app.close()
    on_disk = [hashlib.sha256(path.read_bytes()).hexdigest() for path in picture_files(folder)]
    assert sorted(on_disk) == sorted(pictures.values())
    return killed, pictures
