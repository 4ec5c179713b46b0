"""The four parts of the built-in checkpoint as diffusers and transformers modules of chosen
sizes.

The wiring is that of Stable Diffusion 1.x, so that the parts can be written in the LDM key
layout; only widths, group counts and head counts are smaller. Knows nothing of training.
"""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

VOCABULARY = 49_408
POSITIONS = 77
START, END = 49_406, 49_407
LATENT_SCALE = 0.18215


@dataclass(frozen=True)
class Sizes:
    """Widths and counts of a checkpoint. Tuples hold one entry per resolution level, finest
    first.
    """

    resolution: int = 128
    text_width: int = 96
    text_layers: int = 3
    text_heads: int = 4
    unet_channels: tuple[int, ...] = (48, 96, 96)
    unet_attention: tuple[bool, ...] = (False, True, False)
    unet_heads: int = 4
    unet_groups: int = 4
    vae_channels: tuple[int, ...] = (16, 32, 64, 64)
    vae_groups: int = 2

    def __post_init__(self) -> None:
        assert len(self.unet_channels) == len(self.unet_attention), self
        assert self.resolution % (8 * 2 ** (len(self.unet_channels) - 1)) == 0, self
        assert all(
            c % self.unet_groups == 0 and c % self.unet_heads == 0 for c in self.unet_channels
        )
        assert len(self.vae_channels) == 4 and all(
            c % self.vae_groups == 0 for c in self.vae_channels
        )
        assert self.text_width % self.text_heads == 0, self


def build_text(sizes: Sizes, vocabulary: int = VOCABULARY) -> CLIPTextModel:
    """CLIP's causal text encoder with quick GELU: token ids (B, 77) to rows (B, 77, text_width)."""
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=sizes.text_width,
        intermediate_size=4 * sizes.text_width,
        projection_dim=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        max_position_embeddings=POSITIONS,
        hidden_act="quick_gelu",
        bos_token_id=START,
        eos_token_id=END,
        attention_dropout=0.0,
    )
    return CLIPTextModel(config)


def build_unet(sizes: Sizes) -> UNet2DConditionModel:
    """Epsilon predictor: latents (B, 4, h, w), steps (B,), context (B, 77, text_width) to (B, 4,
    h, w).
    """
    attention = sizes.unet_attention
    return UNet2DConditionModel(
        sample_size=sizes.resolution // 8,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in attention[::-1]),
        block_out_channels=sizes.unet_channels,
        layers_per_block=1,
        norm_num_groups=sizes.unet_groups,
        cross_attention_dim=sizes.text_width,
        # diffusers' misnomer: for SD 1.x this number is the head count
        attention_head_dim=sizes.unet_heads,
    )


def build_vae(sizes: Sizes) -> AutoencoderKL:
    """KL autoencoder: pictures (B, 3, H, W) in -1..1 to and from latents (B, 4, H/8, W/8)."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,  # pyright: ignore[reportArgumentType]
        up_block_types=("UpDecoderBlock2D",) * 4,  # pyright: ignore[reportArgumentType]
        block_out_channels=sizes.vae_channels,  # pyright: ignore[reportArgumentType]
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=sizes.vae_groups,
        sample_size=sizes.resolution,
        scaling_factor=LATENT_SCALE,
    )


def move(module: nn.Module, device: torch.device) -> None:
    """To the device, with convolutions' weights channels last, which CPUs compute much faster."""
    module.to(device)
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def alphas_cumprod() -> Tensor:
    """SD 1.x scaled-linear schedule: square roots of beta from 0.00085 to 0.012, (1000,)."""
    beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1.0 - beta, 0).float()
