"""The first minutes: one line says that only the built-in model is there, a drawer adds others."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route

from tests.browser.page_driver import Easel
from tests.browser.servers import Server
from tests.unit.library.shop import Shop
from tests.unit.library.weights import CHECKPOINT, LORA, weights

pytestmark = pytest.mark.browser

DATA = weights({**CHECKPOINT, "x": (400, 400)}, fill=b"7")
CHOSEN = "document.querySelector('#setting_sd_model_checkpoint input').value.startsWith(argument)"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop(DATA)
    server = shop.open()
    yield shop
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Server]:
    """A painted server as it is after set-up."""
    folder = tmp_path_factory.mktemp("bare")
    server = Server(folder, "--downloads-local", "--hub-address", shop.address)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def easel(bare: Server, enter: Callable[..., Easel]) -> Easel:
    shutil.rmtree(bare.folder / "models", ignore_errors=True)
    bare.post("easel/v1/networks/refresh")
    return enter(bare)


def row(easel: Easel, words: str) -> Locator:
    return easel.page.locator(".ez-models-list li", has_text=words)


def test_the_line_leads_to_a_file_that_is_sent_and_used(easel: Easel, tmp_path: Path) -> None:
    line = easel.page.locator(".ez-first")
    line.get_by_role("button", name="Add a checkpoint").click()
    (tmp_path / "page.safetensors").write_bytes(b"<html>" * 20)
    (tmp_path / "mine.safetensors").write_bytes(DATA)
    choose = easel.page.locator(".ez-models-zone input")
    choose.set_input_files([tmp_path / "page.safetensors", tmp_path / "mine.safetensors"])
    row(easel, "page.safetensors").get_by_text("is no safetensors file").wait_for()
    row(easel, "mine.safetensors").get_by_role("button", name="Use it").click()
    easel.wait(CHOSEN, "mine.safetensors")
    stored = easel.server.folder / "models/Stable-diffusion/mine.safetensors"
    assert stored.read_bytes() == DATA
    line.wait_for(state="hidden")


def test_a_download_is_paused_gone_on_with_and_used(easel: Easel, shop: Shop) -> None:
    held: list[Route] = []
    easel.page.route("**/easel/v1/models", lambda route: held.append(route))  # it is late
    easel.reload()
    easel.click("txt2img_extra_networks")
    easel.page.get_by_role("tab", name="Checkpoints").click()
    easel.wait_until(lambda: bool(held))
    for route in held:
        route.continue_()
    easel.page.unroute_all()
    easel.page.locator(".ez-networks-add").click()
    shop.tell_sum()
    shop.step, shop.wait = 1 << 14, 0.1
    form = easel.page.locator(".ez-models-form")
    form.locator("[name=from]").fill("somebody/models")
    form.locator("[name=file]").fill("far.safetensors")
    form.get_by_role("button", name="Download").click()
    far = row(easel, "far.safetensors")
    far.get_by_role("button", name="Pause").click()
    far.get_by_text("paused").wait_for()
    shop.wait = 0.0
    easel.reload()
    easel.page.locator(".ez-first").get_by_role("button", name="Add a checkpoint").click()
    row(easel, "far.safetensors").get_by_role("button", name="Go on").click()
    row(easel, "far.safetensors").get_by_role("button", name="Use it").click()
    easel.wait(CHOSEN, "far.safetensors")
    assert shop.asked[-1][1], "the second half was asked for alone"


def test_another_program_s_loras_appear_among_the_cards(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "models/loras").mkdir(parents=True)
    (tmp_path / "models/loras/theirs.safetensors").write_bytes(weights(LORA))
    easel.page.locator(".ez-first").get_by_role("button", name="Add a checkpoint").click()
    easel.page.locator(".ez-models-row input").fill(str(tmp_path))
    easel.page.locator(".ez-models-row button").click()
    row(easel, str(tmp_path)).get_by_text("LoRAs", exact=True).wait_for()
    easel.page.keyboard.press("Escape")
    easel.click("txt2img_extra_networks")
    easel.page.locator(".ez-networks b", has_text="theirs").wait_for()
    assert list((easel.server.folder / "models/Lora").glob("*")) == []


@pytest.mark.full
def test_the_line_stays_away_once_dismissed(easel: Easel) -> None:
    easel.page.locator(".ez-first").get_by_role("button", name="Dismiss").click()
    easel.reload()
    easel.page.wait_for_load_state("networkidle")
    assert not easel.page.locator(".ez-first").is_visible()
