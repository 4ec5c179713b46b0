"""img2img's Batch sub-tab: pictures sent or read from a folder become one job, and what is bad in
them is told by name.
"""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

COLOURS = ("red", "blue", "green")


def png(colour: str, infotext: str = "") -> bytes:
    from PIL.PngImagePlugin import PngInfo

    text, buffer = PngInfo(), io.BytesIO()
    if infotext:
        text.add_text("parameters", infotext)
    Image.new("RGB", (48, 24), colour).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in a folder beside the masks of two of them; one picture is none."""
    for place in ("in", "masks"):
        (tmp_path / place).mkdir()
    for colour in COLOURS:
        told = f"{colour} barn\nSteps: 7, Sampler: Heun, CFG scale: 3, Seed: 9, Size: 48x24"
        (tmp_path / f"in/{colour}.png").write_bytes(png(colour, told))
    (tmp_path / "in/bad.png").write_bytes(b"no picture")
    for name in ("red.png", "bad.png", "blue.webp"):
        (tmp_path / "masks" / name).write_bytes(png("white"))
    return tmp_path


def send(easel: Easel, *paths: Path) -> None:
    """Choose files; returns when all are sent."""
    field = easel.page.locator("#img2img_batch_upload input[type=file]")
    field.set_input_files([str(path) for path in paths])
    easel.wait("Number(document.querySelector('.ez-batch').dataset.count) >= argument", len(paths))
    easel.wait("document.querySelector('.ez-batch').dataset.waiting === '0'")


def made(easel: Easel, count: int) -> dict[str, Any]:
    easel.press_generate("img2img")
    job = easel.server.newest("img2img")["id"]
    easel.wait_shown("img2img", job, count)
    return easel.server.get(f"easel/v1/jobs/{job}")


def test_sent_pictures_survive_a_reload_and_become_one_job(easel: Easel, folder: Path):
    easel.may_be_refused = True
    easel.img2img("Batch")
    easel.click("img2img_generate")
    assert "no pictures" in easel.toast()
    send(easel, *sorted((folder / "in").iterdir()))
    rows = easel.page.locator(".ez-batch-list li")
    assert rows.all_inner_texts()[0].startswith("bad.png")
    assert "no picture known here" in rows.first.inner_text()
    easel.write("slow 0.1", "img2img_prompt")
    easel.set("img2img_steps", 6)
    easel.page.wait_for_timeout(150)
    easel.reload()
    assert easel.page.locator(".ez-batch-list li").count() == 4
    easel.press_generate("img2img")
    easel.wait_status("img2img", "2 of 4: blue.png")
    job = easel.server.newest("img2img")["id"]
    easel.wait_shown("img2img", job, 3)
    easel.wait_status("img2img", "1 of 4 could not be made")
    assert "bad.png: " in easel.page.locator("#img2img_gallery .ez-notes").inner_text()
    found = easel.server.get(f"easel/v1/jobs/{job}")
    names = [given["name"] for given in found["request"]["init"]["inputs"]]
    assert names == ["bad.png", "blue.png", "green.png", "red.png"]
    assert easel.stored(found["request"]["init"]["inputs"][1]["image"]) == png_of(folder, "blue")


def png_of(folder: Path, colour: str) -> bytes:
    return (folder / f"in/{colour}.png").read_bytes()


def test_a_folder_with_masks_and_parameters_is_worked_on_and_named_alike(
    easel: Easel, folder: Path
):
    easel.may_be_refused = True
    easel.img2img("Batch")
    easel.page.get_by_role("tab", name="From directory").click()
    inputs = {
        "input_dir": str(folder / "nowhere"),
        "output_dir": str(folder / "out"),
        "inpaint_mask_dir": str(folder / "masks"),
    }
    assert not easel.page.locator("#inpaint_controls").is_visible()
    for name, path in inputs.items():
        easel.page.locator(f"#img2img_batch_{name} textarea").fill(path)
    assert easel.page.locator("#inpaint_controls").is_visible()
    easel.page.get_by_text("PNG info", exact=True).first.click()
    easel.tick("img2img_batch_use_png_info")
    for label in ("Prompt", "Steps", "Sampler", "Seed"):
        easel.page.locator("#img2img_batch_png_info_props").get_by_label(label, exact=True).check()
    easel.write("an old", "img2img_prompt")
    easel.click("img2img_generate")
    assert "there is no folder" in easel.toast()
    easel.page.locator("#img2img_batch_input_dir textarea").fill(str(folder / "in"))
    job = made(easel, 2)
    assert [failure["name"] for failure in job["failures"]] == ["bad.png", "green.png"]
    assert "no mask called green" in job["failures"][1]["message"]
    bad, blue, green, red = job["request"]["init"]["inputs"]
    assert (blue["prompt"], blue["steps"], blue["seed"]) == ("an old blue barn", 7, 9)
    assert blue["sampler_name"] == "Heun" and "cfg_scale" not in blue
    assert easel.stored(red["mask"]) == (folder / "masks/red.png").read_bytes()
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["blue.png", "red.png"]
    found = easel.server.get("easel/v1/history?text=barn")
    assert {"blue.png", "red.png"} <= {each["name"] for each in found["pictures"]}


@pytest.mark.full
def test_a_thousand_pictures_are_one_job_and_leave_the_page_usable(easel: Easel, tmp_path: Path):
    for number in range(1000):
        (tmp_path / f"{number:04}.png").write_bytes(png(COLOURS[number % 3]))
    easel.img2img("Batch")
    field = easel.page.locator("#img2img_batch_upload input[type=file]")
    field.set_input_files([str(path) for path in sorted(tmp_path.iterdir())])
    easel.write("written meanwhile", "img2img_prompt")
    assert int(easel.page.locator(".ez-batch").get_attribute("data-waiting") or 0) > 0
    easel.page.set_default_timeout(300_000)  # a busy machine sends ten a second
    easel.wait("document.querySelector('.ez-batch').dataset.waiting === '0'")
    easel.page.get_by_text("1000 pictures", exact=True).wait_for()
    assert easel.page.locator(".ez-batch-list li").count() <= 201
    easel.set("img2img_steps", 1)
    easel.press_generate("img2img")
    easel.wait_status("img2img", " of 1000: ")
    easel.wait_until(lambda: easel.server.newest("img2img")["made"] > 0)
    easel.click("img2img_interrupt")
    easel.wait_state("img2img", "idle")
    job = easel.server.newest("img2img")
    assert job["input_count"] == 1000 and 0 < job["made"] < 1000
