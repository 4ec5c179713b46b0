"""A look at a latent in the making: a small JPEG by the family's matrix, without the VAE.

Costs about a millisecond. Knows nothing of who looks, or when.
"""

from __future__ import annotations

import io
import math

import torch
from PIL import Image
from torch import Tensor

from modules.networks.spec import Spec

SMALLEST = 256  # pixels of the longer side; below that, browsers' smoothing looks like a fault
QUALITY = 80


def jpeg(denoised: Tensor, spec: Spec, *, grid: bool = True) -> bytes:
    """JPEG bytes of denoised latents (B, C, h, w): all of the batch, or the first alone."""
    images = [_image(latent, spec) for latent in (denoised if grid else denoised[:1])]
    sheet = images[0] if len(images) == 1 else _sheet(images)
    longest = max(sheet.size)
    if longest < SMALLEST:
        scale = SMALLEST / longest
        size = (max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale)))
        sheet = sheet.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _image(latent: Tensor, spec: Spec) -> Image.Image:
    matrix = torch.tensor(spec.preview_matrix, device=latent.device)
    bias = torch.tensor(spec.preview_bias, device=latent.device)
    rgb = latent.float().permute(1, 2, 0) @ matrix + bias
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
