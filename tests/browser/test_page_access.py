"""The page for everybody: axe's rules (WCAG 2.1 A and AA and its own), by day and night, and room
for fingers on a phone.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

TABS = ("txt2img", "img2img", "History", "PNG Info", "Settings")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
}
SMALL = """
() => [...document.querySelectorAll("button, a, select, [role=tab], label:has(> input)")]
  .filter((node) => node.offsetParent
    && !node.closest(".visually-hidden, [inert], [aria-hidden=true]"))
  .map((node) => [node, node.getBoundingClientRect()])
  .filter(([node, box]) => box.width > 1 && box.height > 1 && box.height < 38)
  .map(([node, box]) => `${node.textContent.trim() || node.title || node.className}: ${box.height}`)
"""


def faults(easel: Easel) -> list[str]:
    """What axe finds, a line each."""
    found = Axe().run(easel.page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def open_tab(easel: Easel, name: str) -> None:
    easel.tab(name)
    at_rest(easel)


def at_rest(easel: Easel) -> None:
    """Colours that change slowly have their last value."""
    easel.page.evaluate(
        "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        ".then(() => document.getAnimations().forEach((each) => each.finish()))"
    )


def test_axe_finds_nothing_on_any_tab_by_day_nor_on_img2img_by_night(easel):
    for name in TABS:
        open_tab(easel, name)
        assert faults(easel) == [], name
    easel.click("easel_theme")
    assert easel.page.evaluate("document.body.classList.contains('dark')")
    open_tab(easel, "img2img")
    assert faults(easel) == [], "img2img, dark"


@pytest.mark.full
def test_axe_finds_nothing_on_any_tab_by_night_and_in_the_drawers(visit, painted):
    easel = visit(painted, color_scheme="dark")
    assert easel.page.evaluate("document.body.classList.contains('dark')")
    for name in TABS:
        open_tab(easel, name)
        assert faults(easel) == [], name
    easel.tab("txt2img")
    for opener in ("easel_queue", "txt2img_extra_networks"):
        easel.click(opener)
        at_rest(easel)
        assert faults(easel) == [], opener
        easel.page.keyboard.press("Escape")


def test_on_a_phone_nothing_is_too_wide_or_too_low_for_a_finger(enter, painted):
    easel = enter(painted, viewport={"width": 390, "height": 844})
    for name in TABS:
        open_tab(easel, name)
        assert easel.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert easel.page.evaluate(SMALL) == [], name


def test_the_address_and_the_browser_say_what_colours_the_page_has(easel):
    dark = "document.body.classList.contains('dark')"
    easel.open("?__theme=dark")
    assert easel.page.evaluate(dark)
    easel.open()
    easel.page.emulate_media(color_scheme="dark")
    easel.wait(dark)  # as the system, while nobody chose
    easel.click("easel_theme")
    assert not easel.page.evaluate(dark)
    easel.page.emulate_media(color_scheme="light")
    easel.page.emulate_media(color_scheme="dark")
    easel.page.wait_for_timeout(100)  # the browser's word of it comes by itself
    assert not easel.page.evaluate(dark)
