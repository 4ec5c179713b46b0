"""A look at a latent in the making, as a JPEG: small and by the family's matrix, or decoded.

By the matrix it costs about a millisecond. Knows no decoder, and nothing of who looks, or when.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor

from modules.networks.spec import Spec

SMALLEST = 256  # pixels of the longer side; below that, browsers' smoothing looks like a fault
QUALITY = 80


def jpeg(
    denoised: Tensor,
    spec: Spec,
    *,
    grid: bool = True,
    decode: Callable[[Tensor], Tensor] | None = None,
) -> bytes:
    """JPEG bytes of denoised latents (B, C, h, w): all of the batch, or the first alone.

    `decode` gives pixels (1, 3, H, W) in about [-1, 1] of a latent (1, C, h, w); None: by the
    matrix.
    """
    rows = denoised if grid else denoised[:1]
    if decode is None:
        images = [_image(_by_matrix(latent, spec)) for latent in rows]
    else:
        images = [_image(decode(latent[None])[0].permute(1, 2, 0)) for latent in rows]
    sheet = images[0] if len(images) == 1 else _sheet(images)
    longest = max(sheet.size)
    if longest < SMALLEST:
        scale = SMALLEST / longest
        size = (max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale)))
        sheet = sheet.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _by_matrix(latent: Tensor, spec: Spec) -> Tensor:
    matrix = torch.tensor(spec.preview_matrix, device=latent.device)
    bias = torch.tensor(spec.preview_bias, device=latent.device)
    return latent.float().permute(1, 2, 0) @ matrix + bias


def _image(rgb: Tensor) -> Image.Image:
    """Of colours (H, W, 3) in about [-1, 1]."""
    values = (255.0 * (rgb * 0.5 + 0.5).nan_to_num().clamp(0.0, 1.0)).to(torch.uint8)
    return Image.fromarray(values.cpu().numpy())


def _sheet(images: list[Image.Image]) -> Image.Image:
    rows = round(math.sqrt(len(images)))
    columns = math.ceil(len(images) / rows)
    width, height = images[0].size
    sheet = Image.new("RGB", (columns * width, rows * height))
    for place, image in enumerate(images):
        sheet.paste(image, (place % columns * width, place // columns * height))
    return sheet
