"""From a wish to a queued job: what is fixed at submit, and what is refused before it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.app import App, build_app
from modules.errors import (
    EaselError,
    QueueFullError,
    RequestError,
    SettingsError,
    StorageError,
    TooLargeError,
    UnknownNameError,
)
from modules.flags import Flags, parse
from modules.generation.request import Hires, Init, Request
from modules.jobs.job import JobState
from modules.jobs.supervisor import starts_of
from tests.unit.jobs.house import FAKE, write_empty_checkpoint


def flags_for(folder: Path, *more: str) -> Flags:
    return parse(["--data-dir", str(folder), *more], {})


@pytest.fixture
def app(data_folder: Path) -> Iterator[App]:
    """Built over an empty data folder with two checkpoints, not started."""
    for name in ("pear.safetensors", "plum.safetensors"):
        write_empty_checkpoint(data_folder / "models" / "Stable-diffusion" / name)
    built = build_app(flags_for(data_folder), worker_command=FAKE)
    yield built
    built.close()


def path_of(app: App, job_id: str, index: int) -> Path:
    """Where the picture lies."""
    item = app._store.items(job_id)[index]
    return app._delivery.path_of(item)


def wish(**fields: object) -> Request:
    return Request(**{"prompt": "a pear", "width": 16, "height": 16, "steps": 2} | fields)  # type: ignore[arg-type]


def test_random_seeds_are_drawn_once_at_submit(app: App) -> None:
    drawn = app.jobs.view(app.submit(wish())).request
    assert 0 <= drawn["seed"] < 2**32 and 0 <= drawn["subseed"] < 2**32
    kept = app.jobs.view(app.submit(wish(seed=7, subseed=8))).request
    assert (kept["seed"], kept["subseed"]) == (7, 8)


def test_changing_a_setting_does_not_touch_a_queued_job(app: App) -> None:
    app.settings.update({"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "pear"})
    job_id = app.submit(wish())
    app.settings.update({"CLIP_stop_at_last_layers": 3, "sd_model_checkpoint": "plum"})
    settings = app.jobs.view(job_id).settings
    assert settings["CLIP_stop_at_last_layers"] == 2
    assert settings["sd_model_checkpoint"] == "pear.safetensors"


def test_overrides_lie_above_changes_and_these_above_the_settings(app: App) -> None:
    app.settings.update({"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 1})
    overrides = {"CLIP_stop_at_last_layers": 4, "sd_model_checkpoint": "plum"}
    job_id = app.submit(
        wish(override_settings=overrides),
        settings_changes={"CLIP_stop_at_last_layers": 3, "eta_noise_seed_delta": 31337},
    )
    settings = app.jobs.view(job_id).settings
    assert settings["CLIP_stop_at_last_layers"] == 4 and settings["eta_noise_seed_delta"] == 31337
    assert settings["sd_model_checkpoint"] == "plum.safetensors"
    assert app.settings.current.get("CLIP_stop_at_last_layers") == 2


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"sampler_name": "Eulr"}, UnknownNameError, "'Eulr'"),
        ({"scheduler": "Karas"}, UnknownNameError, "'Karas'"),
        ({"hires": Hires(sampler_name="Eulr")}, UnknownNameError, "'Eulr'"),
        ({"hires": Hires(checkpoint="none")}, UnknownNameError, "'none'"),
        ({"override_settings": {"sd_model_checkpoint": "apple"}}, UnknownNameError, "'apple'"),
        ({"override_settings": {"sd_vae": "apple.pt"}}, UnknownNameError, "'apple.pt'"),
        ({"override_settings": {"no_such_key": 1}}, SettingsError, "no_such_key"),
        ({"override_settings": {"CLIP_stop_at_last_layers": 99}}, SettingsError, "99"),
        ({"init": Init(images=("0" * 64,))}, RequestError, "send it first"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_be_done_is_refused_before_it_is_queued(
    app: App, fields: dict[str, object], kind: type[EaselError], text: str
) -> None:
    with pytest.raises(kind, match=text):
        app.submit(wish(**fields))
    assert app.jobs.list() == []


def test_a_full_queue_refuses_with_its_limit(app: App) -> None:
    app.settings.update({"easel_max_queue": 2})
    app.submit(wish())
    app.submit(wish())
    with pytest.raises(QueueFullError, match="2 jobs wait already"):
        app.submit(wish())


def test_a_job_goes_through_from_submit_to_file(app: App) -> None:
    app.start(port=7860)
    name = app.inputs.put(b"a picture")
    job_id = app.submit(wish(prompt="needs", init=Init(images=(name,))), owner="anna")
    view = app.jobs.wait(job_id, 20)
    assert (view.state, view.kind, view.owner) == (JobState.DONE, "img2img", "anna")
    path = path_of(app, job_id, 0)
    assert path.is_relative_to(app.paths.data_dir / "outputs" / "img2img-images")
    assert app.worker_status().device == "Fake device"
    assert app.ask_worker("memory") == {"what": "memory"}


def test_a_second_server_on_the_same_folder_is_told_the_port(app: App) -> None:
    app.start(port=7899)
    with pytest.raises(StorageError, match="on port 7899"):
        build_app(app.flags)
    app.close()
    build_app(app.flags).close()


def test_old_jobs_go_with_their_unsaved_pictures_and_inputs(app: App) -> None:
    app.start()
    old, kept = app.inputs.put(b"old"), app.inputs.put(b"kept")
    for path in app.inputs.folder.glob("??/*"):
        os.utime(path, (0, 0))
    first = app.submit(wish(prompt="needs", init=Init(images=(old,)), save_images=False))
    second = app.submit(wish(prompt="needs", init=Init(images=(kept,))))
    unsaved = app.jobs.wait(first, 20) and path_of(app, first, 0)
    app.jobs.wait(second, 20)
    app.settings.update({"easel_keep_jobs": 1})
    app._keep_house()
    assert [view.id for view in app.jobs.list()] == [second]
    assert not unsaved.exists() and path_of(app, second, 0).exists()
    assert (app.inputs.has(old), app.inputs.has(kept)) == (False, True)


@pytest.mark.parametrize(
    ("flags", "devices"),
    [
        ((), [""]),
        (("--devices", "0, 1"), ["0", "1"]),
        (("--device-id", "2"), ["2"]),
        (("--use-cpu", "all"), ["cpu"]),
        (("--use-cpu", "interrogate"), [""]),
    ],
)
def test_there_is_a_worker_for_each_device(
    data_folder: Path, flags: tuple[str, ...], devices: list[str]
) -> None:
    starts = starts_of(flags_for(data_folder, "--api-auth", "anna:secret", *flags))
    assert [start.device for start in starts] == devices
    assert "secret" not in json.dumps(starts[0].flags)


def test_tokens_are_counted_as_the_limit_grows(app: App) -> None:
    assert app.count_tokens("a red pear # a comment") == (3, 75)
    assert app.count_tokens("pear " * 80)[1] == 150


@pytest.mark.parametrize("flag", ["--hide-ui-dir-config", "--insecure-listen"])
def test_a_request_can_not_lift_the_limits_nor_move_hidden_folders(
    data_folder: Path, flag: str
) -> None:
    write_empty_checkpoint(data_folder / "models" / "Stable-diffusion" / "pear.safetensors")
    app = build_app(flags_for(data_folder, flag), worker_command=FAKE)
    try:
        app.settings.update({"easel_max_queue": 1})
        changes = {"easel_max_queue": 9, "outdir_samples": "elsewhere"}
        settings = app.jobs.view(app.submit(wish(override_settings=changes))).settings
        assert not settings.get("outdir_samples") and settings["easel_max_queue"] == 1
        with pytest.raises(RequestError, match="1 jobs wait"):
            app.submit(wish(), settings_changes=changes)
    finally:
        app.close()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"width": 8192, "height": 8192}, "width"),
        ({"width": 2048, "height": 2048, "batch_size": 9}, "batch_size"),
        ({"width": 2048, "height": 2048, "hires": Hires(scale=4)}, "width"),
    ],
)
def test_a_batch_too_large_to_be_stopped_is_refused(app: App, asked: dict, field: str) -> None:
    with pytest.raises(TooLargeError, match="easel_max_batch_pixels") as caught:
        app.submit(wish(**asked))
    assert caught.value.field == field


def test_eight_pictures_of_2048_are_not_too_large(app: App) -> None:
    assert app.submit(wish(width=2048, height=2048, batch_size=8))
