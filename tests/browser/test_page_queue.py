"""The drawer of jobs: order, stopping, once more, and parameters back into the form."""

import pytest

from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser


def submit(server: Server, prompt: str, **more: object) -> str:
    wish = {"prompt": prompt, "steps": 3, **more}
    return server.post("easel/v1/jobs", {"request": wish})["id"]


def row(easel: Easel, prompt: str):
    return easel.page.locator(".ez-job", has_text=prompt)


def test_waiting_jobs_are_reordered_and_cancelled(easel: Easel) -> None:
    busy = submit(easel.server, "slow 0.1", steps=300)
    for prompt in ("first in line", "second in line", "third in line"):
        submit(easel.server, prompt, cfg_scale=5.5)
    easel.click("easel_queue")
    row(easel, "third in line").get_by_title("Earlier").click()
    easel.wait(
        "[...document.querySelectorAll('.ez-job b')].slice(0, 4).map((b) => b.textContent).join()"
        " === 'slow 0.1,first in line,third in line,second in line'"
    )
    row(easel, "first in line").get_by_title("Cancel").click()
    easel.wait("document.querySelectorAll('.ez-job[data-state=queued]').length === 2")
    # What waits has no picture yet; its request fills the form all the same.
    row(easel, "second in line").get_by_title("Parameters into the form").click()
    easel.wait_value(easel.text("txt2img_prompt"), "second in line")
    assert easel.number("txt2img_cfg_scale").input_value() == "5.5"
    easel.click("easel_queue")
    easel.page.get_by_text("Cancel all that wait").click()
    easel.wait("document.querySelectorAll('.ez-job[data-state=queued]').length === 0")
    # Escape closes the drawer, and stops no job.
    easel.page.locator("#easel_jobs .ez-drawer-head button").last.press("Escape")
    easel.page.locator("#easel_jobs").wait_for(state="hidden")
    assert not easel.server.get(f"easel/v1/jobs/{busy}")["stopping"]
    easel.click("easel_queue")
    row(easel, "slow").get_by_title("Stop, and keep what is made").click()
    easel.wait("document.querySelectorAll('.ez-job[data-state=running]').length === 0")
    assert easel.server.get(f"easel/v1/jobs/{busy}")["interrupted"]
    easel.server.settle()


def test_an_ended_job_is_made_once_more_and_fills_the_form(easel: Easel) -> None:
    submit(easel.server, "a tidy desk", seed=11, cfg_scale=4.5)
    easel.click("easel_queue")
    row(easel, "a tidy desk").get_by_title("Once more with another seed").click()
    easel.wait(
        "[...document.querySelectorAll('.ez-job[data-state=done] b')]"
        ".filter((b) => b.textContent === 'a tidy desk').length === 2"
    )
    row(easel, "a tidy desk").last.get_by_title("Parameters into the form").click()
    easel.wait_value(easel.text("txt2img_prompt"), "a tidy desk")
    assert easel.number("txt2img_cfg_scale").input_value() == "4.5"
    assert easel.number("txt2img_seed").input_value() == "11"
