"""Bodies as programs send them: written from what their documentation and users' logs show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.app import App
from tests.api.conftest import opened, png, text
from tests.api.test_sdapi_generation import post

URL_PNG = "data:image/png;base64," + text(png((24, 16)))
SIZE = {"width": 64, "height": 32}

# What the original's own page of documentation offers as an example, its placeholders emptied.
SWAGGER = {
    "prompt": "", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1,
    "subseed_strength": 0, "seed_resize_from_h": -1, "seed_resize_from_w": -1, "sampler_name": "",
    "scheduler": "", "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7, "width": 512,
    "height": 512, "restore_faces": False, "tiling": False, "do_not_save_samples": False,
    "do_not_save_grid": False, "eta": 0, "denoising_strength": 0, "s_min_uncond": 0, "s_churn": 0,
    "s_tmax": 0, "s_tmin": 0, "s_noise": 0, "override_settings": {},
    "override_settings_restore_afterwards": True, "refiner_checkpoint": "", "refiner_switch_at": 0,
    "disable_extra_networks": False, "firstpass_image": "", "comments": {}, "enable_hr": False,
    "firstphase_width": 0, "firstphase_height": 0, "hr_scale": 2, "hr_upscaler": "",
    "hr_second_pass_steps": 0, "hr_resize_x": 0, "hr_resize_y": 0, "hr_checkpoint_name": "",
    "hr_sampler_name": "", "hr_scheduler": "", "hr_prompt": "", "hr_negative_prompt": "",
    "force_task_id": "", "sampler_index": "Euler", "script_name": "", "script_args": [],
    "send_images": True, "save_images": False, "alwayson_scripts": {}, "infotext": "",
}  # fmt: skip

TEXT_BODIES = {
    "the documentation's example": SWAGGER,
    "the same with hires fix": {**SWAGGER, "enable_hr": True, "denoising_strength": 0.5},
    "a guide's first call": {"prompt": "maltese puppy", "steps": 5},
    "a bot with a model and a clip skip": {
        "prompt": "a fox", "steps": "20", "cfg_scale": "7.5", "sampler_name": "k_euler_a",
        "restore_faces": "false", "seed": -1.0,
        "override_settings": {
            "sd_model_checkpoint": "two", "CLIP_stop_at_last_layers": 2, "sd_vae": "Automatic",
        },
    },
    "a bot with keys of an extension": {
        "prompt": "a fox", "override_settings": {"forge_inference_memory": 1024},
    },
    "a chat front end": {
        "prompt": "a portrait", "negative_prompt": "ugly", "sampler_name": "DPM++ 2M Karras",
        "scheduler": "Karras", "steps": 20, "cfg_scale": 7, "restore_faces": False,
        "enable_hr": False, "hr_upscaler": "Latent", "hr_scale": 2, "hr_additional_modules": [],
        "denoising_strength": 0.7, "hr_second_pass_steps": 0, "seed": None, "clip_skip": 1,
        "override_settings": {"CLIP_stop_at_last_layers": 1}, "save_images": True,
        "override_settings_restore_afterwards": True, "send_images": True,
        "do_not_save_grid": False, "do_not_save_samples": False, "adetailer_face": False,
    },
    "PHP, whose empty objects are lists": {
        "prompt": "a fox", "override_settings": [], "alwayson_scripts": [], "comments": [],
    },
    "Lua, whose empty lists are objects": {"prompt": "a fox", "styles": {}, "script_args": {}},
    "a style without its list": {"prompt": "a fox", "styles": "dusk"},
    "everything that may be null": {
        key: None if key != "prompt" else "x" for key in SWAGGER
    },
}  # fmt: skip

IMAGE_BODIES = {
    "a Photoshop plug-in": {
        "init_images": [URL_PNG], "mask": URL_PNG, "mask_blur": 4, "inpainting_fill": 1,
        "inpaint_full_res": 0, "inpaint_full_res_padding": 32, "inpainting_mask_invert": 0,
        "mask_expansion": 12, "denoising_strength": 0.7, "n_iter": 1, "batch_size": 1,
        "sampler_index": "Euler a", "seed": "-1", "session_id": 3, "use_prompt_shortcut": True,
        "uniqueDocumentId": "c5f2", "selection_info": {"left": 0, "right": 64}, "mode": "inpaint",
        "alwayson_scripts": {"controlnet": {"args": []}}, "hr_scale": 2,
        "include_init_images": True,
    },
    "a Krita plug-in": {
        "init_images": [text(png((24, 16)))], "resize_mode": 1, "include_init_images": False,
        "inpainting_mask_invert": False, "restore_faces": False, "save_images": False,
        "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": 0, "seed_resize_from_h": 0,
    },
    "a GIMP plug-in, one picture without a list": {
        "init_images": text(png((24, 16))), "mask": "", "seed": "", "denoising_strength": "0.6",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_BODIES)
def test_txt2img_reads_the_bodies_of(client: TestClient, name: str) -> None:
    answer = post(client, "txt2img", **TEXT_BODIES[name])
    assert answer.status_code == 200, answer.text
    account = json.loads(answer.json()["info"])
    assert len(answer.json()["images"]) == 1 and account["infotexts"][0]


@pytest.mark.parametrize("name", IMAGE_BODIES)
def test_img2img_reads_the_bodies_of(client: TestClient, name: str) -> None:
    body = {key: value for key, value in IMAGE_BODIES[name].items() if value != ""}
    answer = post(client, "img2img", prompt="needs", steps=2, **SIZE, **body)
    assert answer.status_code == 200, answer.text
    assert opened(answer.json()["images"][0]).size == (64, 32)
    echoed = answer.json()["parameters"]["init_images"]
    assert bool(echoed) == bool(body.get("include_init_images"))


def test_what_is_passed_over_is_told(client: TestClient) -> None:
    answer = post(
        client, "txt2img", steps=2, override_settings={"forge_inference_memory": 1024},
        alwayson_scripts={"ADetailer": {"args": []}},
    )  # fmt: skip
    warnings = json.loads(answer.json()["info"])["warnings"]
    assert any("forge_inference_memory" in line for line in warnings)
    assert any("ADetailer" in line for line in warnings)


def test_the_menus_words_for_the_same_mean_the_same(client: TestClient, app: App) -> None:
    post(
        client, "txt2img", steps=2, enable_hr=True, hr_sampler_name="Use same sampler",
        hr_scheduler="Use same scheduler", hr_checkpoint_name="Use same checkpoint",
        refiner_checkpoint="None", **SIZE,
    )  # fmt: skip
    wish = app.jobs.list(limit=1)[0].request
    hires = wish["hires"]
    assert (hires["sampler_name"], hires["scheduler"], hires["checkpoint"]) == (None, None, None)
    assert wish["refiner_checkpoint"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"steps": 2.5}, "steps"),
        ({"seed": ""}, "seed"),
        ({"prompt": ["a"]}, "prompt"),
        ({"enable_hr": 2}, "enable_hr"),
        ({"styles": 5}, "styles"),
        ({"alwayson_scripts": [1]}, "alwayson_scripts"),
        ({"cfg_scale": "much"}, "cfg_scale"),
    ],
)
def test_what_cannot_be_read_without_loss_is_named(
    client: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = post(client, "txt2img", **body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"][-1] == field


@pytest.mark.parametrize(
    "content_type", ["application/json", "", "application/json; charset=utf-8"]
)
def test_json_is_read_whether_or_not_it_is_called_so(client: TestClient, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client.post("/sdapi/v1/txt2img", content=b'{"steps": 2}', headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("route", ["txt2img", "img2img", "extra-single-image", "png-info"])
@pytest.mark.parametrize("body", [b"null", b"{}", b""])
def test_an_empty_body_is_one_without_fields(client: TestClient, route: str, body: bytes) -> None:
    wants = {"txt2img": 200}.get(route, 404)
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/sdapi/v1/{route}", content=body, headers=headers)
    assert answer.status_code == wants, answer.text


def test_settings_of_a_request_stay_where_it_asks_for_that(client: TestClient, app: App) -> None:
    overrides = {"override_settings": {"CLIP_stop_at_last_layers": 3}}
    post(client, "txt2img", steps=2, **overrides)
    assert app.settings.current.get("CLIP_stop_at_last_layers") == 1
    kept = {**overrides, "override_settings_restore_afterwards": False}
    refused = post(client, "txt2img", steps=2, sampler_name="Nope", **kept)
    assert refused.status_code == 404
    assert app.settings.current.get("CLIP_stop_at_last_layers") == 1
    post(client, "txt2img", steps=2, **kept)
    assert app.settings.current.get("CLIP_stop_at_last_layers") == 3
    app.settings.update({"CLIP_stop_at_last_layers": 1})
