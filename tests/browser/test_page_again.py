"""Again: Ctrl+Enter in the place of what runs, and Generate forever."""

import pytest

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser


def jobs(easel: Easel) -> list[dict]:
    return easel.server.get("easel/v1/jobs?kind=txt2img&limit=5")["jobs"]


def test_ctrl_enter_interrupts_what_runs_and_starts_with_the_new_words(easel: Easel):
    easel.write("slow 0.5")
    easel.press_generate()
    easel.wait_state("txt2img", "running")
    easel.write("better")
    easel.text("txt2img_prompt").press("Control+Enter")
    easel.wait_until(lambda: jobs(easel)[0]["request"]["prompt"] == "better")
    newest, before = jobs(easel)[:2]
    easel.wait_shown("txt2img", newest["id"])
    assert easel.server.get(f"easel/v1/jobs/{before['id']}")["interrupted"]


@pytest.mark.full
def test_by_a_setting_ctrl_enter_queues_one_more_job(easel: Easel):
    easel.server.post("sdapi/v1/options", {"easel_restart_on_ctrl_enter": False})
    try:
        easel.reload()
        easel.write("slow 0.3")
        easel.press_generate()
        easel.wait_state("txt2img", "running")
        easel.text("txt2img_prompt").press("Control+Enter")
        easel.wait_until(lambda: len(easel.server.unfinished()) == 2)
        assert not any(job["stopping"] for job in easel.server.unfinished())
    finally:
        easel.server.post("sdapi/v1/options", {"easel_restart_on_ctrl_enter": True})


def test_generate_forever_goes_on_with_what_the_form_says_until_it_is_cancelled(easel: Easel):
    before = len(easel.server.get("easel/v1/jobs?kind=txt2img&limit=500")["jobs"])

    def made() -> int:
        return len(easel.server.get("easel/v1/jobs?kind=txt2img&limit=500")["jobs"]) - before

    easel.write("first")
    generate = easel.page.locator("#txt2img_generate")
    generate.click(button="right")
    easel.page.get_by_role("menuitem", name="Generate forever").click()
    easel.wait_until(lambda: made() >= 2)
    easel.write("second")
    easel.wait_until(lambda: jobs(easel)[0]["request"]["prompt"] == "second")
    generate.click(button="right")
    easel.page.get_by_role("menuitem", name="Cancel generate forever").click()
    easel.wait_until(lambda: not easel.server.unfinished())
    easel.page.wait_for_timeout(300)  # one may have been on its way
    easel.wait_until(lambda: not easel.server.unfinished())
    after = made()
    easel.page.wait_for_timeout(700)
    assert made() == after
