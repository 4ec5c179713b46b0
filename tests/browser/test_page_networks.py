"""The drawer of extra networks: a click puts a word into the prompt, another takes it out."""

import json
import struct
from collections.abc import Callable

import pytest

from tests.api.conftest import png
from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def drawer(painted: Server, enter: Callable[..., Easel]) -> Easel:
    folder = painted.folder / "models" / "Lora"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ink", "clay"):
        header = json.dumps({"__metadata__": {"ss_output_name": name}}).encode()
        (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "ink.json").write_text(json.dumps({"activation text": "inkwash"}))
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "tar.safetensors").write_bytes((folder / "ink.safetensors").read_bytes())
    description = "<b>thick</b><img src=x onerror=alert(1)> oil"
    (folder / "deep" / "tar.json").write_text(json.dumps({"description": description}))
    easel = enter(painted)
    easel.write("a castle")
    easel.click("txt2img_extra_networks")
    easel.page.locator(".ez-networks .ez-grid-cell b").first.wait_for()
    return easel


def prompt(easel: Easel) -> str:
    return easel.text("txt2img_prompt").input_value()


def test_a_card_puts_its_word_into_the_prompt_and_takes_it_out_again(drawer: Easel) -> None:
    drawer.page.get_by_text("ink", exact=True).click()
    assert prompt(drawer) == "a castle <lora:ink:1> inkwash"
    drawer.page.locator(".ez-card-used").wait_for()

    drawer.page.get_by_text("clay", exact=True).click()
    assert prompt(drawer) == "a castle <lora:ink:1> inkwash <lora:clay:1>"
    drawer.page.get_by_text("ink", exact=True).click()
    assert prompt(drawer) == "a castle <lora:clay:1>"


def test_cards_are_searched_and_described(drawer: Easel) -> None:
    # By folder and from the end; a description may hold marks of text, and nothing that runs.
    drawer.server.post("sdapi/v1/options", {"extra_networks_card_description_is_html": True})
    drawer.page.get_by_role("button", name="Ascending").click()
    drawer.page.get_by_role("button", name="deep", exact=True).click()
    drawer.wait("document.querySelectorAll('.ez-networks .ez-grid-cell').length === 1")
    thick = drawer.page.locator(".ez-card-description b", has_text="thick")
    thick.wait_for()
    assert thick.evaluate("(mark) => mark.parentElement.innerHTML") == "<b>thick</b> oil"
    drawer.server.post("sdapi/v1/options", {"extra_networks_card_description_is_html": False})
    drawer.page.get_by_role("button", name="All folders").click()
    drawer.page.locator("#easel_networks_search").fill("clay")
    cells = "[...document.querySelectorAll('.ez-networks .ez-grid-cell')]"
    drawer.wait(f"{cells}.map((cell) => cell.title).join() === 'clay'")
    drawer.page.locator(".ez-networks .ez-grid-cell").hover()
    drawer.page.locator(".ez-card-about").click()
    drawer.page.locator(".ez-card-form [name=description]").fill("made of earth")
    # What is refused is told in the card, which keeps what was written.
    drawer.may_be_refused = True
    told = drawer.page.locator(".ez-card-form .ez-complaint")
    own = drawer.page.locator(".ez-card-file input")
    own.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    told.get_by_text("Not saved: 10 bytes that are no picture").wait_for()
    refused = {"status": 403, "json": {"errors": "only the owner may"}}
    drawer.page.route("**/networks/notes*", lambda route: route.fulfill(**refused))
    drawer.page.locator(".ez-card-save").click()
    told.get_by_text("Not saved: only the owner may").wait_for()
    drawer.page.unroute_all()
    own.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png()})
    drawer.page.locator(".ez-card-picture").wait_for()
    assert told.is_hidden() or not told.inner_text()
    drawer.page.locator(".ez-card-save").click()
    look = {"extra_networks_card_height": 90, "extra_networks_card_width": 300}
    drawer.server.post("sdapi/v1/options", look)
    drawer.page.locator("#easel_networks_search").fill("earth")
    drawer.page.locator(".ez-card-description", has_text="made of earth").wait_for()
    card = drawer.page.locator(".ez-networks .ez-grid-cell")
    drawer.wait("document.querySelector('.ez-networks .ez-grid-cell')?.offsetHeight === 90")
    assert card.count() == 1
    drawer.server.post("sdapi/v1/options", dict.fromkeys(look, 0))


def test_a_checkpoint_is_chosen_by_its_card(drawer: Easel) -> None:
    drawer.page.get_by_role("tab", name="Checkpoints").click()
    drawer.page.locator(".ez-networks b", has_text="two").click()
    drawer.wait(
        "document.querySelector('#setting_sd_model_checkpoint input').value.startsWith('two')"
    )
    drawer.wait_value(drawer.number("txt2img_height"), "192")
    drawer.page.locator(".ez-networks b", has_text="one").click()
    drawer.wait_value(drawer.number("txt2img_height"), "64")
