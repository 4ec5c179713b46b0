"""Claims about the shipped built-in checkpoint, read from its header alone."""

import json
import struct
from math import prod
from pathlib import Path

import pytest

from modules.training.builtin import world

SHIPPED = Path(__file__).parents[3] / "models" / "Stable-diffusion" / "easel-builtin.safetensors"
TEXT = "cond_stage_model.transformer.text_model."


@pytest.fixture(scope="module")
def header():
    with SHIPPED.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


def test_the_shipped_checkpoint_is_small_enough_for_the_repository():
    assert SHIPPED.stat().st_size <= 20_000_000


def test_the_shipped_checkpoint_says_what_it_is_and_what_it_does_otherwise(header):
    metadata = header["__metadata__"]

    assert metadata["modelspec.architecture"] == "stable-diffusion-v1"
    assert metadata["modelspec.license"] == "CC0-1.0"
    assert metadata["modelspec.resolution"] == "128x128"
    assert metadata["modelspec.title"] and "steps of" in metadata["modelspec.description"]
    assert metadata["easel.world"] == world.NAME, "the recipe's words are not the file's"
    widths = [
        tensor["shape"][0]
        for name, tensor in header.items()
        if name.startswith("model.diffusion_model.") and name.endswith("in_layers.0.weight")
    ]
    assert widths and all(width % int(metadata["easel.unet_norm_groups"]) == 0 for width in widths)
    assert len(json.loads(metadata["easel.preview_matrix"])) == 5


def test_the_shipped_checkpoint_holds_three_networks_and_clips_whole_token_table(header):
    table = header[TEXT + "embeddings.token_embedding.weight"]
    parts = {name.split(".")[0] for name in header} - {"__metadata__"}

    assert parts == {"model", "first_stage_model", "cond_stage_model"}
    assert table["dtype"] == "F8_E4M3" and table["shape"] == [49_408, 96]
    unet = [t["shape"] for name, t in header.items() if name.startswith("model.")]
    assert 2_000_000 < sum(prod(shape) for shape in unet) < 6_000_000
