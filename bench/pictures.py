"""Pictures of the page for the docs: every tab in light, dark and on a phone.

    EASEL_CHROMIUM=/usr/bin/chromium python -m bench.pictures [--out FOLDER] [--only LOOK]

A real server with the built-in checkpoint makes a few pictures, so that the tabs show what they are
for; then each tab is photographed and written as a JPEG. Anybody can make them again.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser.servers import Server

OUT = Path(__file__).parents[1] / "docs" / "images" / "tabs"
TABS = {
    "txt2img": "txt2img",
    "img2img": "img2img",
    "History": "history",
    "PNG Info": "png-info",
    "Settings": "settings",
}
DESK: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
PROMPTS = (
    "a photo of a red apple on a wooden table",
    "a green bottle in the snow",
    "a yellow banana on a white background",
    "a purple star on a beach",
    "an orange cone on grass",
)
LOOKS = {"light": DESK, "dark": DESK, "phone": PHONE}
QUALITY = 78  # of 100


def prepare(server: Server) -> None:
    """Some pictures to look at."""
    for number, prompt in enumerate(PROMPTS):
        body = {"prompt": prompt, "seed": 100 + number, "steps": 12, "batch_size": 2}
        server.post("sdapi/v1/txt2img", {**body, "width": 128, "height": 128, "save_images": True})


def open_page(page: Page, server: Server) -> None:
    page.goto(server.address)
    page.wait_for_selector("body[data-easel-ready]", state="attached", timeout=120_000)


def open_tab(page: Page, name: str) -> None:
    """By its button, wherever a narrow page has put it."""
    page.evaluate(
        """(name) => [...document.querySelectorAll("#tabs > .tab-wrapper [role=tab], "
          + "#tabs > .tab-wrapper .overflow-dropdown button")]
          .find((node) => node.textContent.trim() === name)?.click()""",
        name,
    )
    page.wait_for_timeout(1500)
    page.evaluate("scrollTo(0, 0)")


def photograph(page: Page, path: Path) -> int:
    """Write what the page shows; the number of bytes."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(path, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return path.stat().st_size


def generate(page: Page) -> None:
    """Press Generate with a prompt, and wait for the picture."""
    page.locator("#txt2img_prompt textarea").fill(PROMPTS[0])
    page.locator("#txt2img_batch_size input[type=number]").fill("4")
    page.locator("#txt2img_generate").click()
    page.wait_for_selector("#txt2img_gallery .ez-has-picture, #txt2img_gallery.ez-has-picture")
    page.wait_for_selector("body[data-easel_txt2img=idle]", state="attached")
    page.wait_for_timeout(800)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", choices=LOOKS, help="one look instead of all three")
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    total = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder), painted=False)
        server.start()
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("EASEL_CHROMIUM"), args=["--no-sandbox"]
        )
        try:
            prepare(server)
            for look in [given.only] if given.only else LOOKS:
                colours = "dark" if look == "dark" else "light"
                page = browser.new_page(viewport=LOOKS[look], color_scheme=colours)
                page.set_default_timeout(120_000)
                open_page(page, server)
                generate(page)
                for name, file in TABS.items():
                    open_tab(page, name)
                    total += photograph(page, out / f"{file}-{look}.jpg")
                page.close()
        finally:
            browser.close()
            server.stop()
    sys.stdout.write(f"pictures in {out}: {total / 1000:.0f} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
