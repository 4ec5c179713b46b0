"""Text encoder, U-Net and VAE against what the original recorded.

The recorded latents decode to the recorded pictures, and one step of the recorded Euler runs leads
from each recorded state to the next: the three networks compute what the original's do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import CLIPTokenizer

from modules.diffusion.noise_schedule import SigmaTable
from modules.networks.model import Model
from modules.networks.models import Models

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = 49406, 49407


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose by sharing their work out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def tokenizer() -> CLIPTokenizer:
    folder = ROOT / "configs" / "clip"
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


@pytest.fixture(scope="module")
def model(golden_folder: Path) -> Model:
    """The checkpoint that the cases were recorded with."""
    return Models("cpu").get(golden_folder / "tiny-sd1.safetensors")


class PlainChunk:
    """A short text without weights, tokenised by transformers."""

    weights = (1.0,) * 77
    placements = ()

    def __init__(self, text: str) -> None:
        ids = tokenizer()(text, add_special_tokens=False)["input_ids"]
        self.ids = (BEGIN, *ids, *(END,) * (76 - len(ids)))


def recorded(golden_folder: Path, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = golden_folder / "cases" / name
    with np.load(folder / "latent-0.npz") as arrays:
        return json.loads((folder / "request.json").read_text()), dict(arrays)


def to_pixels(decoded: Tensor) -> np.ndarray[Any, Any]:
    """(1, 3, H, W) to (H, W, 3) uint8, truncated as the original does."""
    scaled = 255 * ((decoded[0] + 1) / 2).clamp(0, 1)
    return scaled.permute(1, 2, 0).numpy().astype(np.uint8)


def test_the_recorded_checkpoint_is_what_its_readme_says(model: Model) -> None:
    spec = model.spec
    assert spec.unet.level_widths == (32, 64, 128, 128) and spec.unet.res_blocks == (2, 2, 2, 2)
    assert set(spec.unet.heads) == {8} and spec.unet.context_width == 64
    assert (spec.texts[0].width, spec.texts[0].layers, spec.texts[0].heads) == (64, 12, 1)


@pytest.mark.parametrize(
    "name",
    ["008-sampler-cpu-euler", "267-size-72x88", "121-clip-skip-2", "179-i2i-euler-d0.75"],
)
def test_a_recorded_latent_decodes_to_the_recorded_picture(
    golden_folder: Path, model: Model, name: str
) -> None:
    _, arrays = recorded(golden_folder, name)
    ours = to_pixels(model.decode(torch.from_numpy(arrays["latent"])))
    with Image.open(golden_folder / "cases" / name / "image-0.png") as image:
        theirs = np.asarray(image.convert("RGB"))
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.001


def test_a_recorded_tiling_latent_decodes_to_its_picture_only_when_tiling(
    golden_folder: Path, model: Model
) -> None:
    name = "156-tiling-true"
    latent = torch.from_numpy(recorded(golden_folder, name)[1]["latent"])
    with model.tiling():
        wrapped = to_pixels(model.decode(latent))
    plain = to_pixels(model.decode(latent))
    with Image.open(golden_folder / "cases" / name / "image-0.png") as image:
        theirs = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(wrapped - theirs).max() <= 1 < np.abs(plain - theirs).max()


@pytest.mark.parametrize(
    ("name", "clip_skip"),
    [("008-sampler-cpu-euler", 1), ("267-size-72x88", 1), ("121-clip-skip-2", 2)],
)
def test_each_recorded_step_leads_to_the_next(
    golden_folder: Path, model: Model, name: str, clip_skip: int
) -> None:
    """Euler: x + eps * (sigma_next - sigma), eps guided; 72x88 has odd sizes at every level."""
    request, arrays = recorded(golden_folder, name)
    texts = [request["prompt"], request.get("negative_prompt", "")]
    encoded = [model.encode_text([[PlainChunk(text)]], clip_skip=clip_skip) for text in texts]
    both = torch.cat([text.tokens for text in encoded])
    table = SigmaTable(model.alphas_cumprod)
    sigmas = [*torch.tensor(arrays["sigma_or_t"], dtype=torch.float32), torch.tensor(0.0)]
    states = torch.from_numpy(np.concatenate([arrays["x_row0"], arrays["latent"]]))
    for i, x in enumerate(states[:-1, None]):
        scaled = x / (sigmas[i] ** 2 + 1).sqrt()
        t = table.sigma_to_t(sigmas[i])
        positive, negative = model.predict(scaled.repeat(2, 1, 1, 1), t, cross_attention=both)
        noise = negative + request["cfg_scale"] * (positive - negative)
        reached = x[0] + noise * (sigmas[i + 1] - sigmas[i])
        assert torch.allclose(reached, states[i + 1], atol=2e-4), f"step {i}"
