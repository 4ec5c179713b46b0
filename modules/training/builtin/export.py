"""Writes the trained parts as one safetensors file in the key layout of the original LDM code.

Only names, shapes of 1x1 attention convolutions and storage types change; the numbers are those
of the modules. What LDM code takes for granted and this checkpoint does otherwise goes into the
header.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextModel

from modules.training.builtin import world
from modules.training.builtin.networks import POSITIONS, VOCABULARY, Sizes

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
TITLE = "Easel built-in"


def _unet_key(key: str, sizes: Sizes) -> str:
    """diffusers' name of a U-Net tensor to LDM's, without the prefix. One resnet per level
    assumed.
    """
    for name, other in UNET_ENDS.items():
        if key.startswith(name + "."):
            return other + key[len(name) :]
    kind, rest = key.split(".", 1)
    if kind == "mid_block":
        part, number, tail = rest.split(".", 2)
        place = f"middle_block.{0 if (part, number) == ('resnets', '0') else 1}"
        if (part, number) == ("resnets", "1"):
            place = "middle_block.2"
        return f"{place}.{_resnet_tail(tail) if part == 'resnets' else tail}"
    level, part, number, tail = rest.split(".", 3)
    if kind == "down_blocks":
        first = 1 + 2 * int(level)  # a resnet and a downsampler per level, after conv_in
        if part == "downsamplers":
            return f"input_blocks.{first + 1}.0.op.{tail.removeprefix('conv.')}"
        return f"input_blocks.{first}.{_slot(part, tail)}"
    block = 2 * int(level) + int(number)  # two resnets per level on the way up
    if part == "upsamplers":
        has_attention = sizes.unet_attention[::-1][int(level)]
        return f"output_blocks.{2 * int(level) + 1}.{2 if has_attention else 1}.{tail}"
    return f"output_blocks.{block}.{_slot(part, tail)}"


def _slot(part: str, tail: str) -> str:
    return f"0.{_resnet_tail(tail)}" if part == "resnets" else f"1.{tail}"


def _resnet_tail(tail: str) -> str:
    name, end = tail.rsplit(".", 1)
    return f"{RESNET[name]}.{end}"


def _vae_key(key: str, levels: int) -> str:
    """diffusers' name of an autoencoder tensor to LDM's, without the prefix."""
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    attention = {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    for name, other in attention.items():
        key = key.replace(f"mid_block.attentions.0.{name}.", f"mid.attn_1.{other}.")
    key = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    up = lambda m: f"up.{levels - 1 - int(m[1])}"  # noqa: E731  (LDM counts levels from the finest)
    key = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"{up(m)}.block.{m[2]}", key)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"{up(m)}.upsample", key)


def ldm_state(
    text: CLIPTextModel, unet: UNet2DConditionModel, vae: AutoencoderKL, sizes: Sizes
) -> dict[str, Tensor]:
    """All tensors by LDM key, in the modules' own types. The text encoder's table must be whole."""
    state: dict[str, Tensor] = {}
    for key, tensor in unet.state_dict().items():
        state[f"model.diffusion_model.{_unet_key(key, sizes)}"] = tensor
    for key, tensor in vae.state_dict().items():
        name = _vae_key(key, len(sizes.vae_channels))
        if ".attn_1." in name and tensor.ndim == 2:  # linear here, 1x1 convolution there
            tensor = tensor[:, :, None, None]
        state[f"first_stage_model.{name}"] = tensor
    for key, tensor in text.state_dict().items():
        key = key if key.startswith("text_model.") else f"text_model.{key}"
        if not key.endswith("position_ids"):
            state[f"cond_stage_model.transformer.{key}"] = tensor
    table = state["cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"]
    assert table.shape[0] == VOCABULARY, table.shape
    return state


def header(
    sizes: Sizes, description: str, date: str, preview: Sequence[Sequence[float]]
) -> dict[str, str]:
    """The safetensors header: ModelSpec 1.0.1, the counts that differ from LDM's own, and the rows
    (autoencoder.preview_rows) that make a cheap preview of a latent.
    """
    side = sizes.resolution
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "https://github.com/CompVis/stable-diffusion",
        "modelspec.title": TITLE,
        "modelspec.author": "The Easel project",
        "modelspec.description": description,
        "modelspec.date": date,
        "modelspec.license": "CC0-1.0",
        "modelspec.resolution": f"{side}x{side}",
        "modelspec.prediction_type": "epsilon",
        "easel.unet_norm_groups": str(sizes.unet_groups),
        "easel.vae_norm_groups": str(sizes.vae_groups),
        "easel.unet_heads": str(sizes.unet_heads),
        "easel.text_heads": str(sizes.text_heads),
        "easel.world": world.NAME,
        "easel.preview_matrix": json.dumps([[round(n, 4) for n in row] for row in preview]),
    }


def write_checkpoint(
    path: Path,
    text: CLIPTextModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    sizes: Sizes,
    description: str,
    date: str,
    preview: Sequence[Sequence[float]],
) -> int:
    """Writes the file (atomically) and returns its size in bytes.

    The token table is stored as 8-bit floats, the rest as 16-bit floats.
    """
    stored: dict[str, Tensor] = {}
    for key, tensor in ldm_state(text, unet, vae, sizes).items():
        small = key.endswith("token_embedding.weight")
        kind = torch.float8_e4m3fn if small else torch.float16
        stored[key] = tensor.detach().to("cpu", kind).contiguous()
    ids = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    stored[ids] = torch.arange(POSITIONS, dtype=torch.int64)[None]
    part = path.with_suffix(".part")
    save_file(stored, part, metadata=header(sizes, description, date, preview))
    part.chmod(0o644)
    os.replace(part, path)
    return path.stat().st_size
