"""Generate and what follows: progress, pictures, interrupt, skip, the queue, mistakes."""

import io
import re

import pytest
from PIL import Image

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser


def thumbs(easel: Easel):
    return easel.page.locator("#txt2img_gallery .ez-thumbs .ez-thumb")


def test_ctrl_enter_generates_what_the_form_says(easel: Easel):
    easel.write("a red ball on grass")
    easel.set("txt2img_steps", 7)
    easel.text("txt2img_prompt").press("Control+Enter")
    easel.wait("document.querySelector('#html_info_txt2img').textContent.includes('Steps: 7')")
    job = easel.server.newest("txt2img")
    easel.wait_shown("txt2img", job["id"])
    assert job["request"]["prompt"] == "a red ball on grass"
    assert easel.text("txt2img_prompt").input_value() == "a red ball on grass"
    assert easel.infotext().startswith("a red ball on grass\nSteps: 7, Sampler: DPM++ 2M")


def test_a_batch_of_four_shows_four_pictures_each_with_its_own_parameters(easel: Easel):
    easel.set("txt2img_batch_size", 4)
    job = easel.generate(count=4)
    assert thumbs(easel).count() == 4
    seeds = [item["seed"] for item in job["items"]]
    assert seeds == [seeds[0] + place for place in range(4)]
    assert f"Seed: {seeds[0]}," in easel.infotext()
    thumbs(easel).nth(2).click()
    assert f"Seed: {seeds[2]}," in easel.infotext()
    easel.page.keyboard.press("ArrowRight")
    assert f"Seed: {seeds[3]}," in easel.infotext()
    # All four on one sheet, which is shown and saved but leads nowhere.
    assert easel.page.locator("#txt2img_send_to_img2img").is_visible()
    easel.page.get_by_role("option", name="Grid").click()
    shown = easel.page.locator("#txt2img_gallery .ez-main")
    assert (shown.get_attribute("src") or "").endswith(f"{job['id']}/images/-1")
    assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 256
    assert easel.page.locator("#txt2img_send_to_img2img").is_hidden()


def test_the_large_view_turns_by_arrows_and_closes_by_escape_without_stopping_a_job(easel: Easel):
    easel.set("txt2img_batch_size", 2)
    first = easel.generate(count=2)
    easel.write("slow 0.2")
    easel.press_generate()
    easel.wait_state("txt2img", "running")
    # A gamepad turns too, where the setting wants it: here its cross is pressed to the left.
    easel.page.evaluate(
        "EaselLightbox.configure({viewer_pad: 60}); window.pad = {axes: [0, 0], buttons: []};"
        "navigator.getGamepads = () => [null, window.pad];"
    )
    easel.page.locator("#txt2img_gallery .ez-stage").click()
    view = easel.page.locator("dialog.ez-lightbox")
    view.wait_for()
    assert first["items"][0]["url"] in (view.locator("img").get_attribute("src") or "")
    easel.page.keyboard.press("ArrowRight")
    assert first["items"][1]["url"] in (view.locator("img").get_attribute("src") or "")
    easel.page.evaluate("window.pad.buttons[14] = {pressed: true}")
    easel.wait(
        "document.querySelector('dialog.ez-lightbox img').src.includes(argument)",
        first["items"][0]["url"],
    )
    easel.page.keyboard.press("Escape")
    view.wait_for(state="detached")
    assert not easel.server.newest("txt2img")["stopping"]


def test_a_picture_is_downloaded_with_its_parameters_or_saved_among_those_worth_keeping(easel):
    easel.write("a kept picture")
    job = easel.generate()
    with easel.page.expect_download() as download:
        easel.click("txt2img_download")
    path = download.value.path()
    assert download.value.suggested_filename == job["items"][0]["file_name"]
    picture = Image.open(io.BytesIO(path.read_bytes()))
    assert picture.text["parameters"] == job["items"][0]["infotext"]  # type: ignore[attr-defined]
    easel.click("save_txt2img")
    easel.wait_status("txt2img", "Saved as 00000")
    (kept,) = (easel.server.folder / "log/images").glob("00000*.png")
    assert kept.read_bytes() == path.read_bytes()


def test_progress_is_told_in_words_bar_and_title_and_moves_nothing(easel: Easel):
    def top() -> float:
        return easel.page.locator("#txt2img_gallery .ez-stage").bounding_box()["y"]  # type: ignore[index]

    before = top()
    easel.write("slow 0.15")
    easel.press_generate()
    easel.wait_step("txt2img", 3)
    assert top() == before
    easel.wait_status("txt2img", "left")
    assert re.match(r"\[\d+% ETA: \d+ s\] Easel", easel.page.title())
    bar = easel.page.get_by_role("progressbar").first
    assert 0 < int(bar.get_attribute("aria-valuenow") or 0) < 100
    easel.server.skip(easel.server.newest("txt2img")["id"])
    easel.wait_state("txt2img", "idle")
    assert easel.page.title() == "Easel"


def test_a_preview_that_is_no_picture_is_not_shown(easel: Easel):
    # The painter's previews are words, which no browser can draw.
    easel.server.post("sdapi/v1/options", {"show_progress_every_n_steps": 1})
    easel.write("slow 0.1")
    with easel.page.expect_response(re.compile(r"/preview\?n=\d+")):
        easel.press_generate()
    easel.wait_step("txt2img", 8)
    assert easel.page.locator("#txt2img_gallery .ez-preview").is_hidden()
    easel.server.post("sdapi/v1/options", {"show_progress_every_n_steps": 10})


def test_escape_interrupts_and_keeps_what_is_finished(easel: Easel):
    easel.server.post("sdapi/v1/options", {"interrupt_after_current": False})
    easel.write("slow 0.1")
    easel.set("txt2img_steps", 8)
    easel.set("txt2img_batch_count", 20)
    easel.press_generate()
    easel.wait_status("txt2img", "picture 2/20")
    easel.page.keyboard.press("Escape")
    easel.wait_status("txt2img", "Interrupted")
    job = easel.server.newest("txt2img")
    assert job["interrupted"] and 1 <= len(job["items"]) < 20
    easel.server.post("sdapi/v1/options", {"interrupt_after_current": True})


def test_alt_enter_skips_to_the_next_picture(easel: Easel):
    easel.write("slow 0.2")
    easel.set("txt2img_batch_count", 2)
    easel.press_generate()
    easel.wait_step("txt2img", 2)
    easel.page.keyboard.press("Alt+Enter")
    easel.wait_status("txt2img", "picture 2/2")
    assert easel.server.newest("txt2img")["state"] == "running"


def test_further_jobs_wait_in_line_and_are_followed_one_by_one(easel: Easel):
    easel.write("slow 0.3")
    easel.press_generate()
    easel.wait_state("txt2img", "running")
    first = easel.server.newest("txt2img")["id"]
    easel.write("second")
    easel.press_generate()
    easel.write("third")
    easel.press_generate()
    line = easel.page.locator("#txt2img_gallery .ez-queue")
    easel.wait("document.querySelector('.ez-queue').textContent === '2 waiting'")
    easel.server.skip(first)
    third = easel.server.newest("txt2img")["id"]
    easel.wait_shown("txt2img", third)
    assert line.is_hidden()
    assert easel.infotext().startswith("third")


def test_waiting_jobs_can_be_cancelled_together(easel: Easel):
    easel.write("slow 0.3")
    for _ in range(3):
        easel.press_generate()
    easel.wait("document.querySelector('.ez-queue').textContent === '2 waiting'")
    easel.page.locator("#txt2img_gallery .ez-queue").click()
    easel.wait("document.querySelector('.ez-queue').hidden")
    assert [job["state"] for job in easel.server.unfinished()] == ["running"]


def test_bad_input_says_what_to_do_and_loses_nothing(easel: Easel):
    easel.img2img()
    easel.write("kept", "img2img_prompt")
    easel.click("img2img_generate")
    assert "img2img needs a picture" in easel.toast()
    assert easel.text("img2img_prompt").input_value() == "kept"
    easel.page.locator("#mode_img2img").get_by_role("tab", name="Sketch", exact=True).click()
    easel.page.locator("#img2img_sketch .easel-canvas").wait_for()
    easel.click("img2img_generate")
    easel.page.get_by_text("the canvas is empty").wait_for()
    assert easel.text("img2img_prompt").input_value() == "kept"


def test_a_failed_job_says_why_and_the_next_one_works(easel: Easel):
    easel.write("refuse at 0")
    easel.press_generate()
    easel.wait_status("txt2img", "picture 0 is refused: ask for another")
    easel.write("better")
    assert easel.generate()["state"] == "done"
