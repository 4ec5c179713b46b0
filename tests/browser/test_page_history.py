"""The History tab: finding a picture among many, using it, marking and deleting it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser
MANY = 400


@pytest.fixture(scope="module")
def pictures(painted: Server) -> Path:
    """The newest is picture 0; each has its number as seed and in its prompt."""
    folder = painted.folder / "outputs" / "txt2img-images" / "history"
    folder.mkdir(parents=True)
    for number in range(MANY):
        text = PngImagePlugin.PngInfo()
        told = f"a lighthouse number{number}\nNegative prompt: fog\nSteps: 9, Sampler: DDIM, "
        text.add_text("parameters", f"{told}CFG scale: 5, Seed: {number}, Size: 64x64, Model: m")
        path = folder / f"{number:05}.png"
        Image.new("RGB", (16, 16), (number % 256, 90, 160)).save(path, pnginfo=text)
        moment = 2_000_000_000 - number
        os.utime(path, (moment, moment))
    return folder


@pytest.fixture
def history(painted: Server, pictures: Path, enter: Callable[..., Easel]) -> Easel:
    easel = enter(painted)
    easel.tab("History")
    easel.page.locator("#history_search").fill("lighthouse")
    easel.wait("/found$/.test(document.querySelector('#history_count').textContent)")
    return easel


def count(easel: Easel, words: str) -> None:
    easel.wait("document.querySelector('#history_count').textContent === argument", words)


def test_hundreds_of_pictures_scroll_while_few_are_in_the_page(history: Easel) -> None:
    count(history, f"{MANY} pictures found")
    history.page.locator(".ez-history .ez-grid").press("End")

    last = f".ez-grid-cell[data-place='{MANY - 1}'] img"
    history.page.locator(last).wait_for()
    assert history.page.locator(".ez-grid-cell").count() < 120
    history.wait("document.querySelector('.ez-history-detail').textContent.includes(argument)",
        f"number{MANY - 1}\n")  # fmt: skip


def test_a_picture_is_found_by_words_and_seed_and_its_parameters_go_to_txt2img(
    history: Easel,
) -> None:
    history.page.locator("#history_search").fill("lighthouse number37")
    count(history, "11 pictures found")  # 37 and 370 to 379
    history.page.locator("#history_seed").fill("372")
    count(history, "1 picture found")
    history.page.locator(".ez-grid-cell").click()
    history.click("history_to_txt2img")

    history.wait_value(history.text("txt2img_prompt"), "a lighthouse number372")
    assert history.text("txt2img_neg_prompt").input_value() == "fog"
    assert history.choice("txt2img_sampling").input_value() == "DDIM"
    history.wait("document.querySelector('#tab_txt2img').offsetParent")


def test_a_picture_goes_to_img2img_as_it_is(history: Easel) -> None:
    history.page.locator(".ez-grid-cell").first.click()
    history.click("history_to_img2img")

    history.page.wait_for_selector('#img2img_image [data-size^="16x"][data-empty="false"]')


def test_a_favourite_is_found_again_and_a_deleted_picture_is_gone(
    history: Easel, pictures: Path
) -> None:
    history.on("dialog", lambda dialog: dialog.accept())
    history.page.locator("#history_seed").fill("5")
    count(history, "1 picture found")
    history.page.locator(".ez-grid-cell").click()
    history.page.locator(".ez-history .ez-grid").press("f")
    history.page.locator(".ez-grid-cell.ez-favourite").wait_for()
    history.page.locator("#history_seed").fill("")
    count(history, f"{MANY} pictures found")
    history.click("history_favourites")
    count(history, "1 picture found")

    history.page.locator(".ez-grid-cell").click()
    history.click("history_delete")

    count(history, "0 pictures found")
    assert not (pictures / "00005.png").exists()
    history.page.locator(".easel-notice button[aria-label=Close]").click()
    history.click("history_deleted")
    history.page.locator("dialog.ez-deleted").get_by_role("button", name="Put back").click()
    history.page.get_by_text("Nothing is deleted.").wait_for()
    history.page.keyboard.press("Escape")
    count(history, "1 picture found")
    assert (pictures / "00005.png").exists()


def test_a_search_that_finds_nothing_says_so_and_scripts_in_prompts_are_text(
    history: Easel,
) -> None:
    history.page.locator("#history_search").fill("<script>alert(1)</script>")
    count(history, "0 pictures found")
    assert history.page.locator(".ez-history-empty").inner_text() == (
        "No picture fits this search."
    )
