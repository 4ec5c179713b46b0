"""Attention in fp32: as diffusers' own where all is fp32, closer to the truth where it is not."""

import copy

import torch

from modules.networks.attached import structure
from modules.networks.attention import compute_in_fp32
from modules.networks.model import Model


def inputs(model: Model, dtype: torch.dtype) -> dict:
    generator = torch.Generator().manual_seed(2)
    context = torch.randn((2, 77, model.spec.context_width), generator=generator).to(dtype)
    x = torch.randn((2, 4, 16, 16), generator=generator).to(dtype)
    return {"sample": x, "timestep": torch.tensor([500, 20]), "encoder_hidden_states": context}


@torch.no_grad()
def test_it_changes_no_bit_of_fp32_and_brings_fp16_nearer_and_is_told_to_recordings(
    model: Model,
) -> None:
    unet = copy.deepcopy(model.unet)
    plain = unet(**inputs(model, torch.float32)).sample
    before = structure(unet)
    compute_in_fp32(unet, True)
    assert structure(unet) != before
    assert torch.equal(unet(**inputs(model, torch.float32)).sample, plain)

    narrow = unet.half()
    wide = narrow(**inputs(model, torch.float16)).sample
    compute_in_fp32(narrow, False)
    own = narrow(**inputs(model, torch.float16)).sample
    assert wide.dtype == torch.float16
    assert not torch.equal(wide, own)
    assert (wide.float() - plain).abs().mean() <= 1.05 * (own.float() - plain).abs().mean()
