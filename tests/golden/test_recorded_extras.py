"""Pictures that AUTOMATIC1111's Extras made larger, made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modules.generation.extras import Extras
from modules.postprocess.extras import work_over

NAMES = {
    "upscaling_resize": "factor",
    "upscaling_resize_w": "width",
    "upscaling_resize_h": "height",
    "upscaling_crop": "crop",
    "upscaler_1": "upscaler_1",
    "upscaler_2": "upscaler_2",
    "extras_upscaler_2_visibility": "upscaler_2_visibility",
}


def cases(folder: Path) -> list[str]:
    index = json.loads((folder / "index.json").read_text())["cases"]
    return [case["name"] for case in index if case["group"] == "extras"]


def test_extras_makes_the_recorded_pictures(golden_folder: Path) -> None:
    names = cases(golden_folder)
    assert names
    for name in names:
        folder = golden_folder / "cases" / name
        body: dict[str, Any] = json.loads((folder / "request.json").read_text())
        values = {ours: body[theirs] for theirs, ours in NAMES.items() if theirs in body}
        wish = Extras(images=("0" * 64,), to_size=body.get("resize_mode") == 1, **values)
        image = Image.open(golden_folder / "inputs" / body["image"].removeprefix("@"))
        ours, _ = work_over(image, wish, max_pixels=1 << 24)
        theirs = Image.open(folder / "image-0.png")
        assert ours.size == theirs.size, name
        off = np.abs(np.asarray(ours, np.int16) - np.asarray(theirs.convert("RGB"), np.int16))
        assert off.max() <= 1, (name, off.max())
