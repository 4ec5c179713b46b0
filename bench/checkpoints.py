"""Checkpoints that benchmarks load: random weights, written when they are not there yet.

"tiny" ones show what does not depend on size; "small" ones are large enough for memory to be
weighed in minutes; the full sizes are those of SD 1.5 and SDXL. Knows no measurement.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench import layouts
from bench.layouts import ARCHITECTURES, Shape, UNet
from bench.random_checkpoint import write_random_checkpoint

FOLDER = Path(tempfile.gettempdir()) / "easel-bench"


def tiny() -> dict[str, Shape]:
    """About 3 MB in fp16, nearly all of it the vocabulary."""
    unet = UNet(32, (1, 2), (1, 0), 16, res_blocks=1)
    return {
        **dict(layouts.unet(unet)),
        **dict(layouts.vae(32, (1, 1, 1, 1), 1)),
        **dict(layouts.clip(layouts.CLIP, 16, 2)),
    }


def small() -> dict[str, Shape]:
    """SD 1.5 a third as wide: some 120 million weights."""
    unet = UNet(96, (1, 2, 4, 4), (1, 1, 1, 0), 256)
    return {
        **dict(layouts.unet(unet)),
        **dict(layouts.vae(64)),
        **dict(layouts.clip(layouts.CLIP, 256, 6)),
    }


SIZES = {"tiny": tiny, "small": small, **ARCHITECTURES}


def checkpoint(size: str, *, seed: int = 0, dtype: str = "fp16") -> Path:
    """The file of that size, seed and precision, in the folder of temporary files."""
    path = FOLDER / f"{size}-{dtype}-{seed}.safetensors"
    if not path.is_file():
        shapes: Mapping[str, Shape] = SIZES[size]()
        write_random_checkpoint(path, shapes, dtype=dtype, seed=seed)
    return path
