"""The whole way with the real engine: a prompt, and the exercise of every tutorial: a doodle on a
white canvas becomes four pictures.

The checkpoint is tiny and its weights are random, so what is in the pictures is asked only of the
built-in one.
"""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageStat
from safetensors.numpy import save_file

from bench import layouts
from tests.browser.canvas_driver import png
from tests.browser.page_driver import Easel
from tests.browser.servers import ROOT, Server

pytestmark = pytest.mark.browser

BUILT_IN = ROOT / "models/Stable-diffusion/easel-builtin.safetensors"


def write_random_checkpoint(path: Path) -> None:
    """One of two small levels, made without torch: the browser's tests need not wait for that."""
    shapes = {
        **dict(layouts.unet(layouts.UNet(32, (1, 2), (1, 0), 16, 1))),
        **dict(layouts.vae(32, (1, 1, 1, 1), 1)),
        **dict(layouts.clip(layouts.CLIP, 16, 2)),
    }
    generator = np.random.default_rng(0)
    weights = {}
    for name, shape in shapes.items():
        values = generator.standard_normal(shape)
        if name.endswith("bias"):
            values *= 0.02
        elif len(shape) <= 1:  # a normalisation's gain
            values = 1 + 0.02 * values
        else:
            values *= 0.5 if "embedding" in name else values[0].size ** -0.5
        weights[name] = values.astype(np.float16)
    path.parent.mkdir(parents=True)
    save_file(weights, path, metadata={"modelspec.resolution": "64x64"})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The program with its real worker, opening on the colour canvas."""
    folder = tmp_path_factory.mktemp("engine")
    write_random_checkpoint(folder / "models/Stable-diffusion/tiny.safetensors")
    (folder / "config.json").write_text('{"sd_model_checkpoint": "tiny.safetensors"}')
    server = Server(folder, "--gradio-img2img-tool", "color-sketch", painted=False)
    server.start()
    yield server
    server.stop()


def drawn(easel: Easel, points: list[tuple[float, float]], colour: str) -> None:
    """One stroke on the colour canvas."""
    easel.page.locator("#img2img_sketch").evaluate(
        "(_, colour) => EaselCanvas.get('img2img_sketch').setColour(colour)", colour
    )
    easel.stroke("img2img_sketch", *points)


def test_a_prompt_becomes_a_picture_with_a_preview_on_the_way(enter, engine):
    engine.post(
        "sdapi/v1/options", {"show_progress_every_n_steps": 1, "live_preview_refresh_period": 200}
    )
    easel = enter(engine)
    easel.tab("txt2img")
    easel.write("a red ball on grass")
    easel.set("txt2img_steps", 60)
    easel.set("txt2img_batch_count", 2)  # long enough for a look in between
    easel.press_generate()
    easel.page.locator("#txt2img_gallery .ez-has-preview").wait_for()
    easel.page.locator("#txt2img_gallery .ez-preview").wait_for()
    job = engine.newest("txt2img")["id"]
    easel.wait_shown("txt2img", job, 2)
    engine.post("sdapi/v1/options", {"show_progress_every_n_steps": 10})
    item = engine.get(f"easel/v1/jobs/{job}")["items"][0]
    picture = Image.open(io.BytesIO(engine.bytes(item["url"].lstrip("/"))))
    assert picture.size == (64, 64)
    assert picture.convert("RGB").getcolors(16) is None  # more than 16 colours
    assert "a red ball on grass\nSteps: 60, Sampler: DPM++ 2M" in easel.infotext()
    assert "Model: tiny" in easel.infotext()


def test_the_classic_exercise_makes_four_pictures_of_a_doodle_and_one_is_saved(enter, engine):
    easel = enter(engine)
    easel.page.wait_for_selector('#img2img_sketch [data-size="64x64"]')  # opened by the flag
    drawn(easel, [(0.2, 0.7), (0.5, 0.3), (0.8, 0.7)], "#2e7d32")
    drawn(easel, [(0.8, 0.15), (0.85, 0.2)], "#f9a825")
    easel.write("a green hill under the sun", "img2img_prompt")
    easel.choose("img2img_sampling", "DPM++ 2M")
    easel.choose("img2img_scheduler", "Karras")
    easel.set("img2img_steps", 20)
    easel.set("img2img_batch_size", 4)
    easel.set("img2img_cfg_scale", 9)
    easel.set("img2img_denoising_strength", 0.6)
    assert easel.number("img2img_seed").input_value() == "-1"
    job = easel.generate("img2img", count=4)
    assert easel.page.locator("#img2img_gallery .ez-thumbs .ez-thumb").count() == 4
    assert len({item["seed"] for item in job["items"]}) == 4
    easel.page.locator("#img2img_gallery .ez-thumb").nth(3).click()
    with easel.page.expect_download() as download:
        easel.click("img2img_download")
    saved = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    text = saved.text["parameters"]  # type: ignore[attr-defined]
    assert text.startswith("a green hill under the sun\nSteps: 20, Sampler: DPM++ 2M")
    for part in ("Schedule type: Karras", "CFG scale: 9", "Denoising strength: 0.6"):
        assert part in text
    assert f"Seed: {job['items'][3]['seed']}," in text


def test_inpainting_changes_what_is_masked_and_not_one_pixel_besides(enter, engine, tmp_path):
    easel = enter(engine)
    easel.img2img("Inpaint")
    picture = np.random.default_rng(3).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    (tmp_path / "noise.png").write_bytes(png(picture))
    easel.load("img2maskimg", tmp_path / "noise.png")
    easel.stroke("img2maskimg", (0.75, 0.5), (0.8, 0.5))
    easel.set("img2img_mask_blur", 0)
    easel.set("img2img_width", 128)
    easel.set("img2img_height", 64)
    easel.set("img2img_steps", 2)
    made = easel.generate("img2img")["items"][0]
    after = np.asarray(Image.open(io.BytesIO(engine.bytes(made["url"].lstrip("/")))))
    differs = (after != picture).any(axis=2)
    assert differs[24:40, 92:106].mean() > 0.9
    assert not differs[:, :64].any()


def redness(server: Server, prompt: str) -> float:
    """How much more red than blue two pictures have, on the scale of 0 to 255."""
    body = {
        "prompt": prompt,
        "steps": 8,
        "seed": 7,
        "batch_size": 2,
        "width": 64,
        "height": 64,
        "override_settings": {"sd_model_checkpoint": BUILT_IN.name},
    }
    pictures = server.post("sdapi/v1/txt2img", body)["images"][-2:]
    found = 0.0
    for coded in pictures:
        picture = Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB")
        red, _, blue = ImageStat.Stat(picture).mean
        found += (red - blue) / len(pictures)
    return found


@pytest.mark.skipif(not BUILT_IN.exists(), reason="the built-in checkpoint is not there")
def test_the_built_in_checkpoint_paints_a_red_ball_redder_than_a_blue_one(engine):
    assert redness(engine, "a red ball") > redness(engine, "a blue ball") + 5
