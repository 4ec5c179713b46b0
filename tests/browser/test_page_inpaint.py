"""img2img's sub-tabs: what each hands to the engine, and that nothing of it is lost."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.canvas_driver import NOISE, png
from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

HEIGHT, WIDTH = NOISE.shape[:2]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "noise.png"
    path.write_bytes(png(NOISE))
    return path


def sent(easel: Easel) -> dict[str, Any]:
    """The request of a job for what the form shows."""
    return easel.generate("img2img")["request"]


def pixels(easel: Easel, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(easel.stored(name))))


def test_a_mask_is_sent_with_the_untouched_picture_and_its_own_controls(easel: Easel, picture):
    easel.img2img("img2img")
    assert not easel.page.locator("#inpaint_controls").is_visible()
    easel.img2img("Inpaint")
    easel.load("img2maskimg", picture)
    easel.stroke("img2maskimg", (0.2, 0.5), (0.3, 0.5))
    easel.set("img2img_mask_blur", 7)
    easel.set("img2img_inpaint_full_res_padding", 16)
    for label in ("Inpaint not masked", "latent noise", "Only masked", "Crop and resize"):
        easel.page.get_by_role("radio", name=label, exact=True).check()
    easel.tick("soft_inpainting_enabled-checkbox")
    easel.set("mask_blend_power", 1.5)
    init = sent(easel)["init"]
    mask = init["mask"]
    assert mask["soft"]["bias"] == 1.5 and mask["soft"]["detail"] == 4
    assert easel.stored(init["images"][0]) == picture.read_bytes()
    assert (mask["blur_x"], mask["blur_y"], mask["padding"]) == (7, 7, 16)
    assert (mask["invert"], mask["fill"], mask["only_masked"]) == (True, 2, True)
    assert init["resize_mode"] == 1
    painted = pixels(easel, mask["image"])
    assert painted.shape == (HEIGHT, WIDTH)
    assert painted[HEIGHT // 2, WIDTH // 4] == 255 and not painted[:, WIDTH // 2 :].any()


def test_paint_over_a_picture_is_sent_with_its_own_mask(easel: Easel, picture):
    easel.img2img("Inpaint sketch")
    easel.load("inpaint_sketch", picture)
    easel.stroke("inpaint_sketch", (0.2, 0.5), (0.3, 0.5))
    easel.set("img2img_mask_blur", 2)
    init = sent(easel)["init"]
    after, mask = pixels(easel, init["images"][0]), pixels(easel, init["mask"]["image"])
    assert (after[HEIGHT // 2, WIDTH // 4] > 225).all()  # white paint
    assert mask[HEIGHT // 2, WIDTH // 4] == 255
    assert (after[:, WIDTH // 2 :] == NOISE[:, WIDTH // 2 :]).all()
    assert not mask[:, WIDTH // 2 :].any()
    easel.set("img2img_mask_alpha", 100)
    weak = sent(easel)["init"]
    assert not pixels(easel, weak["mask"]["image"]).any()
    assert (pixels(easel, weak["images"][0]) == NOISE).all()


def test_uploaded_picture_and_mask_survive_a_reload_and_are_sent(easel: Easel, picture, tmp_path):
    easel.img2img("Inpaint upload")
    easel.load("img_inpaint_base", picture)
    easel.click("img2img_generate")
    assert "needs a mask" in easel.toast()
    mask = tmp_path / "mask.png"
    Image.new("L", (WIDTH, HEIGHT), 255).save(mask)
    easel.load("img_inpaint_mask", mask)
    easel.page.wait_for_selector('#img_inpaint_mask [data-saved="saved"]')
    easel.reload()
    easel.wait_picture("img_inpaint_base", f"{WIDTH}x{HEIGHT}")
    easel.wait_picture("img_inpaint_mask", f"{WIDTH}x{HEIGHT}")
    init = sent(easel)["init"]
    assert easel.stored(init["images"][0]) == picture.read_bytes()
    assert easel.stored(init["mask"]["image"]) == mask.read_bytes()


def test_resize_by_tells_the_size_and_sends_it(easel: Easel, picture):
    easel.img2img("img2img")
    easel.load("img2img_image", picture)
    easel.tab("Resize by")
    easel.set("img2img_scale", 1.5)
    line = easel.page.locator("#img2img_scale_resolution_preview")
    easel.wait_text(line, f"resize: from {WIDTH}x{HEIGHT} to 240x144")
    request = sent(easel)
    assert (request["width"], request["height"]) == (240, 144)
    easel.tab("Resize to")
    assert sent(easel)["width"] == 128
    easel.set("img2img_height", 128)
    frame = easel.page.locator(".easel-aspect").bounding_box()
    assert frame and abs(frame["width"] - frame["height"]) < 1  # what a square would keep
    easel.page.locator(".easel-aspect").wait_for(state="detached")


def test_a_picture_goes_from_one_sub_tab_to_another_and_pasting_finds_the_open_one(
    easel: Easel, picture
):
    easel.img2img("img2img")
    easel.page.evaluate(
        """(text) => {
            const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], "a.png", { type: "image/png" }));
            const event = { bubbles: true, cancelable: true, clipboardData };
            document.body.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        picture.read_bytes().decode("latin-1"),
    )
    easel.wait_picture("img2img_image")
    easel.click("copy_to_inpaint")
    easel.wait_picture("img2maskimg")
    assert easel.stored(sent(easel)["init"]["images"][0]) == picture.read_bytes()


def test_a_finished_picture_goes_to_inpaint_and_the_size_chosen_there_stays(easel: Easel):
    easel.img2img("img2img")
    easel.set("img2img_width", 320)
    easel.tab("txt2img")
    easel.write("a pear")
    made = easel.generate()["items"][0]
    easel.click("txt2img_send_to_inpaint")
    easel.wait_picture("img2maskimg", "128x64")
    assert easel.page.locator("#inpaint_controls").is_visible()
    easel.wait_value(easel.text("img2img_prompt"), "a pear")
    file = easel.server.bytes(made["url"].lstrip("/"))
    request = sent(easel)
    assert easel.stored(request["init"]["images"][0]) == file
    assert request["width"] == 320
