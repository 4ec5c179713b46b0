"""The open page at rest: it draws nothing and holds no connection."""

import psutil
import pytest

from tests.browser.page_driver import Easel

pytestmark = [pytest.mark.browser, pytest.mark.full]

# Frames count too that are asked for by the function that was there before the page's scripts.
COUNT_FRAMES = """
window.benchFrames = 0;
const plain = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) =>
  plain.call(window, (now) => { window.benchFrames += 1; return callback(now); });
"""


def test_the_page_at_rest_asks_for_no_frame_and_holds_no_connection(browser, painted):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(COUNT_FRAMES)
    easel = Easel(page, painted).open()
    quiet = (
        "new Promise((go) => { const before = window.benchFrames;"
        " setTimeout(() => go(window.benchFrames === before), 500); })"
    )
    easel.wait_until(lambda: page.evaluate(quiet))  # what the start sets in motion comes to rest
    page.wait_for_timeout(500)
    assert page.evaluate(quiet)
    # What needs frames still has them.
    easel.tab("Settings")
    easel.tab("txt2img")
    assert page.evaluate("new Promise((go) => requestAnimationFrame(() => go(true)))")
    process = psutil.Process(painted.process.pid)

    def held() -> int:
        there = process.net_connections("tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED for each in there)

    easel.wait_until(lambda: held() == 0, seconds=60)
    assert easel.problems == []
    context.close()
