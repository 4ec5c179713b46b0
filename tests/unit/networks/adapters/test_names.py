"""Names as training programs write them, for whole models on the meta device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from modules.networks import build
from modules.networks.adapters.names import Names, Target
from modules.networks.spec import TextSpec, UNetSpec

CLIP_L = TextSpec(width=768, layers=12, heads=12, inner_width=3072)
CLIP_H = TextSpec(width=1024, layers=23, heads=16, inner_width=4096, kind="open_clip")
CLIP_G = TextSpec(width=1280, layers=32, heads=20, inner_width=5120, kind="open_clip")
TEXTS = {"SD1": (CLIP_L,), "SD2": (CLIP_H,), "SDXL": (CLIP_L, CLIP_G)}

# What the published diffusers folders say in unet/config.json, besides diffusers' defaults.
CONFIGS: dict[str, dict[str, Any]] = {
    "SD1": {"cross_attention_dim": 768, "attention_head_dim": 8},
    "SD2": {
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
    },
    "SDXL": {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
SPECS = {
    name: UNetSpec(
        in_channels=4,
        out_channels=4,
        level_widths=CONFIGS[name].get("block_out_channels", (320, 640, 1280, 1280)),
        res_blocks=(2,) * (3 if name == "SDXL" else 4),
        attention_depth=(0, 2, 10) if name == "SDXL" else (1, 1, 1, 0),
        middle_depth=10 if name == "SDXL" else 1,
        heads=(8, 8, 8, 8) if name == "SD1" else CONFIGS[name]["attention_head_dim"],
        context_width=CONFIGS[name]["cross_attention_dim"],
        linear_projection=name != "SD1",
        vector_width=2816 if name == "SDXL" else 0,
    )
    for name in CONFIGS
}
# Modules that kohya's trainer gives a LoRA: in the U-Net without and with convolutions, the texts.
COUNTS = {"SD1": (192, 278, 72), "SD2": (192, 278, 138), "SDXL": (722, 788, 264)}

ADAPTED = ("Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D")


@cache
def published(family: str) -> nn.Module:
    """diffusers' own U-Net of that family."""
    with torch.device("meta"):
        return UNet2DConditionModel(**CONFIGS[family])


@cache
def names(family: str) -> Names:
    texts = [build.empty_text_encoder(spec) for spec in TEXTS[family]]
    return Names(build.empty_unet(SPECS[family]), SPECS[family], texts, TEXTS[family])


def trained(family: str) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of all that kohya's trainer gives a LoRA in a U-Net."""
    for path, module in published(family).named_modules():
        if type(module).__name__ in ADAPTED:
            for inner, leaf in module.named_modules():
                if isinstance(leaf, nn.Linear | nn.Conv2d):
                    yield f"{path}.{inner}", leaf


def of_the_original(path: str) -> str:
    """Latent diffusion's name with underscores (A1111 numerics 11.1, as a formula)."""
    i, j, k = r"(\d+)", r"(\d+)", r"(\d+)"
    path = path.replace(".", "_")
    inside = {
        "conv1": "in_layers_2",
        "conv2": "out_layers_3",
        "norm1": "in_layers_0",
        "norm2": "out_layers_0",
        "time_emb_proj": "emb_layers_1",
        "conv_shortcut": "skip_connection",
    }
    if found := re.fullmatch(rf"down_blocks_{i}_attentions_{j}_(.*)", path):
        return f"input_blocks_{1 + 3 * int(found[1]) + int(found[2])}_1_{found[3]}"
    if found := re.fullmatch(rf"down_blocks_{i}_resnets_{j}_(.*)", path):
        return f"input_blocks_{1 + 3 * int(found[1]) + int(found[2])}_0_{inside[found[3]]}"
    if found := re.fullmatch(rf"down_blocks_{i}_downsamplers_0_conv", path):
        return f"input_blocks_{3 + 3 * int(found[1])}_0_op"
    if found := re.fullmatch(rf"up_blocks_{i}_(attentions|resnets)_{k}_(.*)", path):
        resnet = found[2] == "resnets"
        rest = inside[found[4]] if resnet else found[4]
        return f"output_blocks_{3 * int(found[1]) + int(found[3])}_{0 if resnet else 1}_{rest}"
    if found := re.fullmatch(rf"up_blocks_{i}_upsamplers_0_conv", path):
        return f"output_blocks_{2 + 3 * int(found[1])}_X_conv"
    if found := re.fullmatch(r"mid_block_attentions_0_(.*)", path):
        return f"middle_block_1_{found[1]}"
    found = re.fullmatch(rf"mid_block_resnets_{j}_(.*)", path)
    assert found, path
    return f"middle_block_{2 * int(found[1])}_{inside[found[2]]}"


def weight_shape(target: Target | None) -> tuple[int, ...]:
    assert target is not None
    return tuple(target.module.get_parameter("weight").shape)


