"""What models with more input channels than a latent's see of a picture: inpainting's mask and
masked picture, InstructPix2Pix's picture.

It knows neither prompts nor samplers. Rules: A1111 numerics, image conditioning tensor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from modules.engine.enlarge import cut, decoded
from modules.engine.plan import Enlarging
from modules.engine.start import POSTERIOR_SEED, Start, posterior_noise, recall_latent
from modules.networks.model import Model
from modules.pictures import edit

Size = tuple[int, int]  # height, width in latent cells


def of_start(model: Model, start: Start | None, index: int, size: Size, weight: float) -> Tensor:
    """(1, K, h, w) for the picture of that index in a first pass of `size`.

    start: None: made from nothing, so that an inpainting model sees a wholly masked picture and
    InstructPix2Pix none. weight 0..1: how much of what is masked is hidden from the model.
    """
    if start is None:
        return _of_nothing(model, size)
    pixels = edit.to_pixels(start.slot(index).picture)
    mask = _mask(start, pixels, model)
    seen = [each.numpy().tobytes() for each in (pixels, mask) if each is not None]
    key = (hashlib.sha256(b"".join(seen)).digest(), pixels.shape, mask is None, weight)
    concat = recall_latent(model, model.vae, key, lambda: _of_pixels(model, pixels, mask, weight))
    if concat.shape[2:] == size:
        return concat
    # The latent, too, is brought to another size.
    return functional.interpolate(concat, size=size, mode="bilinear", align_corners=False)


def of_larger(
    model: Model,
    larger: Tensor | Sequence[Image.Image],
    enlarging: Enlarging,
    size: Size,
    weight: float,
) -> Tensor:
    """(B, K, h, w) for a second pass of `size` that starts from latents (B, C, h', w') or pictures,
    which are not cut yet.

    Latents are looked at only if an inpainting model is to see something of them.
    """
    if not isinstance(larger, Tensor):
        pixels = [edit.to_pixels(image) for image in larger]
    elif model.spec.image_inputs == "inpaint" and weight < 1:
        pixels = [decoded(larger[place : place + 1], model) for place in range(len(larger))]
    else:
        return _of_nothing(model, size).expand(len(larger), -1, -1, -1)
    return cut(torch.cat([_of_pixels(model, row, None, weight) for row in pixels]), enlarging)


def _of_nothing(model: Model, size: Size) -> Tensor:
    channels, factor = model.spec.latent_channels, model.spec.vae_factor
    if model.spec.image_inputs == "edit":
        return torch.zeros(1, channels, *size, device=model.device)
    grey = torch.zeros(1, 3, size[0] * factor, size[1] * factor)
    return _of_pixels(model, grey, None, 1.0)


def _of_pixels(model: Model, pixels: Tensor, mask: Tensor | None, weight: float) -> Tensor:
    """(1, K, H // 8, W // 8) for pixels (1, 3, H, W) in [-1, 1] and a mask (1, 1, H, W), 1 where
    the picture is made anew; None: everywhere.
    """
    channels, factor = model.spec.latent_channels, model.spec.vae_factor
    height, width = pixels.shape[2] // factor, pixels.shape[3] // factor
    pixels = pixels.to("cpu", torch.float32)
    if model.spec.image_inputs == "edit":
        return model.encode_image_mode(pixels)
    if mask is None:
        mask = torch.ones(1, 1, *pixels.shape[2:])
    seen = torch.lerp(pixels, pixels * (1 - mask), weight)
    noise = posterior_noise(POSTERIOR_SEED, height, width, channels)
    latent = model.encode_image(seen, noise, exact=True)
    small = functional.interpolate(mask, size=(height, width))  # nearest, from the full size
    return torch.cat([small.to(latent), latent], dim=1)


def _mask(start: Start, pixels: Tensor, model: Model) -> Tensor | None:
    """(1, 1, H, W): 1 where the picture is made anew."""
    if start.mask_picture is None:
        return None
    image, size = start.mask_picture.convert("L"), (pixels.shape[3], pixels.shape[2])
    if image.size != size:
        image = image.resize(size, resample=edit.LANCZOS)
    mask = torch.from_numpy(np.asarray(image, np.float32) / 255)[None, None]
    # SDXL's inpainting models read black and white, even of a soft mask.
    return mask.round() if start.rounded or model.spec.family == "sdxl" else mask
