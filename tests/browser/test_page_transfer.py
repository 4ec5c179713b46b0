"""Parameters and pictures from one place to another: pasted, dropped, sent, read from files."""

import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

INFOTEXT = (
    "a (red:1.2) barn\nNegative prompt: fog\nSteps: 31, Sampler: Euler a, Schedule type: Karras, "
    "CFG scale: 5.5, Seed: 4711, Size: 192x128, Clip skip: 2, Version: v1.10.1"
)


def write_png(path: Path, infotext: str | None = None, size: tuple[int, int] = (200, 104)) -> Path:
    chunk = PngInfo()
    if infotext:
        chunk.add_text("parameters", infotext)
    Image.new("RGB", size, "#336699").save(path, pnginfo=chunk)
    return path


def assert_filled(easel: Easel, tab: str = "txt2img") -> None:
    easel.wait_value(easel.text(f"{tab}_prompt"), "a (red:1.2) barn")
    assert easel.text(f"{tab}_neg_prompt").input_value() == "fog"
    assert easel.number(f"{tab}_steps").input_value() == "31"
    assert easel.choice(f"{tab}_sampling").input_value() == "Euler a"
    assert easel.choice(f"{tab}_scheduler").input_value() == "Karras"
    assert easel.number(f"{tab}_cfg_scale").input_value() == "5.5"
    assert easel.number(f"{tab}_seed").input_value() == "4711"
    assert easel.number(f"{tab}_width").input_value() == "192"
    assert easel.number(f"{tab}_height").input_value() == "128"
    assert "Clip skip: 2" in easel.page.locator(f"#{tab}_override_settings").inner_text()


def test_pasted_parameters_fill_the_form_and_count(easel: Easel):
    easel.write(INFOTEXT)
    easel.click("txt2img_paste")
    assert_filled(easel)
    sent = easel.generate()
    assert sent["request"]["override_settings"] == {"CLIP_stop_at_last_layers": 2}
    assert sent["settings"]["CLIP_stop_at_last_layers"] == 2


def test_an_empty_prompt_reads_the_last_picture(easel: Easel):
    easel.write("remembered picture")
    easel.set("txt2img_steps", 9)
    job = easel.generate()
    easel.on("dialog", lambda dialog: dialog.accept())
    easel.click("txt2img_clear_prompt")
    easel.wait_value(easel.text("txt2img_prompt"), "")
    easel.set("txt2img_steps", 20)
    easel.click("txt2img_paste")
    easel.wait_value(easel.text("txt2img_prompt"), "remembered picture")
    assert easel.number("txt2img_steps").input_value() == "9"
    assert easel.number("txt2img_seed").input_value() == str(job["items"][0]["seed"])


def test_clear_asks_before_it_takes_a_prompt_away(easel: Easel):
    easel.write("not to be lost")
    easel.on("dialog", lambda dialog: dialog.dismiss())
    easel.click("txt2img_clear_prompt")
    easel.page.wait_for_timeout(200)
    assert easel.text("txt2img_prompt").input_value() == "not to be lost"


def test_a_picture_dropped_on_the_prompt_fills_the_form(easel: Easel, tmp_path):
    data = write_png(tmp_path / "barn.png", INFOTEXT).read_bytes()
    easel.drop("#txt2img_prompt textarea", "barn.png", "image/png", data)
    assert_filled(easel)


def test_a_picture_without_parameters_dropped_on_the_prompt_says_so(easel: Easel, tmp_path):
    easel.write("stays")
    data = write_png(tmp_path / "plain.png").read_bytes()
    easel.drop("#txt2img_prompt textarea", "plain.png", "image/png", data)
    easel.wait_status("txt2img", "holds no parameters")
    assert easel.text("txt2img_prompt").input_value() == "stays"


def test_a_picture_goes_to_img2img_with_its_parameters_and_is_started_from(easel: Easel):
    easel.write("needs")
    easel.set("txt2img_steps", 12)
    made = easel.generate()["items"][0]
    easel.click("txt2img_send_to_img2img")
    easel.wait_value(easel.text("img2img_prompt"), "needs")
    easel.wait_picture("img2img_image")
    assert easel.number("img2img_steps").input_value() == "12"
    assert easel.number("img2img_seed").input_value() == str(made["seed"])
    easel.generate("img2img")
    size = len(easel.server.bytes(made["url"].lstrip("/")))
    # The painter writes down how many bytes of start picture it was given.
    assert easel.infotext("img2img").startswith(f"needs {size}\n")


def test_a_picture_saved_in_a_folder_elsewhere_goes_to_img2img_too(easel: Easel, tmp_path):
    easel.server.post("sdapi/v1/options", {"outdir_samples": str(tmp_path)})
    try:
        easel.write("saved elsewhere")
        easel.generate()
        assert list(tmp_path.rglob("*.png"))
        easel.click("txt2img_send_to_img2img")
        easel.wait_picture("img2img_image")
    finally:
        easel.server.post("sdapi/v1/options", {"outdir_samples": ""})


def test_without_send_seed_the_seed_stays(easel: Easel):
    easel.server.post("sdapi/v1/options", {"send_seed": False})
    easel.generate()
    easel.click("txt2img_send_to_img2img")
    easel.wait_picture("img2img_image")
    assert easel.number("img2img_seed").input_value() == "-1"
    easel.server.post("sdapi/v1/options", {"send_seed": True})


