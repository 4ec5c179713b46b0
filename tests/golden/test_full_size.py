"""Full-size checkpoints of random weights are written, loaded, and make a small picture."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from bench.layouts import ARCHITECTURES
from bench.making import Unwatched
from bench.random_checkpoint import size_of, write_random_checkpoint
from modules.engine.engine import generate
from modules.engine.fields import Sources
from modules.generation.request import Request
from modules.generation.tokens import load_tokenizer
from modules.networks.models import Models
from modules.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ROOM = 2 * 10**9  # bytes of memory beside the weights


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """The checkpoint of that architecture; skips where disk or memory do not suffice."""

    def written(architecture: str) -> Path:
        shapes = ARCHITECTURES[architecture]()
        file, weights = size_of(shapes, "fp16"), size_of(shapes, "fp32")
        for what, needed, free in (
            ("disk", file, shutil.disk_usage(tmp_path).free),
            ("memory", weights + ROOM, psutil.virtual_memory().available),
        ):
            if free < needed:
                pytest.skip(f"{what} is short: {needed / 1e9:.0f} GB needed, {free / 1e9:.0f} free")
        return write_random_checkpoint(tmp_path / f"{architecture}.safetensors", shapes)

    return written


@pytest.mark.full
@pytest.mark.parametrize(("architecture", "family"), [("sd15", "sd1"), ("sdxl", "sdxl")])
def test_a_full_size_checkpoint_makes_a_picture(
    write: Callable[[str], Path], architecture: str, family: str
) -> None:
    path = write(architecture)
    model = Models("cpu").get(path)
    assert model.spec.family == family and model.dtype == torch.float32
    outputs = generate(
        Request(prompt="a (red:1.2) pear", seed=5, subseed=6, width=64, height=64, steps=2),
        Settings(),
        model=model,
        tokenizer=load_tokenizer(ROOT / "configs"),
        input_bytes={}.__getitem__,
        indexes=[0],
        control=Unwatched(),
        sources=Sources(model_name=path.stem, model_hash=lambda: None),
    )
    (output,) = outputs
    picture = np.asarray(Image.open(io.BytesIO(output.data)).convert("RGB"))
    assert picture.shape == (64, 64, 3) and picture.std() > 1
    path.unlink()
