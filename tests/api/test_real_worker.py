"""The real worker with tiny checkpoints: the tests of jobs that start torch."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from modules.app import App, build_app
from modules.flags import parse
from modules.generation.request import Request
from modules.jobs.job import JobState, JobView
from tests.taesd_files import decoder_shapes, write_taesd
from tests.tiny_checkpoint import write_tiny_checkpoint

# By default the real worker is tried through the whole program, in the other files of this name.
pytestmark = pytest.mark.full

_WISH = Request(prompt="a pear", width=64, height=64, steps=2, seed=5, subseed=0, n_iter=2)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Started over a data folder with the tiny checkpoint `one`, and a broken one."""
    folder = tmp_path_factory.mktemp("data")
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    write_tiny_checkpoint(models / "one.safetensors", seed=1)
    write_taesd(folder / "models" / "VAE-approx" / "taesd_decoder.pth", decoder_shapes())
    (models / "broken.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00notjson!")
    built = build_app(parse(["--data-dir", str(folder), "--use-cpu", "all"], {}))
    built.settings.update({"sd_model_checkpoint": "one"})
    built.start()
    yield built
    built.close()


def ended(app: App, job_id: str) -> JobView:
    """The job, done; a busy machine may take minutes to import torch."""
    view = app.jobs.wait(job_id, 300)
    assert view.state == JobState.DONE, view.error
    return view


def files(app: App, job_id: str) -> list[bytes]:
    return [app.jobs.image_bytes(job_id, index)[0] for index in range(2)]


def test_the_real_worker_makes_pictures_and_survives_a_broken_checkpoint(app: App) -> None:
    broken = app.submit(_WISH, settings_changes={"sd_model_checkpoint": "broken"})
    view = ended(app, app.submit(_WISH))
    error = app.jobs.view(broken).error
    assert error is not None and error["kind"] == "CheckpointError"
    assert "broken.safetensors" in error["message"]
    assert [item.seed for item in view.items] == [5, 6]
    assert view.summary is not None and view.summary["model_name"] == "one"
    sha256 = app.catalog.find("one").sha256
    assert sha256 and f"Model hash: {sha256[:10]}, Model: one" in view.items[0].infotext
    assert app.ask_worker("memory")["ram"]["used"] > 0
    assert "CPU" in app.worker_status().device


def test_taesd_is_read_from_its_folder_among_the_models(app: App) -> None:
    changes = {"sd_vae_decode_method": "TAESD"}
    whole, small = app.submit(_WISH), app.submit(_WISH, settings_changes=changes)
    view = ended(app, small)
    ended(app, whole)
    assert files(app, small) != files(app, whole)
    assert "VAE Decoder: TAESD" in view.items[0].infotext
    assert view.summary is not None and not view.summary["warnings"]


def test_jobs_with_different_checkpoints_do_not_disturb_each_other(app: App) -> None:
    write_tiny_checkpoint(app.paths.checkpoint_dirs[0] / "two.safetensors", seed=2)
    app.catalog.refresh()
    wishes = ["one", "two", "one", "two"]
    ids = [app.submit(_WISH, settings_changes={"sd_model_checkpoint": name}) for name in wishes]
    made = [files(app, ended(app, job_id).id) for job_id in ids]
    assert made[0] == made[2] != made[1] == made[3]
    assert app.ask_worker("unload") == {"loaded": None}
    assert app.ask_worker("reload")["loaded"] == "two"


def test_after_a_kill_the_real_worker_makes_the_same_bytes(app: App) -> None:
    before = files(app, ended(app, app.submit(_WISH)).id)
    pid = app.worker_status().pid
    assert pid is not None
    job_id = app.submit(_WISH)
    os.kill(pid, signal.SIGKILL)
    assert files(app, ended(app, job_id).id) == before
