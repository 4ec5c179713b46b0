"""Each family's tiny checkpoint is recognised, loads whole, and answers as that family does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench import layouts
from modules.diffusion.noise_schedule import SigmaTable
from modules.networks.model import Model
from modules.networks.models import Models
from tests import tiny_families as families
from tests.unit.networks.chunks import chunk

Load = Callable[[str], Model]

# family, what joins the latent, prediction, vector's numbers beside the pooled text
KINDS = {
    "sd1": ("sd1", "none", "epsilon", 0),
    "sd1-inpaint": ("sd1", "inpaint", "epsilon", 0),
    "sd1-edit": ("sd1", "edit", "epsilon", 0),
    "sd2": ("sd2", "none", "epsilon", 0),
    "sd2-v": ("sd2", "none", "v", 0),
    "sd2-sgm": ("sd2", "none", "epsilon", 0),
    "sd2-inpaint": ("sd2", "inpaint", "epsilon", 0),
    "sdxl": ("sdxl", "none", "epsilon", 6),
    "sdxl-inpaint": ("sdxl", "inpaint", "epsilon", 6),
    "sdxl-refiner": ("sdxl-refiner", "none", "epsilon", 5),
    "ssd-1b": ("sdxl", "none", "epsilon", 6),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_family_is_recognised_and_answers(family_model: Load, kind: str) -> None:
    model = family_model(kind)
    spec = model.spec
    found = (spec.family, spec.image_inputs, spec.prediction, spec.size_numbers)
    assert found == KINDS[kind]
    encoded = model.encode_text([[chunk(320, 2368)], [chunk(525)]])
    assert encoded.tokens.shape == (2, 77, spec.context_width)
    vector = concat = None
    if spec.size_numbers:
        assert encoded.pooled is not None and encoded.pooled.dtype == torch.float32
        sizes = model.size_vector([64.0] * spec.size_numbers)
        vector = torch.cat([encoded.pooled, sizes.expand(2, -1)], dim=1)
    else:
        assert encoded.pooled is None
    if spec.image_inputs != "none":
        concat = torch.randn(2, spec.unet.in_channels - 4, 8, 8)
    answer = model.predict(
        torch.randn(2, 4, 8, 8),
        torch.tensor([500.0]),
        cross_attention=encoded.tokens,
        vector=vector,
        concat=concat,
    )
    assert answer.shape == (2, 4, 8, 8) and answer.isfinite().all()


def test_moving_averages_do_not_stand_in_for_the_weights(
    family_model: Load, tmp_path: Path
) -> None:
    key = layouts.UNET + "out.2.bias"
    average = {"model_ema." + key.removeprefix("model.").replace(".", ""): torch.full((4,), 9.0)}
    path = families.write_tiny_family(tmp_path / "a.safetensors", "sdxl", extra=average)
    model = Models("cpu").get(path)
    bias = model.unet.get_parameter("conv_out.bias")
    assert torch.equal(bias, family_model("sdxl").unet.get_parameter("conv_out.bias"))


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_only_sd1_and_sd2_take_a_noise_schedule_from_the_file(tmp_path: Path, family: str) -> None:
    alphas = torch.linspace(0.99, 0.01, 1000)
    path = families.write_tiny_family(
        tmp_path / "a.safetensors", family, extra={"alphas_cumprod": alphas}
    )
    taken = torch.equal(Models("cpu").get(path).alphas_cumprod, alphas)
    assert taken is (family != "sdxl")


def test_another_vae_does_not_forget_that_v_is_predicted(tmp_path: Path) -> None:
    path = families.write_tiny_family(tmp_path / "a.safetensors", "sd2-v")
    vae = {k: v for k, v in families.family_weights("sd1", 3).items() if k.startswith("first_")}
    other = tmp_path / "vae.pt"
    torch.save(vae, other)
    models = Models("cpu")
    assert models.get(path).spec.prediction == "v"
    assert models.get(path, other).spec.prediction == "v"


def test_a_checkpoint_with_the_marker_ends_in_pure_noise(tmp_path: Path) -> None:
    path = families.write_tiny_family(tmp_path / "a.safetensors", "sdxl", extra=families.MARKERS)
    model = Models("cpu").get(path)
    assert (model.spec.prediction, model.spec.zero_snr) == ("v", True)
    assert SigmaTable(model.alphas_cumprod).sigma_max == pytest.approx(4518.76, rel=1e-3)
