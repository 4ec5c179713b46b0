"""What a checkpoint is made of, in numbers: the record between detection, building and planning.

Knows no file and no key name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Latent channels -> red, green, blue (then *.5 + .5) for cheap previews; A1111 numerics: pixels.
SD1_PREVIEW = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


@dataclass(frozen=True)
class UNetSpec:
    """The U-Net, one entry per resolution level, finest first."""

    in_channels: int
    out_channels: int
    level_widths: tuple[int, ...]
    res_blocks: tuple[int, ...]
    attention_depth: tuple[int, ...]  # transformer blocks per attention; 0: no attention here
    middle_depth: int
    heads: tuple[int, ...]
    context_width: int
    linear_projection: bool = False
    norm_groups: int = 32

    def __post_init__(self) -> None:
        levels = len(self.level_widths)
        assert levels == len(self.res_blocks) == len(self.attention_depth) == len(self.heads)
        assert levels >= 1 and self.middle_depth >= 1


@dataclass(frozen=True)
class TextSpec:
    """A CLIP text encoder with quick GELU."""

    width: int
    layers: int
    heads: int
    inner_width: int
    positions: int = 77
    vocabulary: int = 49408


@dataclass(frozen=True)
class VaeSpec:
    """The autoencoder, one width per resolution level, finest first."""

    level_widths: tuple[int, ...]
    res_blocks: int
    latent_channels: int = 4
    norm_groups: int = 32

    @property
    def factor(self) -> int:
        """Pixels per latent cell along one side."""
        return 2 ** (len(self.level_widths) - 1)


@dataclass(frozen=True)
class Spec:
    """A whole checkpoint. Sizes in pixels."""

    family: str
    unet: UNetSpec
    text: TextSpec
    vae: VaeSpec
    prediction: Literal["epsilon", "v"] = "epsilon"
    latent_scale: float = 0.18215
    default_size: tuple[int, int] = (512, 512)  # width, height
    preview_matrix: tuple[tuple[float, ...], ...] = SD1_PREVIEW
    preview_bias: tuple[float, ...] = (0.0, 0.0, 0.0)  # added to the product, before *.5 + .5

    @property
    def latent_channels(self) -> int:
        return self.vae.latent_channels

    @property
    def vae_factor(self) -> int:
        """Pixels per latent cell along one side."""
        return self.vae.factor

    @property
    def context_width(self) -> int:
        """Numbers per token that the U-Net's cross attention reads."""
        return self.unet.context_width
