"""The client `webuiapi` from PyPI against the whole program: every call of its README that makes
sense here, its results checked by what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import webuiapi
from PIL import Image, ImageDraw

from modules.generation.infotext import parse
from tests.api.real import Server

SMALL = {"width": 64, "height": 64}


@pytest.fixture(scope="module")
def api(real_server: Server) -> Iterator[Any]:
    client = webuiapi.WebUIApi(
        port=real_server.port, sampler="Euler a", scheduler="automatic", steps=3
    )
    client.set_options({"sd_model_checkpoint": "one"})
    yield client
    client.set_options({"sd_model_checkpoint": "one"})


@pytest.fixture(scope="module")
def first(api: Any) -> Any:
    """The README's first call, smaller."""
    return api.txt2img(
        prompt="cute squirrel", negative_prompt="ugly, out of frame", seed=1003, styles=["anime"],
        cfg_scale=7, **SMALL,
    )  # fmt: skip


def values(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


def test_txt2img_gives_what_was_asked_for_and_tells_it(api: Any, first: Any) -> None:
    assert [image.size for image in first.images] == [(64, 64)]
    told = parse(first.image.info["parameters"])
    assert (told.prompt, told.negative_prompt) == ("cute squirrel", "ugly, out of frame")
    assert (told.fields["Seed"], told.fields["Sampler"]) == ("1003", "Euler a")
    assert first.info["infotexts"] == [first.image.info["parameters"]]
    assert first.info["all_seeds"] == [1003] and first.parameters["steps"] == 3


def test_the_same_seed_gives_the_same_picture_and_another_another(api: Any, first: Any) -> None:
    again, other = (
        api.txt2img(
            prompt="cute squirrel", negative_prompt="ugly, out of frame", seed=seed, **SMALL
        )
        for seed in (1003, 1004)
    )
    assert (values(again.image) == values(first.image)).all()
    assert (values(other.image) != values(first.image)).any()


def test_the_picture_shows_what_the_prompt_says(api: Any) -> None:
    pictures = [
        api.txt2img(
            prompt=prompt, seed=1, cfg_scale=5, steps=8, width=128, height=128,
            sampler_name="DPM++ 2M", scheduler="karras",
            override_settings={"sd_model_checkpoint": "easel-builtin"},
        )
        for prompt in ("a photo of a red apple on grass", "a blue mug on a wooden table")
    ]  # fmt: skip
    for result, channel in zip(pictures, (0, 2), strict=True):
        middle = values(result.image)[44:84, 44:84].mean((0, 1))
        assert middle.argmax() == channel and middle[channel] > 1.5 * np.median(middle)
        assert "Model: easel-builtin" in result.info["infotexts"][0]
    assert api.util_get_current_model().startswith("one.safetensors")


def test_hires_fix_makes_it_larger(api: Any) -> None:
    result = api.txt2img(
        prompt="cute squirrel", seed=3, enable_hr=True, hr_scale=2, denoising_strength=0.4,
        hr_upscaler=webuiapi.HiResUpscaler.Latent, hr_second_pass_steps=2, **SMALL,
    )  # fmt: skip
    assert result.image.size == (128, 128)
    assert parse(result.info["infotexts"][0]).fields["Hires upscaler"] == "Latent"


def test_a_batch_is_a_picture_for_each_seed(api: Any) -> None:
    result = api.txt2img(prompt="cute squirrel", seed=20, batch_size=2, n_iter=2, **SMALL)
    assert len(result.images) == 4 and result.info["all_seeds"] == [20, 21, 22, 23]
    assert [parse(text).fields["Seed"] for text in result.info["infotexts"]] == [
        "20", "21", "22", "23",
    ]  # fmt: skip


def test_img2img_starts_from_the_picture(api: Any, first: Any) -> None:
    faint, strong = (
        api.img2img(
            images=[first.image], prompt="cute cat", seed=5555, cfg_scale=6.5,
            denoising_strength=strength, sampler_name="DDIM", **SMALL,
        )
        for strength in (0.1, 0.9)
    )  # fmt: skip
    near = np.abs(values(faint.image) - values(first.image)).mean()
    far = np.abs(values(strong.image) - values(first.image)).mean()
    assert near < far
    assert parse(strong.info["infotexts"][0]).fields["Denoising strength"] == "0.9"


def test_inpainting_repaints_the_mask_alone(api: Any, first: Any) -> None:
    mask = Image.new("RGB", first.image.size, color="black")
    ImageDraw.Draw(mask).ellipse((40, 40, 60, 60), fill="white")
    result = api.img2img(
        images=[first.image], mask_image=mask, inpainting_fill=1, prompt="cute cat", seed=104,
        cfg_scale=5.0, denoising_strength=0.7, inpaint_full_res=False, **SMALL,
    )  # fmt: skip
    changed = np.abs(values(result.image) - values(first.image)).max(-1)
    assert changed[:24, :24].max() == 0 and changed[45:55, 45:55].max() > 0


def test_extras_make_one_or_several_larger(api: Any, first: Any) -> None:
    single = api.extra_single_image(
        image=first.image, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=1.5
    )
    lanczos = first.image.resize((96, 96), Image.Resampling.LANCZOS)
    assert (values(single.image) == values(lanczos)).all()
    batch = api.extra_batch_images(
        images=[first.image, lanczos], upscaler_1="Nearest", upscaling_resize=2
    )
    assert [image.size for image in batch.images] == [(128, 128), (192, 192)]


def test_png_info_reads_the_picture_that_came_before(api: Any, first: Any) -> None:
    told = api.png_info(first.image)
    assert told.info == first.info["infotexts"][0]


def test_interrogate_says_that_no_model_is_here(api: Any, first: Any) -> None:
    with pytest.raises(RuntimeError, match="501.*png-info"):
        api.interrogate(image=first.image)


def test_scripts_that_are_not_here_are_refused(api: Any) -> None:
    with pytest.raises(RuntimeError, match="422.*X/Y/Z Plot"):
        api.txt2img(prompt="x", script_name="X/Y/Z Plot", script_args=[4, "20,30", ""], **SMALL)
    unit = webuiapi.ControlNetUnit(module="canny", model="x")
    with pytest.raises(RuntimeError, match="422.*ControlNet"):
        # The client writes into its own default of this argument, and would go on sending it.
        api.txt2img(prompt="x", controlnet_units=[unit], alwayson_scripts={}, **SMALL)


def test_the_configuration_calls_answer(api: Any) -> None:
    options = api.get_options()
    api.set_options(options)
    api.set_options({"jpeg_quality": 81})
    assert api.get_options() == options | {"jpeg_quality": 81}
    api.set_options({"jpeg_quality": options["jpeg_quality"]})
    assert api.get_cmd_flags()["nowebui"] is True
    assert api.get_progress()["progress"] == 0
    assert {"name", "aliases", "options"} == set(api.get_samplers()[0])
    assert api.util_get_sampler_names() and "karras" in api.util_get_scheduler_names()
    assert "tiny-vae.safetensors" in [row["model_name"] for row in api.get_sd_vae()]
    assert [row["name"] for row in api.get_upscalers()] == ["None", "Lanczos", "Nearest"]
    assert api.get_latent_upscale_modes()[0] == {"name": "Latent"}
    assert any(row["model_name"] == "one" for row in api.get_sd_models())
    assert set(api.get_embeddings()) == {"loaded", "skipped"}  # other tests put some there
    assert api.get_scripts() == {"txt2img": [], "img2img": []}
    assert api.get_face_restorers() == api.get_realesrgan_models() == []
    for listed in (api.get_loras, api.get_hypernetworks, api.get_prompt_styles):
        assert all("name" in row for row in listed())
    assert api.get_memory()["ram"]["total"] > 0
    api.refresh_checkpoints()
    api.interrupt()
    api.skip()
    api.util_wait_for_ready()


def test_a_checkpoint_is_set_by_its_title(api: Any) -> None:
    for name in ("two", "one"):
        api.util_set_model(next(t for t in api.util_get_model_names() if t.startswith(name)))
        assert api.util_get_current_model().startswith(f"{name}.safetensors")
        made = api.txt2img(prompt="a barn", seed=1, **SMALL)
        assert f"Model: {name}" in made.info["infotexts"][0]
