"""Writes TAESD files for tests: the original's layout, a numbered row of layers, random and narrow.

The names are written out from the published layout, not taken from the code under test.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

WIDTH = 8


def encoder_shapes(channels: int = 4) -> dict[str, tuple[int, ...]]:
    """Layers 0 and 14 are the ends; 2, 6 and 10 halve, without bias; the rest are blocks."""
    shapes = {"0.weight": (WIDTH, 3, 3, 3), "0.bias": (WIDTH,)}
    for place in range(1, 14):
        shapes |= _block(place) if place not in (2, 6, 10) else _plain(place)
    return shapes | {"14.weight": (channels, WIDTH, 3, 3), "14.bias": (channels,)}


def decoder_shapes(channels: int = 4) -> dict[str, tuple[int, ...]]:
    """Layer 0 clamps, 1 and 19 are the ends; 6, 11 and 16 double, each before a convolution."""
    shapes = {"1.weight": (WIDTH, channels, 3, 3), "1.bias": (WIDTH,)}
    for place in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        shapes |= _block(place)
    for place in (7, 12, 17):
        shapes |= _plain(place)
    return shapes | {"19.weight": (3, WIDTH, 3, 3), "19.bias": (3,)}


def write_taesd(
    path: Path, shapes: dict[str, tuple[int, ...]], *, seed: int = 0
) -> dict[str, Tensor]:
    """The weights that were written, as `.pth` or `.safetensors` by the path's ending."""
    generator = torch.Generator().manual_seed(seed)
    weights = {
        name: torch.randn(shape, generator=generator) * (0.15 if len(shape) == 4 else 0.05)
        for name, shape in shapes.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".pth":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    return weights


def _plain(place: int) -> dict[str, tuple[int, ...]]:
    return {f"{place}.weight": (WIDTH, WIDTH, 3, 3)}


def _block(place: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in (0, 2, 4):
        shapes[f"{place}.conv.{layer}.weight"] = (WIDTH, WIDTH, 3, 3)
        shapes[f"{place}.conv.{layer}.bias"] = (WIDTH,)
    return shapes
