"""Settings, checkpoints, look and good manners of the page."""

import json

import pytest

from tests.browser.conftest import SIZES
from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser


def test_a_setting_is_applied_stored_and_shown_after_a_reload(easel: Easel):
    easel.tab("Settings")
    box = easel.page.locator("#setting_add_model_name_to_info input")
    assert box.is_checked()
    box.uncheck()
    easel.set("setting_jpeg_quality", 61)
    easel.click("settings_submit")
    easel.page.get_by_text("2 settings changed: ").wait_for()
    stored = json.loads((easel.server.folder / "config.json").read_text())
    assert (stored["add_model_name_to_info"], stored["jpeg_quality"]) == (False, 61)
    easel.reload()
    easel.wait_value(easel.number("setting_jpeg_quality"), "61")
    assert not box.is_checked()
    easel.server.post("sdapi/v1/options", {"add_model_name_to_info": True, "jpeg_quality": 80})


def test_bad_numbers_in_settings_are_told_beside_them_and_the_rest_is_kept(easel: Easel):
    easel.tab("Settings")
    easel.page.locator("#setting_add_model_name_to_info input").uncheck()
    delta, rho = "setting_eta_noise_seed_delta", "setting_rho"
    for where, typed, kept in (
        (delta, "1e30", "4294967296"),
        (delta, "1.5", "2"),
        (rho, "-1", "0"),
    ):
        easel.number(where).fill(typed)
        easel.number(where).press("Tab")
        assert typed in easel.page.locator(f"#{where} .ez-complaint").inner_text()
        assert easel.number(where).input_value() == kept
    # What the page lets through, the server refuses.
    easel.page.evaluate("EaselForm.shape('settings', 'jpeg_quality').high = 1e9")
    quality = easel.page.locator("#setting_jpeg_quality")
    quality.locator("input[type=number]").evaluate("input => { input.max = 1e9; }")
    quality.locator("input[type=range]").evaluate("input => { input.max = 1e9; }")
    easel.set("setting_jpeg_quality", 101)
    easel.click("settings_submit")
    told = quality.locator(".ez-complaint")
    told.wait_for()
    assert told.inner_text().startswith("Quality of saved JPEG, WebP and AVIF files can't be 101")
    assert not easel.page.locator("#setting_add_model_name_to_info input").is_checked()
    assert easel.page.locator("#settings_result").inner_text() == "3 changes are not applied yet."
    assert easel.server.get("sdapi/v1/options")["add_model_name_to_info"] is True


def test_a_page_older_than_the_server_says_so_and_names_what_is_not_applied(easel: Easel):
    easel.tab("Settings")
    easel.set("setting_jpeg_quality", 62)
    easel.page.locator("#setting_add_model_name_to_info input").uncheck()
    easel.page.route("**/gradio_api/run/**", lambda route: route.fulfill(status=500))
    easel.click("settings_submit")
    easel.page.get_by_text("its log says why").wait_for()
    # As after a restart: what answers is another page than this one.
    easel.page.evaluate("window.gradio_config.app_id = 1")
    easel.click("settings_submit")
    notice = easel.page.locator(".easel-notice-calm")
    notice.wait_for()
    told = "Quality of saved JPEG, WebP and AVIF files, Add the checkpoint's name to infotext"
    assert "reload it" in notice.inner_text() and told in notice.inner_text()
    easel.page.unroute_all()
    notice.get_by_role("button", name="Reload").click()
    easel.wait("window.gradio_config?.app_id > 1")
    easel.ready()
    assert [each.count("status of 500") for each in easel.problems] == [1, 1]
    easel.problems.clear()


def test_the_search_leaves_what_has_the_words(easel: Easel):
    easel.tab("Settings")
    easel.page.locator("#setting_jpeg_quality").wait_for()
    easel.page.locator("#settings_search input, #settings_search textarea").fill("old karras")
    wanted = easel.page.locator("#setting_use_old_karras_scheduler_sigmas")
    wanted.wait_for()
    easel.wait("!document.querySelector('#setting_jpeg_quality').offsetParent")
    assert wanted.is_visible()
    assert easel.page.locator("#settings_menu a:visible").all_inner_texts() == ["Compatibility"]
    easel.page.locator("#settings_search input, #settings_search textarea").fill("qqq")
    easel.page.get_by_text("No setting has these words.").wait_for()


def test_the_menu_goes_to_a_section(easel: Easel):
    easel.tab("Settings")
    easel.page.locator("#settings_menu a", has_text="Live previews").click()
    easel.wait(
        "document.querySelector('#settings_live_previews').getBoundingClientRect().top < 200"
    )


def test_another_checkpoint_counts_at_once_and_changes_only_untouched_sizes(easel: Easel):
    easel.img2img()
    easel.set("img2img_width", 320)
    easel.choose("setting_sd_model_checkpoint", "two.safetensors")
    easel.tab("txt2img")
    width, height = SIZES["two"]
    easel.wait_value(easel.number("txt2img_width"), str(width))
    assert easel.number("txt2img_height").input_value() == str(height)
    assert easel.number("img2img_width").input_value() == "320"
    assert easel.generate()["settings"]["sd_model_checkpoint"].startswith("two")
    easel.server.post("sdapi/v1/options", {"sd_model_checkpoint": "one.safetensors"})


def test_a_new_file_is_found_by_refresh(easel: Easel):
    folder = easel.server.folder / "models/Stable-diffusion"
    added = folder / "added.safetensors"
    added.write_bytes((folder / "one.safetensors").read_bytes())
    try:
        easel.click("refresh_sd_model_checkpoint")
        easel.page.wait_for_timeout(300)
        easel.choice("setting_sd_model_checkpoint").click()
        easel.page.get_by_role("option", name="added").wait_for()
    finally:
        added.unlink()


def test_dark_or_light_is_kept(easel: Easel):
    assert not easel.page.evaluate("document.body.classList.contains('dark')")
    easel.click("easel_theme")
    easel.reload()
    assert easel.page.evaluate("document.body.classList.contains('dark')")


def test_brackets_that_do_not_pair_up_are_marked_and_tokens_counted(easel: Easel):
    easel.write("a (red ball")
    easel.page.wait_for_selector("#txt2img_prompt.easel-uneven")
    easel.write("a (red) ball")
    easel.page.wait_for_selector("#txt2img_prompt:not(.easel-uneven)")
    easel.wait("document.querySelector('#txt2img_prompt_tokens').textContent === '3/75'")


def test_the_page_holds_no_open_connection(painted: Server):
    assert painted.get("config")["connect_heartbeat"] is False


def test_nothing_is_wider_than_the_window_and_generate_is_in_reach(easel: Easel):
    for width in (390, 1024, 1440):
        easel.page.set_viewport_size({"width": width, "height": 844})
        for tab in ("txt2img", "img2img"):
            easel.tab(tab)
            button = easel.page.locator(f"#{tab}_generate")
            button.wait_for()
            box = button.bounding_box()
            assert box and 0 <= box["y"] and box["y"] + box["height"] <= 844, (tab, width)
            assert easel.page.evaluate("document.documentElement.scrollWidth") <= width
        easel.tab("Settings")
        easel.page.locator("#setting_jpeg_quality").wait_for()
        assert easel.page.evaluate("document.documentElement.scrollWidth") <= width
