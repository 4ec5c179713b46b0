"""What a training run shows: curves of its figures and sheets of pictures, as PNG files.

Knows nothing of networks; takes numbers and uint8 pictures.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#0a7ea4", "#bf3989", "#57606a")


class Curves:
    """Rows of (step, name, value) and their drawing; values at or below 0 are left out of it."""

    def __init__(self, rows: Sequence[tuple[int, str, float]] = ()) -> None:
        self.rows = [(int(step), str(name), float(value)) for step, name, value in rows]

    def add(self, step: int, values: dict[str, float]) -> None:
        self.rows.extend((step, name, float(value)) for name, value in values.items())

    def series(self) -> dict[str, list[tuple[int, float]]]:
        """Points (step, value) by name, in order of appearance."""
        found: dict[str, list[tuple[int, float]]] = {}
        for step, name, value in self.rows:
            if value > 0 and math.isfinite(value):
                found.setdefault(name, []).append((step, value))
        return found

    def draw(self, path: Path) -> None:
        """Draws every series on a logarithmic scale of its own name's decade range."""
        series = self.series()
        if not series:
            return
        width, height, margin = 900, 460, 46
        picture = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(picture)
        points = [point for line in series.values() for point in line]
        low = math.floor(math.log10(min(value for _, value in points)))
        high = math.ceil(math.log10(max(value for _, value in points)) + 1e-9)
        last = max(max(step for step, _ in points), 1)
        for decade in range(low, high + 1):
            y = margin / 2 + (height - margin) * (high - decade) / max(high - low, 1)
            pen.line((margin, y, width - 150, y), fill="#d0d7de")
            pen.text((4, y - 6), f"1e{decade}", fill="#57606a")
        pen.text((width - 200, height - 18), f"step {last}", fill="#57606a")
        for number, (name, line) in enumerate(series.items()):
            colour = COLOURS[number % len(COLOURS)]
            corners = [
                (
                    margin + (width - 150 - margin) * step / last,
                    margin / 2
                    + (height - margin) * (high - math.log10(value)) / max(high - low, 1),
                )
                for step, value in line
            ]
            pen.line(corners if len(corners) > 1 else corners * 2, fill=colour, width=2)
            pen.text((width - 144, 14 + 15 * number), f"{name} {line[-1][1]:.3g}", fill=colour)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)


def sheet(pictures: Sequence[NDArray[np.uint8]], columns: int, gap: int = 2) -> Image.Image:
    """Equal pictures (H, W, 3) in rows of `columns`, with a thin line between."""
    high, wide = pictures[0].shape[:2]
    rows = math.ceil(len(pictures) / columns)
    whole = Image.new("RGB", (columns * (wide + gap) - gap, rows * (high + gap) - gap), "#808080")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        whole.paste(Image.fromarray(picture), (column * (wide + gap), row * (high + gap)))
    return whole
