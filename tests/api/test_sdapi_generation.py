"""txt2img and img2img as A1111's clients send and read them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.app import App
from modules.generation.soft_inpainting import SoftInpainting
from modules.pictures.metadata import read_infotext
from modules.web.sdapi.bodies import Img2ImgBody
from modules.web.sdapi.convert import to_request
from tests.api.conftest import opened, png, text


def post(client: TestClient, route: str, **body: Any) -> Any:
    return client.post(f"/sdapi/v1/{route}", json=body)


def test_txt2img_answers_with_pictures_echo_and_info(client: TestClient) -> None:
    body = {"prompt": "a cat", "seed": 5, "steps": 2, "batch_size": 2, "n_iter": 2}
    answer = post(client, "txt2img", **body, width=64, height=32)
    assert answer.status_code == 200
    result = answer.json()
    account = json.loads(result["info"])
    assert [opened(image).size for image in result["images"]] == [(64, 32)] * 4
    assert account["all_seeds"] == [5, 6, 7, 8]
    assert len(account["infotexts"]) == 4
    assert account["version"].startswith("v1.10.1-easel-")
    assert result["parameters"]["prompt"] == "a cat"
    assert result["parameters"]["enable_hr"] is False


def test_a_picture_carries_its_infotext(client: TestClient) -> None:
    result = post(client, "txt2img", prompt="a dog", seed=1, steps=2).json()
    account = json.loads(result["info"])
    assert read_infotext(base64.b64decode(result["images"][0]))[0] == account["infotexts"][0]


def test_an_empty_body_takes_the_api_s_defaults_and_the_checkpoint_s_size(
    client: TestClient,
) -> None:
    answer = client.post("/sdapi/v1/txt2img")
    assert answer.status_code == 200
    parameters = answer.json()["parameters"]
    assert (parameters["steps"], parameters["sampler_index"]) == (50, "Euler")


def test_loose_values_are_read_where_nothing_is_lost(client: TestClient) -> None:
    answer = post(
        client,
        "txt2img",
        prompt="a cat",
        seed="7",
        steps=2.0,
        width="64",
        height=64.0,
        cfg_scale="7.5",
        restore_faces=0,
        styles=None,
        subseed_strength=None,
        unheard_of=[1, 2],
    )
    assert answer.status_code == 200
    assert json.loads(answer.json()["info"])["all_seeds"] == [7]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"sampler_name": "No Such Sampler"}, 404, "No Such Sampler"),
        ({"scheduler": "Sideways"}, 404, "Sideways"),
        ({"width": 0}, 422, "width"),
        ({"height": 100000}, 422, "8192"),
        ({"steps": 0}, 422, "steps"),
        ({"batch_size": 0}, 422, "batch_size"),
        ({"seed": "abc"}, 422, "seed"),
        ({"script_name": "x/y/z plot"}, 422, "x/y/z plot"),
        ({"alwayson_scripts": {"ControlNet": {"args": [{"a": 1}]}}}, 422, "ControlNet"),
        ({"override_settings": {"sd_model_checkpoint": "gone.safetensors"}}, 404, "gone"),
        ({"override_settings": {"eta_ddim": "much"}}, 422, "eta_ddim"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = post(client, "txt2img", **{"steps": 2, **body})
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert post(client, "txt2img", steps=2).status_code == 200, "the server goes on"


def test_a_script_block_without_arguments_asks_for_nothing(client: TestClient) -> None:
    blocks = {"ADetailer": {"args": []}, "Other": {}}
    assert post(client, "txt2img", steps=2, alwayson_scripts=blocks).status_code == 200


def test_an_error_has_a1111_s_shape(client: TestClient) -> None:
    body = post(client, "txt2img", sampler_name="Nope").json()
    assert {"error", "detail", "body", "errors"} <= set(body)


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_img2img_hands_its_picture_to_the_worker(client: TestClient, head: str) -> None:
    result = post(
        client, "img2img", prompt="needs", steps=2, init_images=[head + text(png((24, 16)))]
    )
    assert result.status_code == 200
    assert f"needs {len(png((24, 16)))}" in json.loads(result.json()["info"])["infotexts"][0]
    assert result.json()["parameters"]["init_images"] is None


@pytest.mark.parametrize(
    ("images", "status", "said"),
    [
        (None, 404, "Init image not found"),
        ([], 404, "Init image not found"),
        (["!!!"], 422, "base64"),
        ([text(b"not a picture")], 422, "no picture known here"),
        ([text(png((64, 64))[:60])], 422, "damaged"),
        (["http://169.254.169.254/latest"], 422, "addresses are not fetched"),
    ],
)
def test_a_bad_start_picture_is_refused_in_words(
    client: TestClient, images: Any, status: int, said: str
) -> None:
    answer = post(client, "img2img", steps=2, init_images=images)
    assert answer.status_code == status
    assert said in answer.text


def test_fewer_start_pictures_than_the_batch_set_its_size(client: TestClient) -> None:
    pictures = [text(png((24, 16))), text(png((16, 24)))]
    result = post(client, "img2img", steps=2, batch_size=3, n_iter=2, init_images=pictures).json()
    assert len(result["images"]) == 4
    assert json.loads(result["info"])["batch_size"] == 2


def test_send_images_false_sends_none_but_tells_all(client: TestClient) -> None:
    result = post(client, "txt2img", steps=2, send_images=False, n_iter=2).json()
    assert result["images"] == []
    assert len(json.loads(result["info"])["infotexts"]) == 2


def test_saved_pictures_lie_in_the_output_folder_and_others_do_not(
    client: TestClient, app: App
) -> None:
    outputs = app.paths.data_dir / "outputs"
    before = len(list(outputs.rglob("*.png")))
    post(client, "txt2img", steps=2, prompt="not kept")
    assert len(list(outputs.rglob("*.png"))) == before
    post(client, "txt2img", steps=2, prompt="kept", save_images=True)
    assert len(list(outputs.rglob("*.png"))) == before + 1


def test_saved_pictures_come_with_their_grid_first(client: TestClient, app: App) -> None:
    body = {"prompt": "a cat", "seed": 5, "steps": 2, "n_iter": 3, "width": 64, "height": 32}
    result = post(client, "txt2img", **body, save_images=True).json()
    account = json.loads(result["info"])
    assert [opened(image).size for image in result["images"]] == [(128, 64), *[(64, 32)] * 3]
    assert account["index_of_first_image"] == 1 and len(account["infotexts"]) == 4
    assert account["infotexts"][0] == account["infotexts"][1] and account["all_seeds"] == [5, 6, 7]
    folder = app.paths.data_dir / "outputs/txt2img-grids"
    grids = {path.read_bytes() for path in folder.rglob("grid-*.png")}
    assert base64.b64decode(result["images"][0]) in grids
    without = {"override_settings": {"return_grid": False}}
    assert len(post(client, "txt2img", **body, save_images=True, **without).json()["images"]) == 3
    assert len(list(folder.rglob("grid-*.png"))) == len(grids) + 1, "it is saved all the same"
    assert len(post(client, "txt2img", **body).json()["images"]) == 3


def test_prompts_are_told_as_the_pictures_were_made(client: TestClient) -> None:
    result = post(client, "txt2img", prompt="a cat", negative_prompt="dog", steps=2, n_iter=2)
    account = json.loads(result.json()["info"])
    assert (
        account["all_prompts"] == ["a cat"] * 2 and account["all_negative_prompts"] == ["dog"] * 2
    )


@pytest.mark.parametrize("route", ["txt2img", "img2img"])
def test_the_echo_has_the_fields_of_a1111_s(
    client: TestClient, route: str, golden_folder: Path
) -> None:
    case = {"txt2img": "158-hires-latent", "img2img": "214-inpaint-fill"}[route]
    recorded = json.loads((golden_folder / "cases" / case / "info.json").read_text())
    result = post(client, route, steps=2, init_images=[text(png((24, 16)))]).json()
    assert sorted(result["parameters"]) == recorded["parameters_echo_keys"]
    assert set(recorded["info"]) <= set(json.loads(result["info"]))


def test_fields_come_from_an_infotext_unless_they_are_given(client: TestClient) -> None:
    infotext = (
        "a barn\nNegative prompt: cow\nSteps: 3, Sampler: DDIM, CFG scale: 4, Seed: 9, Size: 64x96"
    )
    result = post(client, "txt2img", infotext=infotext, seed=1).json()
    account = json.loads(result["info"])
    assert (account["prompt"], account["steps"], account["all_seeds"]) == ("a barn", 3, [1])
    assert opened(result["images"][0]).size == (64, 96)


def test_settings_of_one_request_leave_the_others_alone(client: TestClient, app: App) -> None:
    before = app.settings.current
    post(client, "txt2img", steps=2, override_settings={"CLIP_stop_at_last_layers": 2})
    assert app.settings.current == before


def test_png_info_reads_a_picture_s_parameters(client: TestClient) -> None:
    image = post(client, "txt2img", prompt="a hen", seed=3, steps=2).json()["images"][0]
    result = post(client, "png-info", image=image).json()
    assert result["info"].startswith("a hen")
    assert result["parameters"]["Seed"] == "3"
    assert post(client, "png-info", image="").status_code == 404


def test_soft_inpainting_is_asked_for_as_the_originals_script(app: App, client: TestClient) -> None:
    picture, args = text(png((24, 16))), [True, 2, 0.25, 3]
    body = {"init_images": [picture], "mask": picture, "steps": 2}
    told = Img2ImgBody(**body, alwayson_scripts={"soft inpainting": {"args": args}})
    made = to_request(told, app)
    assert made.init is not None and made.init.mask is not None
    assert made.init.mask.soft == SoftInpainting(2, 0.25, 3)
    wrong = {"Soft Inpainting": {"args": [True, "much"]}}
    answer = post(client, "img2img", **body, alwayson_scripts=wrong)
    assert answer.status_code == 422 and "much" in answer.text
