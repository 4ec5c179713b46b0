"""Each family beside diffusers and transformers, which read the same weights.

Their converters know the original layouts independently of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from bench import layouts
from modules.networks.model import Model
from modules.networks.models import Models
from tests import tiny_families as families
from tests.unit.networks.chunks import chunk

Load = Callable[[str], Model]

# What stands in the configuration of such a U-Net: kinds of blocks, depths, widths, text width.
LEVELS = {
    "sd2": (("CrossAttn", ""), (1, 1), (32, 64), 24),
    "sd2-inpaint": (("CrossAttn", ""), (1, 1), (32, 64), 24),
    "sdxl": (("", "CrossAttn", "CrossAttn"), (1, 1, 2), (32, 64, 64), 40),
    "sdxl-refiner": (("", "CrossAttn", "CrossAttn", ""), (2, 2, 2, 2), (32, 64, 64, 64), 24),
    "ssd-1b": (("", "CrossAttn", "CrossAttn"), (1, 2, 1), (32, 64, 64), 40),
}
SAMPLE = chunk(320, 2368)
SIZES = [96, 80, 8, 16, 72, 88]


def diffusers_unet(family: str, sizes: int) -> UNet2DConditionModel:
    """Diffusers' own U-Net of that family, filled by diffusers' converter."""
    weights = {name: value.float() for name, value in families.family_weights(family).items()}
    kinds, depths, widths, text_width = LEVELS[family]
    config: dict[str, Any] = {
        "in_channels": weights[layouts.UNET + "input_blocks.0.0.weight"].shape[1],
        "block_out_channels": widths,
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
        "layers_per_block": 1,
        "transformer_layers_per_block": depths,
        "attention_head_dim": tuple(max(1, width // 64) for width in widths),
        "cross_attention_dim": text_width,
        "use_linear_projection": True,
    }
    if family == "ssd-1b":
        config["mid_block_type"] = "UNetMidBlock2D"
        config["reverse_transformer_layers_per_block"] = [[1, 3], [2, 1], 1]
    if sizes:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 24 + 256 * sizes,
        }
    unet = UNet2DConditionModel(**config)
    converted = single_file_utils.convert_ldm_unet_checkpoint(weights, dict(unet.config))
    unet.load_state_dict(converted)
    return unet.eval()


@pytest.mark.parametrize("family", LEVELS)
@torch.no_grad()
def test_a_unet_predicts_what_diffusers_predicts(family_model: Load, family: str) -> None:
    model = family_model(family)
    sizes = SIZES[: model.spec.size_numbers]
    theirs = diffusers_unet(family, len(sizes))
    generator = torch.Generator().manual_seed(5)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    x, text, pooled = noise(2, 4, 8, 8), noise(2, 77, model.spec.context_width), noise(2, 24)
    concat = noise(2, 5, 8, 8) if family == "sd2-inpaint" else None
    vector, added = None, None
    if sizes:
        vector = torch.cat([pooled, model.size_vector(sizes).expand(2, -1)], dim=1)
        added = {"text_embeds": pooled, "time_ids": torch.tensor([sizes, sizes])}
    t = torch.tensor([700.0, 12.0])
    ours = model.predict(x, t, cross_attention=text, vector=vector, concat=concat)
    whole = x if concat is None else torch.cat([x, concat], dim=1)
    answer = theirs(whole, t, encoder_hidden_states=text, added_cond_kwargs=added).sample
    assert torch.allclose(ours, answer, atol=2e-5), (ours - answer).abs().max()


@torch.no_grad()
def test_the_second_text_encoder_reads_what_transformers_reads(family_model: Load) -> None:
    """Fed with ids that are padded with 0 after the end mark, as OpenCLIP's are."""
    config = CLIPTextConfig(
        hidden_size=24,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=1,
        projection_dim=24,
        hidden_act="gelu",
        vocab_size=layouts.VOCABULARY,
    )
    theirs = CLIPTextModelWithProjection(config).eval()
    weights = {name: value.float() for name, value in families.family_weights("sdxl").items()}
    converted = single_file_utils.convert_open_clip_checkpoint(
        theirs, weights, prefix=layouts.XL_OPEN_CLIP
    )
    theirs.load_state_dict(converted)
    ids = torch.tensor([[*SAMPLE.ids[:4], *[0] * 73]])
    answer = theirs(ids, output_hidden_states=True)
    ours = family_model("sdxl").encode_text([[SAMPLE]])
    assert ours.pooled is not None
    assert torch.allclose(ours.tokens[:, :, 16:], answer.hidden_states[-2], atol=1e-5)
    assert torch.allclose(ours.pooled, answer.text_embeds, atol=1e-5)


@pytest.mark.parametrize("family", ["sd2-v", "sdxl", "sdxl-refiner", "sd1-inpaint", "ssd-1b"])
def test_a_diffusers_folder_is_the_same_model(
    family_model: Load, tmp_path: Path, family: str
) -> None:
    one = family_model(family)
    other = Models("cpu").get(families.write_family_folder(tmp_path / family, family))
    assert (other.spec.family, other.spec.prediction) == (one.spec.family, one.spec.prediction)
    assert (other.spec.unet, other.spec.latent_scale) == (one.spec.unet, one.spec.latent_scale)
    ours, theirs = (model.encode_text([[SAMPLE]]) for model in (one, other))
    assert torch.equal(ours.tokens, theirs.tokens)
    vector = None
    if ours.pooled is not None and theirs.pooled is not None:
        assert torch.equal(ours.pooled, theirs.pooled)
        sizes = one.size_vector([64.0] * one.spec.size_numbers)
        vector = torch.cat([ours.pooled, sizes[None]], dim=1)
    x = torch.randn(1, one.spec.unet.in_channels, 8, 8, generator=torch.Generator().manual_seed(2))
    answers = [
        model.predict(x, torch.tensor([300.0]), cross_attention=ours.tokens, vector=vector)
        for model in (one, other)
    ]
    assert torch.equal(*answers)
