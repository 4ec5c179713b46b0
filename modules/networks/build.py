"""The three networks of a Spec as modules: laid out without memory, then filled from a State.

Modules are diffusers' U-Net and autoencoder and transformers' CLIP text model, laid out without
memory and given the file's own tensors; `placement` puts those where they belong. Where diffusers
computes something else than the original, a module of ours takes the place of theirs here, at
building time. Asks no hub, reads no configuration file.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from modules.errors import CheckpointError
from modules.networks.skeleton import copied, slots, without_memory
from modules.networks.spec import TextSpec, UNetSpec, VaeSpec
from modules.networks.weights import State

_ARCHITECTURES = 16  # laid out and remembered; each costs some megabytes


class SkipSizedUpsample(nn.Module):
    """Doubles a feature map, convolves it, then fits it to the skip connection's odd size.

    diffusers resizes straight to the skip's size before the convolution, which gives another
    picture wherever a side is no multiple of 64 pixels (A1111 numerics: conventions).
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, hidden: Tensor, output_size: torch.Size | None = None) -> Tensor:
        hidden = nn.functional.interpolate(hidden, scale_factor=2.0, mode="nearest")
        hidden = self.conv(hidden)
        if output_size is not None and hidden.shape[2:] != output_size:
            hidden = nn.functional.interpolate(hidden, size=tuple(output_size), mode="nearest")
        return hidden


def empty_unet(spec: UNetSpec) -> UNet2DConditionModel:
    """The U-Net on the meta device. CheckpointError for one that no known model has."""
    return copied(_unet(spec))


def empty_vae(spec: VaeSpec) -> AutoencoderKL:
    """The autoencoder on the meta device."""
    return copied(_vae(spec))


def empty_text_encoder(spec: TextSpec) -> CLIPTextModel:
    """The text encoder on the meta device, its constant buffer made.

    One whose pooled text is read has a `text_projection` besides.
    """
    return copied(_text_encoder(spec))


@functools.lru_cache(_ARCHITECTURES)
def _unet(spec: UNetSpec) -> UNet2DConditionModel:
    attends = [depth > 0 for depth in spec.attention_depth]
    middle = spec.middle_depth
    depths = [depth or middle or 1 for depth in spec.attention_depth]
    if middle and depths[-1] != middle:
        raise CheckpointError(
            f"the U-Net's middle has {middle} transformer blocks but its last level"
            f" {depths[-1]}, which no known model does"
        )
    config: dict[str, Any] = {
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        "block_out_channels": spec.level_widths,
        "layers_per_block": spec.res_blocks,
        "transformer_layers_per_block": depths,
        "attention_head_dim": spec.heads,  # diffusers' old name for the number of heads
        "cross_attention_dim": spec.context_width,
        "use_linear_projection": spec.linear_projection,
        "norm_num_groups": spec.norm_groups,
        "norm_eps": 1e-5,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
    }
    if spec.up_depth:
        config["reverse_transformer_layers_per_block"] = [list(up) for up in spec.up_depth[::-1]]
    if spec.vector_width:
        config["class_embed_type"] = "projection"
        config["projection_class_embeddings_input_dim"] = spec.vector_width
    with without_memory():
        unet = UNet2DConditionModel(**config)
    for module in unet.up_blocks.modules():
        if isinstance(module, nn.ModuleList):
            for index, upsampler in enumerate(module):
                if isinstance(upsampler, Upsample2D):
                    module[index] = SkipSizedUpsample(cast(nn.Module, upsampler.conv))
    return unet.eval()


@functools.lru_cache(_ARCHITECTURES)
def _vae(spec: VaeSpec) -> AutoencoderKL:
    levels = len(spec.level_widths)
    config: dict[str, Any] = {
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "block_out_channels": spec.level_widths,
        "layers_per_block": spec.res_blocks,
        "latent_channels": spec.latent_channels,
        "norm_num_groups": spec.norm_groups,
    }
    with without_memory():
        return AutoencoderKL(in_channels=3, out_channels=3, **config).eval()


@functools.lru_cache(_ARCHITECTURES)
def _text_encoder(spec: TextSpec) -> CLIPTextModel:
    config: dict[str, Any] = {
        "vocab_size": spec.vocabulary,
        "hidden_size": spec.width,
        "intermediate_size": spec.inner_width,
        "num_hidden_layers": spec.layers,
        "num_attention_heads": spec.heads,
        "max_position_embeddings": spec.positions,
        "hidden_act": "gelu" if spec.kind == "open_clip" else "quick_gelu",
        "layer_norm_eps": 1e-5,
        "projection_dim": spec.width,
        "attn_implementation": "sdpa",
    }
    with without_memory():
        encoder = CLIPTextModel(CLIPTextConfig(**config))
        if spec.pooled_width:
            encoder.text_projection = nn.Linear(spec.width, spec.pooled_width, bias=False)
    positions = torch.arange(spec.positions).expand((1, -1))
    encoder.embeddings.register_buffer("position_ids", positions, persistent=False)
    return encoder.eval()


def parameter_shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of everything that a file must give."""
    return {slot.name: tuple(slot.tensor.shape) for slot in slots(module)}


def weights_of(
    wanted: Mapping[str, tuple[int, ...]], state: State, keys: Mapping[str, str]
) -> dict[str, Tensor]:
    """The wanted tensors by name, in these shapes, as they lie in the file; `keys` maps names to
    the state's keys.

    1x1 convolutions and linear layers stand for each other. CheckpointError for missing keys or
    wrong shapes; keys that are not wanted stay unread.
    """
    missing = [key for key in keys.values() if key not in state]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CheckpointError(
            f"{state.path.name} lacks {', '.join(missing[:3])}{more}: it is damaged or wrongly"
            " merged; download it again"
        )
    shapes = state.shapes()
    for name, shape in wanted.items():
        key = keys[name]
        if _without_kernel(shapes[key]) != _without_kernel(shape):
            raise CheckpointError(
                f"{state.path.name}: {key} has the shape {list(shapes[key])} where"
                f" {list(shape)} is due; it is damaged or wrongly merged"
            )
    return {name: state[keys[name]].reshape(shape) for name, shape in wanted.items()}


def _without_kernel(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape
