"""What survives: a running job, the form, the open tab; over reloads, second tabs and restarts."""

import signal

import pytest

from tests.browser.conftest import SIZES
from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser


def test_a_reload_in_mid_job_goes_on_with_it(easel: Easel):
    easel.write("slow 0.4")
    easel.set("txt2img_steps", 150)
    easel.press_generate()
    easel.wait_step("txt2img", 2)
    easel.reload()
    easel.wait_state("txt2img", "running")
    easel.wait_step("txt2img", 3)
    job = easel.server.newest("txt2img")["id"]
    easel.server.skip(job)
    easel.wait_shown("txt2img", job)
    assert easel.infotext().startswith("slow 0.4")


@pytest.mark.full
def test_a_second_browser_tab_shows_the_same_job(easel: Easel, visit):
    other = visit(easel.server, beside=easel)
    easel.write("slow 0.3")
    easel.set("txt2img_steps", 150)
    easel.press_generate()
    other.wait_step("txt2img", 2)
    job = easel.server.newest("txt2img")["id"]
    easel.server.skip(job)
    other.wait_shown("txt2img", job)


def test_a_reload_loses_nothing_that_was_typed_or_chosen(easel: Easel):
    easel.img2img("Sketch")
    easel.write("half a sentence", "img2img_prompt")
    easel.write("blurry", "img2img_neg_prompt")
    easel.choose("img2img_sampling", "Euler a")
    easel.set("img2img_denoising_strength", 0.4)
    easel.set("img2img_width", 256)
    easel.page.wait_for_timeout(150)
    easel.reload()
    easel.wait_value(easel.text("img2img_prompt"), "half a sentence")
    assert easel.page.locator("#img2img_sketch").is_visible()
    assert easel.text("img2img_neg_prompt").input_value() == "blurry"
    assert easel.choice("img2img_sampling").input_value() == "Euler a"
    assert easel.number("img2img_denoising_strength").input_value() == "0.4"
    assert easel.number("img2img_width").input_value() == "256"
    easel.wait("document.querySelector('#img2img_prompt_tokens').textContent === '3/75'")


def test_what_is_restored_is_also_what_is_sent(easel: Easel):
    easel.write("typed before the reload")
    easel.set("txt2img_steps", 3)
    easel.page.wait_for_timeout(150)
    easel.reload()
    easel.wait_value(easel.text("txt2img_prompt"), "typed before the reload")
    sent = easel.generate()["request"]
    assert (sent["prompt"], sent["steps"]) == ("typed before the reload", 3)


def test_sizes_that_nobody_chose_follow_the_checkpoint_over_a_reload(easel: Easel):
    easel.write("anything")
    easel.page.wait_for_timeout(150)
    easel.server.post("sdapi/v1/options", {"sd_model_checkpoint": "two.safetensors"})
    easel.reload()
    width, height = SIZES["two"]
    easel.wait_value(easel.number("txt2img_width"), str(width))
    easel.wait_value(easel.number("txt2img_height"), str(height))
    assert "two.safetensors" in easel.choice("setting_sd_model_checkpoint").input_value()
    easel.server.post("sdapi/v1/options", {"sd_model_checkpoint": "one.safetensors"})


def test_a_killed_server_is_told_and_after_its_restart_the_job_goes_on(easel: Easel):
    easel.may_lose_server = True
    easel.write("slow 0.3")
    easel.set("txt2img_steps", 150)
    easel.press_generate()
    easel.wait_step("txt2img", 1)
    easel.server.stop(signal.SIGKILL)
    try:
        easel.wait_status("txt2img", "Connection lost")
    finally:
        easel.server.start()
    easel.wait_step("txt2img", 1)
    job = easel.server.newest("txt2img")["id"]
    easel.server.skip(job)
    easel.wait_shown("txt2img", job)
    assert easel.page.locator(".easel-state").is_hidden()
    easel.write("after the restart")
    easel.set("txt2img_steps", 2)
    assert easel.generate()["state"] == "done"
