"""Hires fix's sizes: how large the picture between the passes is made, and what is cut off it.

Pure numbers; how a picture is enlarged is not known here. Rules: A1111 numerics, hires fix, sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

from modules.generation.choices import find_latent_upscale_mode
from modules.generation.request import Hires
from modules.networks.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Enlarging:
    """Between the passes: to width x height by `upscaler`, then cut to the second pass's size.

    cut: what is taken off, in latent cells (across, down), half of it at each side.
    """

    upscaler: str
    width: int
    height: int
    cut: tuple[int, int]

    @property
    def in_latent_space(self) -> bool:
        return find_latent_upscale_mode(self.upscaler) is not None


def enlarging_of(hires: Hires, width: int, height: int, spec: Spec) -> Enlarging:
    """The second pass's size (A1111 numerics: hires fix, sizes)."""
    x, y = hires.resize_x, hires.resize_y
    cut = (0, 0)
    if not x and not y:
        up = (int(width * hires.scale), int(height * hires.scale))
    elif not y:
        up = (x, x * height // width)
    elif not x:
        up = (y * width // height, y)
    else:
        up = (x, x * height // width) if width / height < x / y else (y * width // height, y)
        cut = ((up[0] - x) // spec.vae_factor, (up[1] - y) // spec.vae_factor)
    upscaler = hires.upscaler or "Latent"
    return Enlarging(upscaler=upscaler, width=up[0], height=up[1], cut=cut)
