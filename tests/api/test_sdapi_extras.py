"""Extras, what a picture tells, and what is not built, as A1111's clients ask for them."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from modules.app import App
from modules.generation.extras import Extras
from modules.pictures.metadata import read_infotext
from tests.api.conftest import opened, png, text


def post(client: TestClient, route: str, **body: Any) -> Any:
    return client.post(f"/sdapi/v1/{route}", json=body)


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_a_picture_is_made_larger(client: TestClient, head: str) -> None:
    answer = post(
        client, "extra-single-image", image=head + text(png((16, 8))), upscaler_1="Lanczos",
        upscaling_resize="4",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"html_info", "image"}
    assert opened(answer.json()["image"]).size == (64, 32)
    assert "Postprocess upscaler: Lanczos" in answer.json()["html_info"]


def test_a_batch_comes_back_in_its_order(client: TestClient) -> None:
    pictures = [
        {"data": text(png((8, 8), colour)), "name": f"{colour}.png"}
        for colour in ("red", "lime", "blue")
    ]
    answer = post(
        client, "extra-batch-images", imageList=pictures, upscaler_1="Nearest", resize_mode=1,
        upscaling_resize_w=16, upscaling_resize_h=32, upscaling_crop=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    made = [opened(image) for image in answer.json()["images"]]
    assert [image.size for image in made] == [(32, 32)] * 3
    assert [image.getpixel((0, 0)) for image in made] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_a_picture_s_own_parameters_outlive_extras(client: TestClient) -> None:
    before = post(client, "txt2img", prompt="a hen", seed=3, steps=2, width=16, height=8).json()
    after = post(
        client, "extra-single-image", image=before["images"][0], upscaler_1="Nearest"
    ).json()
    infotext, items = read_infotext(base64.b64decode(after["image"]))
    assert infotext is not None and infotext.startswith("a hen")
    assert items["postprocessing"] == "Postprocess upscale by: 2, Postprocess upscaler: Nearest"


def test_without_any_field_extras_gives_the_picture_back(client: TestClient) -> None:
    answer = post(client, "extra-single-image", image=text(png((5, 3))))
    assert opened(answer.json()["image"]).size == (5, 3)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 404, "Image not found"),
        ({"image": "!!!"}, 422, "base64"),
        ({"image": text(png()), "upscaler_1": "Waifu"}, 404, "Waifu"),
        ({"image": text(png()), "upscaler_1": "R-ESRGAN 4x+"}, 422, "R-ESRGAN 4x+"),
        ({"image": text(png()), "gfpgan_visibility": 0.5}, 422, "gfpgan_visibility"),
        ({"image": text(png()), "codeformer_weight": 2}, 422, "codeformer_weight"),
        ({"image": text(png()), "upscaling_resize": 0}, 422, "upscaling_resize"),
        ({"image": text(png()), "upscaler_1": "Lanczos", "upscaling_resize": 99}, 422, "99"),
        ({"image": text(png()), "resize_mode": 2}, 422, "resize_mode"),
    ],
)
def test_what_extras_cannot_do_is_refused_in_words(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = post(client, "extra-single-image", **body)
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_extras_that_are_saved_keep_their_names_and_overwrite_nothing(
    client: TestClient, app: App
) -> None:
    stored = (app.inputs.put(png((8, 8))), app.inputs.put(png((8, 8), "blue")))
    wish = Extras(images=stored, names=("a/hen.png", "..\\cat.jpg"), upscaler_1="Nearest")
    for _ in range(2):
        assert app.jobs.wait(app.submit(wish), 20).state == "done"
    folder = app.paths.data_dir / "outputs/extras-images"
    assert sorted(path.name for path in folder.iterdir()) == [
        "cat-1.png", "cat.png", "hen-1.png", "hen.png",
    ]  # fmt: skip
    job_id = app.submit(Extras(images=stored[:1], upscaler_1="Nearest"))
    assert app.jobs.wait(job_id, 20).items[0].file_name == "00000.png"


def test_png_info_tells_what_else_a_file_says(client: TestClient) -> None:
    made = post(client, "txt2img", prompt="a hen", seed=3, steps=2, width=16, height=8).json()
    larger = post(client, "extra-single-image", image=made["images"][0], upscaler_1="Nearest")
    told = post(client, "png-info", image=larger.json()["image"]).json()
    assert told["info"].startswith("a hen\nSteps: 2")
    assert told["items"]["postprocessing"].startswith("Postprocess upscale by")
    assert (told["parameters"]["Prompt"], told["parameters"]["Size-1"]) == ("a hen", "16")


def test_png_info_of_a_picture_that_says_nothing_is_empty(client: TestClient) -> None:
    told = post(client, "png-info", image=text(png())).json()
    assert told == {"info": "", "items": {}, "parameters": {}}


def test_png_info_reads_a_jpeg_s_exif(client: TestClient) -> None:
    exif = Image.Exif()
    comment = b"UNICODE\0" + "a fox\nSteps: 3, Sampler: DDIM, Seed: 4".encode("utf-16-be")
    exif.get_ifd(0x8769)[0x9286] = comment
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    told = post(client, "png-info", image=text(buffer.getvalue())).json()
    assert told["parameters"]["Seed"] == "4"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"image": text(png())}, 501, "png-info"),
        ({"image": text(png()), "model": "deepdanbooru"}, 501, "deepdanbooru"),
        ({"image": text(png()), "model": "gpt"}, 404, "gpt"),
        ({}, 404, "Image not found"),
    ],
)
def test_interrogate_says_what_there_is_instead(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = post(client, "interrogate", **body)
    assert answer.status_code == status and said in answer.text


@pytest.mark.parametrize("route", ["create/embedding", "create/hypernetwork", "train/embedding"])
def test_training_is_answered_with_a_way_round(client: TestClient, route: str) -> None:
    answer = post(client, route, name="x", num_vectors_per_token=2)
    assert answer.status_code == 501 and "models/Lora" in answer.text
