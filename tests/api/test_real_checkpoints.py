"""Over HTTP, with the real worker: a second checkpoint in one job, and hires fix of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import opened, png, text
from tests.api.real import Server, account_of, sums_of, wish

QUICK: dict[str, Any] = {"steps": 2}
HIRES: dict[str, Any] = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5}


def pixels(answer: dict[str, Any]) -> bytes:
    """Of its one picture; the text in the file may say of it what it will."""
    return opened(answer["images"][0]).tobytes()


def test_a_refiner_given_all_steps_makes_the_other_checkpoints_picture(
    real_server: Server,
) -> None:
    refined = real_server.txt2img(refiner_checkpoint="two", refiner_switch_at=0, **QUICK)
    alone = real_server.txt2img("two", **QUICK)
    base = real_server.txt2img(**QUICK)

    told = account_of(refined)
    title = real_server.client.get("/sdapi/v1/sd-models").json()
    (short,) = [row["hash"] for row in title if row["model_name"] == "two"]
    assert f"Refiner: two [{short}], Refiner switch at: 0.0" in told["infotexts"][0]
    assert "Model: one" in told["infotexts"][0] and told["sd_model_name"] == "one"
    assert pixels(refined) == pixels(alone) != pixels(base)


def test_hires_fix_changes_checkpoint_and_the_next_job_does_not_notice(
    real_server: Server,
) -> None:
    before = real_server.txt2img(**QUICK)
    made = real_server.txt2img(hr_checkpoint_name="two", **HIRES, **QUICK)
    after = real_server.txt2img(**QUICK)

    assert "Hires checkpoint: two [" in account_of(made)["infotexts"][0]
    assert sums_of(before) == sums_of(after)


def test_an_infotext_with_two_checkpoints_makes_the_picture_again(real_server: Server) -> None:
    asked = {"refiner_checkpoint": "two", "refiner_switch_at": 0.4, "hr_checkpoint_name": "two"}
    passes = {"hires_fix_refiner_pass": "first pass"}
    first = real_server.txt2img(**HIRES, **QUICK, **asked, override_settings=passes)

    told = account_of(first)["infotexts"][0]
    assert "Hires checkpoint: two" in told and "Hires refiner: first pass, Refiner: two" in told
    answer = real_server.post("txt2img", infotext=told, save_images=False)

    assert answer.status_code == 200 and pixels(answer.json()) == pixels(first)


def test_a_first_picture_is_enlarged_without_a_first_pass(real_server: Server) -> None:
    made = real_server.txt2img(firstpass_image=text(png((64, 64))), **HIRES, **QUICK)
    other = real_server.txt2img(firstpass_image=text(png((64, 64), "blue")), **HIRES, **QUICK)

    assert pixels(made) != pixels(other)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"refiner_checkpoint": "gone", "refiner_switch_at": 0.5}, "refiner_checkpoint"),
        ({"hr_checkpoint_name": "gone", **HIRES}, "hr_checkpoint_name"),
    ],
)
def test_an_unknown_checkpoint_is_refused_by_its_field_before_it_is_queued(
    real_server: Server, body: dict[str, Any], field: str
) -> None:
    queued = len(real_server.jobs())

    answer = real_server.post("txt2img", **wish(**body))

    assert (answer.status_code, answer.json()["field"]) == (404, field)
    assert "no checkpoint is called 'gone'" in answer.json()["detail"]
    assert len(real_server.jobs()) == queued


def test_a_checkpoint_in_another_programs_folder_makes_pictures(
    real_server: Server, tmp_path: Path
) -> None:
    from tests.tiny_checkpoint import write_tiny_checkpoint  # imports torch

    write_tiny_checkpoint(tmp_path / "models/checkpoints/theirs.safetensors", seed=7)
    body = {"path": str(tmp_path)}
    assert real_server.client.post("/easel/v1/models/folders", json=body).status_code == 200
    made = real_server.txt2img("theirs", **QUICK)
    real_server.client.post("/easel/v1/models/folders/forget", json=body)

    assert account_of(made)["sd_model_name"] == "theirs"
    assert pixels(made) != pixels(real_server.txt2img(**QUICK))
    assert real_server.post("txt2img", **wish("theirs", **QUICK)).status_code == 404
