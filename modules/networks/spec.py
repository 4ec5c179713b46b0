"""What a checkpoint is made of, in numbers: the record between detection, building and planning.

Knows no file and no key name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["sd1", "sd2", "sdxl", "sdxl-refiner"]

# Latent channels -> red, green, blue (then *.5 + .5) for cheap previews; A1111 numerics: pixels.
SD1_PREVIEW = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)

# Input channels beyond the latent's -> what they are.
_IMAGE_INPUTS: dict[int, Literal["none", "inpaint", "edit"]] = {0: "none", 4: "edit", 5: "inpaint"}


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
    vector_width: int = 0  # of the vector that joins the time embedding; 0: none

    def __post_init__(self) -> None:
        levels = len(self.level_widths)
        assert levels == len(self.res_blocks) == len(self.attention_depth) == len(self.heads)
        assert levels >= 1 and self.middle_depth >= 1


@dataclass(frozen=True)
class TextSpec:
    """A CLIP text encoder, and which of its outputs the family reads.

    "clip" is OpenAI's: quick GELU, padded with end marks. "open_clip": GELU, padded with 0.
    """

    width: int
    layers: int
    heads: int
    inner_width: int
    positions: int = 77
    vocabulary: int = 49408
    kind: Literal["clip", "open_clip"] = "clip"
    pooled_width: int = 0  # of the projected end mark that joins the vector; 0: none
    unread_layers: int = 0  # layers after the one whose output is read
    final_norm: bool = True  # whether the norm after the last layer follows the one that is read


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

    family: Family
    unet: UNetSpec
    texts: tuple[TextSpec, ...]
    vae: VaeSpec
    prediction: Literal["epsilon", "v"] = "epsilon"
    zero_snr: bool = False  # trained for pure noise at the last timestep
    latent_scale: float = 0.18215
    default_size: tuple[int, int] = (512, 512)  # width, height
    preview_matrix: tuple[tuple[float, ...], ...] = SD1_PREVIEW
    preview_bias: tuple[float, ...] = (0.0, 0.0, 0.0)  # added to the product, before *.5 + .5

    def __post_init__(self) -> None:
        assert self.texts and self.unet.in_channels - self.latent_channels in _IMAGE_INPUTS

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

    @property
    def image_inputs(self) -> Literal["none", "inpaint", "edit"]:
        """What joins the latent at the U-Net's input: a mask and a latent, a latent, or nothing."""
        return _IMAGE_INPUTS[self.unet.in_channels - self.latent_channels]

    @property
    def size_numbers(self) -> int:
        """Numbers beside the pooled text in the vector; 0 where the family takes no vector.

        6: original height and width, crop top and left, target height and width. 5, the refiner:
        original height and width, crop top and left, aesthetic score.
        """
        return {"sdxl": 6, "sdxl-refiner": 5}.get(self.family, 0)