def test_a_picture_goes_to_the_canvas_to_be_painted_over_and_back(easel: Easel):
    easel.write("over")
    easel.generate()
    easel.click("txt2img_send_to_sketch")
    easel.page.wait_for_selector('#img2img_sketch [data-size="128x64"]')
    easel.page.wait_for_selector('#img2img_sketch [data-empty="false"]')
    easel.wait_value(easel.text("img2img_prompt"), "over")
    easel.generate("img2img")
    easel.write("", "img2img_prompt")
    easel.click("img2img_send_to_txt2img")
    easel.wait("document.querySelector('#txt2img_prompt')?.offsetParent")
    easel.wait_value(easel.text("txt2img_prompt"), "over")


def test_the_seed_of_a_picture_is_reused_and_given_up_again(easel: Easel):
    easel.set("txt2img_batch_size", 2)
    items = easel.generate(count=2)["items"]
    easel.page.locator("#txt2img_gallery .ez-thumb").nth(1).click()
    easel.click("txt2img_reuse_seed")
    easel.wait_value(easel.number("txt2img_seed"), str(items[1]["seed"]))
    easel.click("txt2img_random_seed")
    easel.wait_value(easel.number("txt2img_seed"), "-1")
    easel.click("txt2img_reuse_seed_of_picture")
    easel.wait_value(easel.number("txt2img_seed"), str(items[1]["seed"]))


def test_png_info_shows_what_a_file_holds_and_sends_it(easel: Easel, tmp_path):
    easel.tab("PNG Info")
    easel.upload("pnginfo_image", write_png(tmp_path / "barn.png", INFOTEXT))
    easel.wait(
        "document.querySelector('#pnginfo_generation_info').textContent.includes('Seed: 4711')"
    )
    easel.click("pnginfo_send_to_img2img")
    easel.wait_picture("img2img_image")
    assert_filled(easel, "img2img")


def test_png_info_says_beside_the_picture_what_is_wrong_and_keeps_what_it_showed(easel, tmp_path):
    easel.may_be_refused = True
    fault = easel.page.locator("#pnginfo_image .ez-complaint")
    text = easel.page.locator("#pnginfo_generation_info")
    easel.tab("PNG Info")
    easel.upload("pnginfo_image", write_png(tmp_path / "plain.png"))
    easel.page.get_by_text("This picture holds no parameters.").wait_for()
    easel.click("pnginfo_send_to_txt2img")
    assert "holds no parameters" in fault.inner_text()

    # Markup in a file stays text.
    marked = write_png(tmp_path / "barn.png", "a <img src=x onerror=alert(1)> barn\nSteps: 2")
    easel.drop("#pnginfo_image", "barn.png", "image/png", marked.read_bytes())
    easel.wait_text(text.locator(".ez-infotext"), "a <img src=x onerror=alert(1)> barn\nSteps: 2")
    assert fault.is_hidden()
    for name, data, words in (
        ("notes.zip", b"PK-no-picture", "notes.zip can't be read: 13 bytes that are no picture"),
        ("cut.png", marked.read_bytes()[:60], "cut.png can't be read: the picture is damaged"),
        ("nothing.png", b"", "nothing.png is empty"),
    ):
        easel.drop("#pnginfo_image", name, "image/png", data)
        fault.get_by_text(words).wait_for()
        assert "Steps: 2" in text.inner_text()
        assert easel.page.locator("#pnginfo_image img").is_visible()
    # Pasted, and made in the browser: so many bytes take long to hand over.
    easel.page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            const large = new File([new ArrayBuffer(65 << 20)], "large.png", { type: "image/png" });
            clipboardData.items.add(large);
            const event = new ClipboardEvent("paste", { bubbles: true, clipboardData });
            document.body.dispatchEvent(event);
        }"""
    )
    fault.get_by_text("large.png has 65.0 MB; at most 64 MB").wait_for()
    assert not easel.page.locator(".easel-notice").count()


def test_the_sliders_take_the_size_of_the_picture(easel: Easel, tmp_path):
    easel.img2img()
    easel.load("img2img_image", write_png(tmp_path / "plain.png", size=(203, 104)))
    easel.click("img2img_detect_image_size_btn")
    easel.wait_value(easel.number("img2img_width"), "200")
    easel.wait_value(easel.number("img2img_height"), "104")


def test_an_untouched_canvas_has_the_size_of_the_sliders_and_a_drawn_one_keeps_its_own(easel):
    easel.img2img("Sketch")
    easel.page.wait_for_selector('#img2img_sketch [data-size="128x64"]')
    easel.set("img2img_height", 192)
    easel.page.wait_for_selector('#img2img_sketch [data-size="128x192"]')
    easel.page.locator("#img2img_sketch .ec-stage").click()
    easel.page.wait_for_selector('#img2img_sketch [data-empty="false"]')
    easel.set("img2img_width", 256)
    easel.page.wait_for_timeout(200)
    assert easel.page.locator('#img2img_sketch [data-size="128x192"]').count() == 1


def test_a_drawing_is_what_img2img_starts_from(easel: Easel):
    easel.img2img("Sketch")
    view = easel.page.locator("#img2img_sketch .ec-stage")
    view.wait_for()
    view.click()
    easel.generate("img2img")
    name = easel.server.newest("img2img")["request"]["init"]["images"][0]
    picture = Image.open(io.BytesIO(easel.stored(name))).convert("RGB")
    assert picture.size == (128, 64)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.getpixel((64, 32)) == (0, 0, 0)
