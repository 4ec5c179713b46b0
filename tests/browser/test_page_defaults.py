"""A page as its owner wants it: another language, other defaults and ranges, other settings above
the tabs; what is changed, and the way back.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import make_painted
from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser

UI_CONFIG = {
    "txt2img/Sampling steps/value": 28,
    "customscript/sampler.py/txt2img/Sampling method/value": "Heun",
    "txt2img/Width/maximum": 4096,
    "txt2img/Width/value": 3000,
    "txt2img/Height/value": 256,
    "txt2img/CFG Scale/value": "much",
    "txt2img/Batch count/visible": False,
    "customscript/none.py/txt2img/No such control/value": 1,
}
CONFIG = {
    "sd_model_checkpoint": "one.safetensors",
    "localization": "Deutsch",
    "quicksettings_list": ["sd_model_checkpoint", "CLIP_stop_at_last_layers"],
    "hidden_tabs": ["PNG Info"],
    "ui_tab_order": ["img2img"],
    "jpeg_quality": 61,
    "extra_options_txt2img": ["eta_noise_seed_delta", "samples_save"],
}


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("owned")
    server = make_painted(folder)
    server.command += ["--freeze-specific-settings", "samples_save"]
    (folder / "ui-config.json").write_text(json.dumps(UI_CONFIG))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    server.start()
    yield server
    server.stop()


def told(server: Server, name: str) -> dict:
    return json.loads((server.folder / name).read_text("utf-8"))


def test_the_page_has_its_owners_words_defaults_ranges_and_tabs(enter, owned: Server):
    easel: Easel = enter(owned)
    assert "CFG Scale/value can't be 'much'; give a number" in easel.toast()
    button = easel.page.locator("#txt2img_generate")
    assert button.inner_text() == "Erzeugen"
    assert easel.page.locator("#txt2img_width label").first.inner_text().startswith("Breite")
    easel.click("txt2img_paste")  # what the server says is in their words, too
    easel.page.get_by_text("Es gibt noch nichts zu lesen: ").wait_for()
    known = "easelHeard('Steps 0 is outside 1..150')"
    assert easel.page.evaluate(known) == "Schritte 0 liegt außerhalb von 1 bis 150"
    assert easel.page.locator("#easel_queue").get_attribute("aria-label") == "Aufträge"
    easel.page.locator("#easel_queue").click()
    assert easel.page.locator("#easel_jobs h2").inner_text() == "Aufträge"
    easel.page.locator("#easel_jobs").get_by_role("button", name="Schließen").click()
    tabs = easel.page.locator("#tabs > .tab-wrapper").get_by_role("tab")
    names = [name for name in tabs.all_inner_texts() if name]
    assert names == ["img2img", "txt2img", "Verlauf", "Einstellungen"]
    for was_open, opened in {"pnginfo": "", "history": "history"}.items():  # one is hidden by now
        assert owned.post("easel/page/opening", {"opened": was_open})["opened"] == opened
    assert easel.number("txt2img_steps").input_value() == "28"
    assert easel.choice("txt2img_sampling").input_value() == "Heun"
    assert easel.number("txt2img_width").input_value() == "3000"
    assert easel.number("txt2img_cfg_scale").input_value() == "7"
    assert not easel.page.locator("#txt2img_batch_count").is_visible()
    easel.number("setting_CLIP_stop_at_last_layers").fill("99")  # not stored while it can't be
    easel.set("setting_CLIP_stop_at_last_layers", 2)
    easel.wait_until(lambda: told(owned, "config.json").get("CLIP_stop_at_last_layers") == 2)
    delta = "eta_noise_seed_delta"
    easel.set(f"txt2img_setting_{delta}", 31337)  # for the tab's own jobs
    assert easel.page.locator("#txt2img_setting_samples_save input").is_disabled()
    job = easel.generate()
    assert job["settings"][delta] == 31337 and delta not in told(owned, "config.json")
    for held, shown in {5: 5, 0: 0, "much": 0}.items():
        fresh = {f"option_{delta}": 0}
        kept = {"txt2img": {f"option_{delta}": held}, "defaults": {"txt2img": fresh}}
        forms = json.loads(owned.post("easel/page/opening", kept)["forms"])
        assert forms["txt2img"][f"option_{delta}"] == {"value": shown}
    request = job["request"]  # beyond the usual range
    assert (request["width"], request["sampler_name"], request["steps"]) == (3000, "Heun", 28)


def test_changed_settings_are_listed_and_go_back_and_others_changes_stay(enter, owned: Server):
    easel: Easel = enter(owned)
    easel.tab("Einstellungen")
    easel.set("setting_n_rows", 4)
    owned.post("sdapi/v1/options", {"CLIP_stop_at_last_layers": 3})  # by somebody else meanwhile
    easel.click("settings_show_changes")
    easel.page.locator(".easel-changes tbody tr", has_text="JPEG").wait_for()
    rows = easel.page.locator(".easel-changes tbody tr").all_inner_texts()
    assert [row.split("\t")[1:] for row in rows if "JPEG" in row] == [["61", "", "80"]]
    assert [row.split("\t")[1:] for row in rows if "Zeilen" in row] == [["-1", "4", "-1"]]
    easel.page.locator("#setting_jpeg_quality .ef-return").click()
    easel.wait_value(easel.number("setting_jpeg_quality"), "80")
    assert easel.page.locator("#setting_samples_save input").is_disabled()
    easel.click("settings_submit")
    easel.page.get_by_text("2 Einstellungen geändert: n_rows, jpeg_quality").wait_for()
    stored = told(owned, "config.json")
    assert (stored["jpeg_quality"], stored["CLIP_stop_at_last_layers"]) == (80, 3)


def test_defaults_are_kept_from_the_form_as_it_is_and_forgotten_again(enter, visit, owned: Server):
    easel: Easel = enter(owned)
    easel.set("txt2img_steps", 33)
    easel.tab("Einstellungen")
    easel.click("ui_defaults_view")
    easel.page.get_by_text("txt2img/Sampling steps").wait_for()
    row = easel.page.locator("#ui_defaults_board tbody tr").all_inner_texts()
    assert row == ["txt2img/Sampling steps\t28\t33"]
    easel.click("ui_defaults_apply")
    easel.page.get_by_text("1 value is kept in ui-config.json.").wait_for()
    assert told(owned, "ui-config.json") == UI_CONFIG | {"txt2img/Sampling steps/value": 33}
    fresh: Easel = visit(owned)
    fresh.wait_value(fresh.number("txt2img_steps"), "33")
    easel.click("ui_defaults_forget")
    easel.page.get_by_text("5 forgotten.").wait_for()
    assert "txt2img/Sampling steps/value" not in told(owned, "ui-config.json")
    fresh.reload()  # what nobody touched follows the default
    fresh.wait_value(fresh.number("txt2img_steps"), "20")


@pytest.mark.full
def test_reload_ui_builds_another_page_while_the_server_goes_on(visit, tmp_path: Path):
    server = make_painted(tmp_path)
    server.start()
    try:
        easel: Easel = visit(server)
        (tmp_path / "ui-config.json").write_text('{"txt2img/Sampling steps/value": 7}')
        server.post("sdapi/v1/options", {"quicksettings_list": ["tiling"]})
        other: Easel = visit(server, beside=easel)
        other.tab("Settings")
        other.set("setting_jpeg_quality", 62)
        easel.tab("Settings")
        easel.page.evaluate("delete document.body.dataset.easelReady")
        easel.click("settings_restart_gradio")
        easel.ready()
        renewed = other.page.locator(".easel-notice-calm")
        renewed.get_by_text("set again: Quality of saved JPEG").wait_for()
        renewed.get_by_role("button", name="Reload").click()
        renewed.wait_for(state="detached")
        other.page.close()
        easel.tab("txt2img")
        easel.wait_value(easel.number("txt2img_steps"), "7")
        easel.page.locator("#setting_tiling input").check()
        easel.wait_until(lambda: told(server, "config.json").get("tiling") is True)
        assert easel.generate()["request"]["steps"] == 7
    finally:
        server.stop()
