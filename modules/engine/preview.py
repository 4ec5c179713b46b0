"""A look at a latent in the making, as a file: small and by the family's matrix, or decoded.

By the matrix it costs about a millisecond. Knows no decoder, and nothing of who looks, or when.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from modules.networks.spec import Spec

Row = tuple[float, ...]
Rows = tuple[Row, ...]

SMALLEST = 256  # pixels of the longer side; below that, browsers' smoothing looks like a fault
QUALITY = 80


def colours(
    denoised: Tensor,
    spec: Spec,
    *,
    grid: bool = True,
    decode: Callable[[Tensor], Tensor] | None = None,
) -> list[Tensor]:
    """8-bit RGB (H, W, 3) on the device, of denoised latents (B, C, h, w): all of the batch, or the
    first alone.

    `decode` gives pixels (1, 3, H, W) in about [-1, 1] of a latent (1, C, h, w); None: by the
    matrix.
    """
    rows = denoised if grid else denoised[:1]
    if decode is None:
        return [_eight_bits(_by_matrix(latent, spec)) for latent in rows]
    return [_eight_bits(decode(latent[None])[0].permute(1, 2, 0)) for latent in rows]


def encoded(values: Sequence[Tensor], kind: str = "jpeg") -> tuple[bytes, str]:
    """(bytes, MIME type) of `colours`, on the CPU. kind: "jpeg", "png" or "webp"."""
    images = [Image.fromarray(each.numpy()) for each in values]
    sheet = images[0] if len(images) == 1 else _sheet(images)
    longest = max(sheet.size)
    if longest < SMALLEST:
        scale = SMALLEST / longest
        size = (max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale)))
        sheet = sheet.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    sheet.save(buffer, kind.upper(), quality=QUALITY)
    return buffer.getvalue(), f"image/{kind}"


def glimpse(latent: Tensor, spec: Spec, decode: Callable[[Tensor], Tensor] | None) -> Tensor:
    """Pixels (1, 3, H, W) in about [-1, 1] of latent (1, C, h, w), of the picture's whole size but
    no better than a preview; `decode` as for `colours`.
    """
    if decode is not None:
        return decode(latent)
    small = _by_matrix(latent[0], spec).permute(2, 0, 1)[None]  # (1, 3, h, w)
    return interpolate(small, scale_factor=spec.vae_factor, mode="bicubic")


def _by_matrix(latent: Tensor, spec: Spec) -> Tensor:
    matrix, bias = _matrix(spec.preview_matrix, spec.preview_bias, latent.device)
    return latent.float().permute(1, 2, 0) @ matrix + bias


@lru_cache(maxsize=8)
def _matrix(rows: Rows, bias: Row, device: torch.device) -> tuple[Tensor, Tensor]:
    """On the device once and for all: each copy to it would wait for what it is doing."""
    with torch.inference_mode(False):
        return torch.tensor(rows, device=device), torch.tensor(bias, device=device)


def _eight_bits(rgb: Tensor) -> Tensor:
    """Of colours (H, W, 3) in about [-1, 1]."""
    unit = (rgb * 0.5 + 0.5).nan_to_num().clamp(0.0, 1.0)
    return (255.0 * unit).to(torch.uint8).contiguous()


def _sheet(images: list[Image.Image]) -> Image.Image:
    rows = round(math.sqrt(len(images)))
    columns = math.ceil(len(images) / rows)
    width, height = images[0].size
    sheet = Image.new("RGB", (columns * width, rows * height))
    for place, image in enumerate(images):
        sheet.paste(image, (place % columns * width, place // columns * height))
    return sheet
