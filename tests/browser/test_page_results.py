"""Finished pictures: compared, made larger, dragged, zipped, deleted and put back."""

import zipfile

import pytest
from playwright.sync_api import Dialog, Locator

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

DRAGGED = """
(selector) => {
  const dataTransfer = new DataTransfer();
  const event = new DragEvent("dragstart", { bubbles: true, dataTransfer });
  document.querySelector(selector).dispatchEvent(event);
  return Object.fromEntries(["DownloadURL", "text/uri-list"].map((kind) =>
    [kind, dataTransfer.getData(kind)]));
}
"""
DROPPED = """
([selector, address]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData("text/uri-list", address);
  document.querySelector(selector).dispatchEvent(
    new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}
"""
# Stands in for the desktop's messages.
DESKTOP = """
() => {
  window.desktop = { asked: 0, told: [] };
  window.Notification = class {
    static permission = "default";
    static async requestPermission() {
      desktop.asked += 1;
      return (Notification.permission = "granted");
    }
    constructor(title, { body }) { desktop.told.push([title, body]); }
    addEventListener() {}
  };
}
"""
HIDE = """
(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


def thumbs(easel: Easel) -> Locator:
    return easel.page.locator("#txt2img_gallery .ez-thumbs .ez-thumb")


def count(easel: Easel, number: int) -> None:
    easel.wait(
        "document.querySelector('#txt2img_gallery .ez-results').dataset.count === argument",
        str(number),
    )


def test_pictures_are_compared_by_drag_and_key_and_leave_the_page_as_their_files(
    easel: Easel,
) -> None:
    easel.write("a jug")
    easel.set("txt2img_batch_size", 3)
    job = easel.generate(count=3)
    easel.click("txt2img_compare")
    comparison = easel.page.locator("dialog.ez-compare")
    captions = comparison.locator(".ez-compare-caption")
    assert captions.all_inner_texts() == ["Picture 2", "Picture 1"]
    comparison.get_by_role("group", name="Left").get_by_role("button").nth(2).click()
    comparison.get_by_role("button", name="Swap").click()
    assert captions.all_inner_texts() == ["Picture 1", "Picture 3"]
    box = comparison.locator(".ez-compare-frame").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    easel.page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    easel.page.mouse.down()
    easel.page.mouse.move(box["x"] + box["width"] * 0.25, middle, steps=3)
    easel.page.mouse.up()
    assert comparison.get_attribute("data-at") == "25"
    for _ in range(2):
        easel.page.keyboard.press("ArrowRight")
    clip = "(half) => getComputedStyle(half).clipPath"
    assert comparison.locator(".ez-compare-half.ez-compare-right").evaluate(clip) == (
        "inset(0px 0px 0px 26%)"
    )
    easel.page.keyboard.press("Escape")
    comparison.wait_for(state="detached")

    item = job["items"][0]
    address = f"{easel.server.address}{item['url']}"
    for place in (".ez-main", ".ez-thumbs .ez-thumb"):
        data = easel.page.evaluate(DRAGGED, f"#txt2img_gallery {place}")
        assert data["DownloadURL"] == f"image/png:{item['file_name']}:{address}"
        assert data["text/uri-list"] == address
    easel.write("something else")
    easel.set("txt2img_steps", 3)
    easel.page.evaluate(DROPPED, ["#txt2img_prompt textarea", address])
    easel.wait_value(easel.number("txt2img_steps"), "20")
    easel.wait_value(easel.text("txt2img_prompt"), "a jug")
    assert easel.number("txt2img_seed").input_value() == str(item["seed"])


def test_the_sparkle_s_picture_stays_beside_its_first_and_what_is_deleted_comes_back(
    easel: Easel,
) -> None:
    easel.write("a jug")
    easel.set("txt2img_batch_size", 3)
    job = easel.generate(count=3)
    thumbs(easel).nth(1).click()
    easel.set("txt2img_steps", 30)  # what the picture was made with counts, not the form of now
    easel.click("txt2img_upscale")
    count(easel, 4)
    larger = easel.server.newest("txt2img")
    request = larger["request"]
    assert (request["seed"], request["steps"]) == (job["items"][1]["seed"], 20)
    assert request["hires"]["firstpass_image"] == job["items"][1]["sha256"]
    assert request["hires"]["scale"] == 2 and larger["image_count"] == 1
    assert thumbs(easel).nth(2).get_attribute("aria-selected") == "true"
    assert thumbs(easel).nth(2).get_attribute("aria-label") == "Picture 3, made larger"
    assert easel.page.get_by_role("option", name="Grid").is_visible()
    hidden = {"return_grid": False, "show_progressbar": False}
    easel.server.post("sdapi/v1/options", hidden)
    try:
        easel.reload()
        count(easel, 4)
        easel.page.get_by_role("option", name="Grid").wait_for(state="detached")
        assert not easel.page.locator("#txt2img_gallery .ez-bar").is_visible()
    finally:
        easel.server.post("sdapi/v1/options", dict.fromkeys(hidden, True))
    easel.click("txt2img_compare")
    comparison = easel.page.locator("dialog.ez-compare")
    assert comparison.locator(".ez-compare-caption").all_inner_texts() == ["Start", "Picture 3"]
    easel.page.keyboard.press("Escape")
    with easel.page.expect_download() as download:
        easel.click("save_zip_txt2img")
    names = [item["file_name"] for item in [*job["items"], *larger["items"]]]
    assert zipfile.ZipFile(download.value.path()).namelist() == names

    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    easel.on("dialog", agree)
    easel.click("txt2img_delete")
    count(easel, 3)
    assert asked == [f"Delete {names[3]}? It can be put back for 30 days."]
    assert f"Seed: {job['items'][2]['seed']}," in easel.infotext()
    easel.page.get_by_role("button", name="Put back").click()
    count(easel, 4)
    assert easel.server.get(f"easel/v1/jobs/{larger['id']}")["items"] == larger["items"]


def test_a_hidden_page_asks_for_no_previews_and_tells_of_the_end_if_it_may(easel: Easel) -> None:
    easel.page.evaluate(DESKTOP)
    easel.write("slow 0.1")
    easel.set("txt2img_steps", 150)
    easel.press_generate()
    easel.wait_step("txt2img", 2)
    assert easel.page.evaluate("desktop") == {"asked": 0, "told": []}
    easel.page.get_by_role("button", name="Tell me on the desktop").click()
    assert easel.page.evaluate("desktop.asked") == 1
    with easel.page.expect_request("**/easel/v1/jobs/*look=false*"):
        easel.page.evaluate(HIDE, True)
    asked: list[str] = []
    easel.on("request", lambda request: asked.append(request.url))
    with easel.page.expect_request("**/easel/v1/jobs/*look=true*", timeout=1000):
        easel.page.evaluate(HIDE, False)
    seen_again = next(number for number, url in enumerate(asked) if "look=true" in url)
    assert not [url for url in asked[:seen_again] if "/preview" in url]
    easel.page.evaluate(HIDE, True)
    easel.server.skip(easel.server.newest("txt2img")["id"])
    easel.wait("desktop.told.length === 1")
    assert easel.page.evaluate("desktop.told") == [["A picture is ready", "slow 0.1"]]
    assert easel.page.title() == "Easel"