FAMILIES = [*(pytest.param(name, marks=pytest.mark.full) for name in ("SD1", "SD2")), "SDXL"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_that_kohyas_trainer_writes_means_a_module_of_the_right_shape(family):
    found, linear = set(), 0
    for path, module in trained(family):
        target = names(family).find("lora_unet_" + path.replace(".", "_"))
        shape = tuple(module.get_parameter("weight").shape)
        assert weight_shape(target) == shape, path
        assert target is not None and not target.is_text and target.path == f"unet.{path}"
        found.add(target)
        linear += ".attentions." in path
    for index, spec in enumerate(TEXTS[family]):
        start = "lora_te" if len(TEXTS[family]) == 1 else f"lora_te{index + 1}"
        for layer in range(spec.layers):
            sides = {
                f"self_attn_{n}_proj": (spec.width, spec.width) for n in ("q", "k", "v", "out")
            }
            sides |= {
                "mlp_fc1": (spec.inner_width, spec.width),
                "mlp_fc2": (spec.width, spec.inner_width),
            }
            for part, shape in sides.items():
                name = f"{start}_text_model_encoder_layers_{layer}_{part}"
                target = names(family).find(name)
                assert weight_shape(target) == shape, name
                assert target is not None and target.is_text
                found.add(target)
    in_unet = sum(not target.is_text for target in found)
    assert (linear, in_unet, len(found) - in_unet) == COUNTS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_originals_names_mean_the_same_modules_as_diffusers(family):
    for path, _ in trained(family):
        name = of_the_original(path)
        expected = names(family).find(f"lora_unet_{path}")
        # An upsampler is the third of its block where there is an attention, else the second.
        choices = [name.replace("_X_", "_1_"), name.replace("_X_", "_2_")]
        found = {names(family).find(f"lora_unet_{each}") for each in choices} - {None}
        assert found == {expected}, path
    for ours, theirs in {
        "conv_in": "input_blocks_0_0",
        "conv_out": "out_2",
        "time_embedding_linear_1": "time_embed_0",
        "time_embedding_linear_2": "time_embed_2",
    }.items():
        assert names(family).find(f"lora_unet_{ours}") is names(family).find(f"lora_unet_{theirs}")


def test_sdxls_vector_embedding_has_both_names():
    for ours, theirs in {"1": "0", "2": "2"}.items():
        target = names("SDXL").find(f"lora_unet_add_embedding_linear_{ours}")
        assert target is not None
        assert target is names("SDXL").find(f"lora_unet_label_emb_0_{theirs}")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("unet.down_blocks.0.attentions.1.proj_in", "unet.down_blocks.0.attentions.1.proj_in"),
        ("base_model.model.mid_block.resnets.0.conv1", "unet.mid_block.resnets.0.conv1"),
        ("diffusion_model.out.2", "unet.conv_out"),
        ("lycoris_mid_block_resnets_1_norm1", "unet.mid_block.resnets.1.norm1"),
        ("lycoris_middle_block_2_in_layers_0", "unet.mid_block.resnets.1.norm1"),
        ("oft_unet_input_blocks_1_1_proj_in", "unet.down_blocks.0.attentions.0.proj_in"),
        (
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out",
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0",
        ),
        (
            "text_encoder.text_model.encoder.layers.3.mlp.fc1",
            "text_encoder.encoder.layers.3.mlp.fc1",
        ),
        ("text_encoder.encoder.layers.3.mlp.fc1", "text_encoder.encoder.layers.3.mlp.fc1"),
        (
            "lora_te1_text_model_encoder_layers_11_self_attn_q_proj",
            "text_encoder.encoder.layers.11.self_attn.q_proj",
        ),
    ],
)
def test_names_of_other_programs(name, path):
    target = names("SD1").find(name)
    assert target is not None
    assert target.path.replace("text_model.", "") == path


@pytest.mark.parametrize(
    "name",
    [
        "lora_unet_joint_blocks_0_x_block_attn_qkv",
        "lora_te2_text_model_encoder_layers_0_mlp_fc1",
        "text_encoder_2.text_model.encoder.layers.0.mlp.fc1",
        "lora_te3_encoder_block_0_layer_0",
        "conv_in",
        "",
    ],
)
def test_names_of_what_is_not_there_mean_nothing(name):
    assert names("SD1").find(name) is None


def test_only_the_input_convolution_is_padded_and_only_open_clips_attentions_are_whole():
    sd1, sd2 = names("SD1"), names("SD2")
    first = sd1.find("lora_unet_conv_in")
    assert first is not None and first.latent_channels == 4
    for name, whole in {
        "lora_unet_conv_out": ("", ""),
        "lora_te_text_model_encoder_layers_2_mlp_fc1": ("", ""),
        "lora_te_text_model_encoder_layers_2_self_attn_k_proj": ("", "layers.2.self_attn"),
    }.items():
        for model, ending in zip((sd1, sd2), whole, strict=True):
            target = model.find(name)
            assert target is not None and target.latent_channels == 0
            assert target.whole.endswith(ending) and bool(target.whole) == bool(ending)
