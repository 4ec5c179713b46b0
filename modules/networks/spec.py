"""What a checkpoint is made of, in numbers: the record between detection, building and planning.

Knows no file and no key name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["sd1", "sd2", "sdxl", "sdxl-refiner"]

SIZE_WIDTH = 256  # numbers of the vector for each size

_SD_PREVIEW = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
_XL_PREVIEW = (
    (0.3448, 0.4168, 0.4395),
    (-0.1953, -0.0290, 0.0250),
    (0.1074, 0.0886, -0.0163),
    (-0.3730, -0.2499, -0.2088),
)
# Latent channels -> red, green, blue (then *.5 + .5) for cheap previews; A1111 numerics: pixels.
PREVIEW: dict[Family, tuple[tuple[float, ...], ...]] = {
    "sd1": _SD_PREVIEW,
    "sd2": _SD_PREVIEW,
    "sdxl": _XL_PREVIEW,
    "sdxl-refiner": _XL_PREVIEW,
}
# A1111 numerics 1.3: what the VAE's latents are multiplied with.
LATENT_SCALE: dict[Family, float] = {
    "sd1": 0.18215,
    "sd2": 0.18215,
    "sdxl": 0.13025,
    "sdxl-refiner": 0.13025,
}

# Input channels beyond the latent's -> what they are.
EXTRA_INPUTS: dict[int, Literal["none", "inpaint", "edit"]] = {0: "none", 4: "edit", 5: "inpaint"}


@dataclass(frozen=True)
class UNetSpec:
    """The U-Net, one entry per resolution level, finest first."""

    in_channels: int
    out_channels: int
    level_widths: tuple[int, ...]
    res_blocks: tuple[int, ...]
    attention_depth: tuple[int, ...]  # transformer blocks per attention; 0: no attention here
    middle_depth: int  # 0 (SSD-1B): the middle is a single block without attention
    heads: tuple[int, ...]
    context_width: int
    linear_projection: bool = False
    norm_groups: int = 32
    vector_width: int = 0  # of the vector that joins the time embedding; 0: none
    # Transformer blocks per attention on the way up, per level and block; (): as on the way down.
    up_depth: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        levels = len(self.level_widths)
        assert levels == len(self.res_blocks) == len(self.attention_depth) == len(self.heads)
        assert levels >= 1 and len(self.up_depth) in (0, levels)


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
    preview_matrix: tuple[tuple[float, ...], ...] = _SD_PREVIEW
    preview_bias: tuple[float, ...] = (0.0, 0.0, 0.0)  # added to the product, before *.5 + .5

    def __post_init__(self) -> None:
        assert self.texts, "every family reads text"

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
        return EXTRA_INPUTS[self.unet.in_channels - self.latent_channels]

    @property
    def size_numbers(self) -> int:
        """Numbers beside the pooled text in the vector; 0 where the family takes no vector.

        6: original height and width, crop top and left, target height and width. 5, the refiner:
        original height and width, crop top and left, aesthetic score.
        """
        return {"sdxl": 6, "sdxl-refiner": 5}.get(self.family, 0)
