"""Whole pictures under every memory plan: the same bytes, with LoRAs and hires fix as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.making import make
from modules.generation.request import Hires, Request
from modules.networks.adapters import Adapter, Adapters
from modules.networks.economy import Economy, Storage
from modules.networks.fp8 import FP8
from modules.networks.model import Model
from modules.networks.models import Models
from modules.networks.plans import Wish
from modules.settings import Settings
from tests.tiny_checkpoint import write_tiny_checkpoint

LAYER = "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
HIRES = Request(
    prompt="a pear",
    seed=3,
    subseed=3,
    steps=2,
    width=64,
    height=64,
    sampler_name="Euler a",
    hires=Hires(scale=1.5, upscaler="Latent", denoising_strength=0.5),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("plans") / "tiny.safetensors")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def loaded(path: Path, wish: Wish = "auto", storage: Storage = "plain") -> Model:
    models = Models("cpu")
    models.economy = Economy(wish=lambda _: wish, storage=lambda _: storage)
    return models.get(path)


def test_a_picture_is_the_same_wherever_the_weights_lie(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    generator = torch.Generator().manual_seed(1)
    save_file(
        {
            f"lora_unet_{LAYER}.lora_up.weight": torch.randn(32, 2, generator=generator),
            f"lora_unet_{LAYER}.lora_down.weight": torch.randn(2, 16, generator=generator),
        },
        file,
    )
    found = []
    wishes: tuple[Wish, ...] = ("all", "turns", "stream")
    for wish in wishes:
        model = loaded(path, wish)
        assert model.plan.kind == wish
        plain = make(model, HIRES)
        adapters = Adapters(model)
        assert adapters.use([Adapter("lora", file)]) == {}
        worn = make(model, HIRES)
        adapters.clear()
        assert make(model, HIRES) == plain != worn
        found.append((plain, worn))
    assert found[0] == found[1] == found[2]


def test_narrow_weights_make_another_picture_and_its_infotext_says_so(path: Path) -> None:
    settings = Settings().with_changes({"fp8_storage": "Enable", "cache_fp16_weight": True})
    model = loaded(path, storage="fp8 and wide")
    assert model.unet.conv_in.weight.dtype == FP8 and model.dtype == torch.float32
    (narrow,) = make(model, HIRES, settings)
    (wide,) = make(loaded(path), HIRES)
    assert narrow != wide
    assert b"FP8 weight: Enable, Cache FP16 weight for LoRA: True" in narrow


def test_a_checkpoint_is_loaded_anew_for_another_storage(path: Path) -> None:
    models = Models("cpu")
    wide = models.get(path)
    models.economy = Economy(storage=lambda _: "fp8")
    assert not models.has(path)
    narrow = models.get(path)
    assert narrow is not wide and narrow.storage == "fp8" and models.has(path)
