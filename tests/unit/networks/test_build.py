"""Modules are laid out, filled completely, and compute what the original computes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.upsampling import Upsample2D
from safetensors.torch import save_file
from torch import nn

from modules.errors import CheckpointError
from modules.networks import build
from modules.networks.model import Model
from modules.networks.placement import Placement
from modules.networks.sources import open_file
from modules.networks.weights import read_state
from tests import tiny_checkpoint as tiny

CPU = torch.device("cpu")


def fill_unet(path: Path, dtype: torch.dtype = torch.float32) -> UNet2DConditionModel:
    source = open_file(path)
    unet = build.empty_unet(source.spec.unet)
    wanted = build.parameter_shapes(unet)
    keys = source.unet.keys(wanted)
    Placement(CPU).fill(unet, build.weights_of(wanted, source.unet.state, keys), dtype)
    return unet


def test_an_odd_feature_map_is_doubled_convolved_and_only_then_resized() -> None:
    conv = nn.Conv2d(2, 2, 3, padding=1)
    hidden = torch.randn(1, 2, 3, 4)
    expected = conv(hidden.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))[:, :, :, :]
    upsample = build.SkipSizedUpsample(conv)
    assert torch.allclose(upsample(hidden), expected)
    fitted = upsample(hidden, torch.Size((5, 7)))
    rows, columns = [i * 6 // 5 for i in range(5)], [i * 8 // 7 for i in range(7)]
    assert torch.allclose(fitted, expected[:, :, rows][:, :, :, columns])


def test_only_our_unet_has_our_upsampling_diffusers_own_class_stays(model: Model) -> None:
    before = Upsample2D.forward
    kinds = [type(m) for m in model.unet.modules() if isinstance(m, build.SkipSizedUpsample)]
    assert len(kinds) == 1
    assert not any(isinstance(m, Upsample2D) for m in model.unet.modules())
    assert Upsample2D.forward is before and Upsample2D.forward.__module__.startswith("diffusers.")


@pytest.mark.parametrize(("side", "same"), [(8, True), (7, False)])
def test_even_sizes_agree_with_diffusers_and_odd_ones_do_not(
    model: Model, side: int, same: bool
) -> None:
    """The difference is the reason for our own upsampling; recorded cases prove which is right."""
    theirs = UNet2DConditionModel(**model.unet.config)
    theirs.load_state_dict(model.unet.state_dict())
    x, context = torch.randn(1, 4, side, side), torch.randn(1, 77, 16)
    with torch.no_grad():
        ours = model.unet(x, torch.tensor([500.0]), encoder_hidden_states=context).sample
        reference = theirs.eval()(x, torch.tensor([500.0]), encoder_hidden_states=context).sample
    assert ours.shape == reference.shape == x.shape
    assert torch.allclose(ours, reference, atol=1e-5) is same


def test_weights_are_cast_and_none_stays_empty(tiny_files: Callable[[str], Path]) -> None:
    unet = fill_unet(tiny_files("single.safetensors"))
    assert {p.dtype for p in unet.parameters()} == {torch.float32}
    assert not any(p.is_meta or p.requires_grad for p in unet.parameters()) and not unet.training
    name = tiny.UNET + "input_blocks.0.0.weight"
    assert torch.equal(unet.conv_in.weight, tiny.tiny_weights()[name].float())


def test_eight_bit_weights_are_cast_too(tmp_path: Path) -> None:
    weights = {
        name: value.to(torch.float8_e4m3fn) if name.startswith(tiny.UNET) else value
        for name, value in tiny.tiny_weights().items()
    }
    save_file(weights, tmp_path / "a.safetensors")
    unet = fill_unet(tmp_path / "a.safetensors")
    name = tiny.UNET + "out.2.weight"
    assert torch.equal(unet.conv_out.weight, weights[name].float())


@pytest.mark.parametrize(("shift", "copied"), [(0, False), (1, True)])
def test_fp32_weights_stay_in_the_file_unless_they_lie_at_odd_addresses(
    tmp_path: Path, shift: int, copied: bool
) -> None:
    path = tiny.write_tiny_checkpoint(tmp_path / "a.safetensors", dtype=torch.float32)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + length] + b" " * shift
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])
    source = open_file(path)
    unet = build.empty_unet(source.spec.unet)
    wanted = build.parameter_shapes(unet)
    keys = source.unet.keys(wanted)
    weights = build.weights_of(wanted, source.unet.state, keys)
    Placement(CPU).fill(unet, weights, torch.float32)
    in_file = source.unet.state[keys["conv_in.weight"]]
    assert (unet.conv_in.weight.data_ptr() != in_file.data_ptr()) is copied
    assert torch.equal(unet.conv_in.weight, in_file)
    assert all(parameter.data_ptr() % 4 == 0 for parameter in unet.parameters())


@pytest.mark.parametrize("count", [1, 5])
def test_missing_weights_are_listed_and_not_invented(tmp_path: Path, count: int) -> None:
    weights = dict(tiny.tiny_weights())
    gone = [name for name in weights if name.startswith(tiny.UNET + "output_blocks.0.0")][:count]
    for name in gone:
        del weights[name]
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError) as caught:
        fill_unet(tmp_path / "a.safetensors")
    assert "a.safetensors lacks" in caught.value.message
    assert all(name in caught.value.message for name in gone[:3])
    assert ("and 2 more" in caught.value.message) is (count == 5)


def test_a_weight_of_the_wrong_shape_is_named(tmp_path: Path) -> None:
    name = tiny.UNET + "middle_block.0.in_layers.2.weight"
    weights = {**tiny.tiny_weights(), name: torch.zeros(64, 32, 3, 3)}
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=rf"{name} has the shape \[64, 32, 3, 3\]"):
        fill_unet(tmp_path / "a.safetensors")


def test_keys_that_no_module_knows_are_ignored(tmp_path: Path) -> None:
    extra = {"model_ema.decay": torch.ones(()), "cond_stage_model.logit_scale": torch.ones(())}
    path = tiny.write_tiny_checkpoint(tmp_path / "a.safetensors", extra=extra)
    assert "model_ema.decay" in read_state(path)
    fill_unet(path)
