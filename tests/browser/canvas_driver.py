"""Drives one canvas in a browser page, in picture pixels; the pictures that the tests load."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
GENERATOR = np.random.default_rng(7)
NOISE = GENERATOR.integers(0, 256, (96, 160, 3), dtype=np.uint8)
SEE_THROUGH = GENERATOR.integers(0, 256, (80, 80, 4), dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


RAMP = np.repeat(np.arange(160, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(96, axis=0)
PICTURES = {
    "/noise.png": png(NOISE),
    "/see-through.png": png(SEE_THROUGH),
    "/ramp.png": png(RAMP),
    "/broken.png": b"GIF",
}


@contextmanager
def open_browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Canvas:
    """A page with one canvas, driven in picture pixels."""

    def __init__(self, page):
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str, query: str = "") -> "Canvas":
        self.page.goto(f"{address}/{query}")
        self.root = self.page.locator(".easel-canvas")
        return self

    def do(self, code: str, argument=None):
        return self.page.evaluate(f"(argument) => {{ return {code} }}", argument)

    def at(self, x: float, y: float) -> tuple[float, float]:
        box = self.page.locator(".ec-view").bounding_box()
        width, height = self.do("canvas.size")
        return box["x"] + x * box["width"] / width, box["y"] + y * box["height"] / height

    def drag(self, *points: tuple[float, float], steps: int = 5) -> None:
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=steps)
        self.page.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def load(self, path: str) -> None:
        self.do("canvas.loadImage(argument)", path)

    def attribute(self, name: str) -> str:
        return self.root.get_attribute(f"data-{name}")

    def composite(self) -> np.ndarray:
        """(height, width, 4) straight RGBA."""
        text = self.do("Array.from(canvas.composite(), (v) => String.fromCharCode(v)).join('')")
        width, height = self.do("canvas.size")
        return np.frombuffer(text.encode("latin-1"), np.uint8).reshape(height, width, 4)

    def exported(self, layer: str) -> bytes:
        code = """(async (layer) => {
            const layers = await canvas.exportLayers();
            const blob = layer === "original" ? layers.background.original : layers[layer];
            const bytes = new Uint8Array(await blob.arrayBuffer());
            return btoa(Array.from(bytes, (v) => String.fromCharCode(v)).join(""));
        })(argument)"""
        return base64.b64decode(self.do(code, layer))

    def layer(self, layer: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.exported(layer))).convert("RGBA"))


def changed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """Bounding box of what differs, as left, top, right, bottom (exclusive)."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
