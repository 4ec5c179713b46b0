"""TAESD: two small networks that stand in for a VAE, faster and less exact. By Ollin Boer Bohan.

Their files hold an encoder or a decoder each, as one numbered row of layers, and are named after
the family of checkpoints that they fit. A latent is scaled as the samplers have it, pixels are in
[0, 1]; what they replace, and when, is not known here. Rules: A1111 numerics, VAE and pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from modules.errors import CheckpointError
from modules.networks import build
from modules.networks.placement import Placement
from modules.networks.spec import Spec
from modules.networks.weights import State, read_state

Half = Literal["encoder", "decoder"]
FOLDER = "VAE-approx"  # among the models, as in A1111
ENDINGS = (".pth", ".safetensors")
_FACTOR = 8  # pixels of a latent cell's side: three levels, each of twice the size


class _Block(nn.Module):
    """Three convolutions beside a connection that skips them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.relu(self.conv(hidden) + hidden)


class _SoftClamp(nn.Module):
    """Keeps a latent within -3..3."""

    def forward(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent / 3) * 3


def encoder(channels: int, width: int) -> nn.Sequential:
    """From pixels (B, 3, H, W) in [0, 1] to scaled latents (B, channels, H/8, W/8)."""
    layers: list[nn.Module] = [_conv(3, width), _Block(width)]
    for _ in range(3):
        halved = nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False)
        layers += [halved, *(_Block(width) for _ in range(3))]
    return nn.Sequential(*layers, _conv(width, channels))


def decoder(channels: int, width: int) -> nn.Sequential:
    """From scaled latents (B, channels, h, w) to pixels (B, 3, 8h, 8w), about [0, 1]."""
    layers: list[nn.Module] = [_SoftClamp(), _conv(channels, width), nn.ReLU()]
    for _ in range(3):
        layers += [_Block(width) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), _conv(width, width, bias=False)]
    return nn.Sequential(*layers, _Block(width), _conv(width, 3))


def file_stem(half: Half, spec: Spec) -> str:
    """The name, without its ending, of the file for checkpoints like `spec`'s."""
    return f"{'taesdxl' if spec.family.startswith('sdxl') else 'taesd'}_{half}"


class TaesdFiles:
    """The networks in some folders, read when first asked for and kept while their files stay.

    `folders` gives these in the order in which they are looked through.
    """

    def __init__(self, folders: Callable[[], Sequence[Path]] = tuple) -> None:
        self._folders = folders
        self._kept: dict[str, tuple[object, nn.Module]] = {}  # by the file's stem

    def load(self, half: Half, spec: Spec, dtype: torch.dtype, device: torch.device) -> nn.Module:
        """One half, for checkpoints like `spec`'s. CheckpointError where its file is missing,
        damaged or for other latents.
        """
        stem = file_stem(half, spec)
        path = self._path(stem)
        if spec.vae_factor != _FACTOR:
            raise CheckpointError(f"TAESD has {_FACTOR} pixels a cell, this VAE {spec.vae_factor}")
        stat = path.stat()
        signature = (path, stat.st_size, stat.st_mtime_ns, dtype, device)
        known = self._kept.get(stem)
        if known is None or known[0] != signature:
            with torch.inference_mode(False):  # outlives the job that asked first
                module = _read(half, read_state(path), spec.latent_channels, dtype, device)
            known = self._kept[stem] = (signature, module)
        return known[1]

    def _path(self, stem: str) -> Path:
        folders = tuple(self._folders())
        for folder in folders:
            for ending in ENDINGS:
                path = folder / (stem + ending)
                if path.is_file():
                    return path
        where = folders[0].parent.name if folders else "models"
        raise CheckpointError(f"{stem}{' or '.join(ENDINGS)} is not in {where}/{FOLDER}")


def _read(
    half: Half, state: State, channels: int, dtype: torch.dtype, device: torch.device
) -> nn.Module:
    make, first = (encoder, "0.weight") if half == "encoder" else (decoder, "1.weight")
    shape = state.shapes().get(first, ())
    if len(shape) != 4:
        raise CheckpointError(f"{state.path.name} is no TAESD {half}: it lacks {first}")
    with torch.device("meta"):
        module = make(channels, shape[0]).eval()
    wanted = build.parameter_shapes(module)
    weights = build.weights_of(wanted, state, {name: name for name in wanted})
    Placement(device).fill(module, weights, dtype)
    return module


def _conv(before: int, after: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=bias)
