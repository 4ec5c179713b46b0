"""Between the two passes of hires fix: a batch's latents made larger, as latents or as pictures.

It knows neither samplers nor requests. Rules: A1111 numerics, hires fix, second pass.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from modules.engine.plan import Enlarging
from modules.engine.start import posterior_noise
from modules.errors import EaselError, NotBuiltError
from modules.generation.choices import LatentUpscaleMode, find_latent_upscale_mode
from modules.networks.model import Model
from modules.pictures import edit

_PICTURE_FILTERS = {
    "None": Image.Resampling.LANCZOS,
    "Lanczos": Image.Resampling.LANCZOS,
    "Nearest": Image.Resampling.NEAREST,
}


def decoded(latent: Tensor, model: Model) -> Tensor:
    """Pixels (1, 3, H, W) of latent (1, C, h, w). EaselError where nothing but not-a-number came
    out.
    """
    where = "the U-Net" if latent.isnan().all() else ""
    pixels = model.decode(latent)
    if where or pixels.isnan().all():
        raise EaselError(
            f"{where or 'the VAE'} of checkpoint {model.name} gave no numbers but NaN in "
            f"{str(model.dtype).removeprefix('torch.')}: the file may be damaged, or its numbers "
            "too large for this precision; start with --no-half (or --no-half-vae), or use "
            "another checkpoint"
        )
    return pixels


def enlarge(latent: Tensor, enlarging: Enlarging, model: Model, seeds: Sequence[int]) -> Tensor:
    """(B, C, h, w) as the second pass starts from. `seeds`: one per picture, for the encoder's
    random part.
    """
    mode = find_latent_upscale_mode(enlarging.upscaler)
    if mode is not None:
        larger = _as_latent(latent, enlarging, mode, model.spec.vae_factor)
    else:
        rows = [
            _as_picture(latent[place : place + 1], enlarging, model, seed)
            for place, seed in enumerate(seeds)
        ]
        larger = torch.cat(rows)
    across, down = enlarging.cut
    height, width = larger.shape[2:]
    return larger[
        :, :, down // 2 : height - (down + 1) // 2, across // 2 : width - (across + 1) // 2
    ]


def _as_latent(
    latent: Tensor, enlarging: Enlarging, mode: LatentUpscaleMode, factor: int
) -> Tensor:
    size = (enlarging.height // factor, enlarging.width // factor)
    return functional.interpolate(latent, size=size, mode=mode.mode, antialias=mode.antialias)


def _as_picture(latent: Tensor, enlarging: Enlarging, model: Model, seed: int) -> Tensor:
    """Decoded, made 8 bits, resized and encoded again; the encoder's random part is drawn from the
    picture's seed.
    """
    if enlarging.upscaler not in _PICTURE_FILTERS:
        raise NotBuiltError(f"upscaler {enlarging.upscaler} is not built yet", field="hr_upscaler")
    image = edit.to_image(decoded(latent, model)[0])
    image = image.resize(
        (enlarging.width, enlarging.height), resample=_PICTURE_FILTERS[enlarging.upscaler]
    )
    factor = model.spec.vae_factor
    inside = (image.width // factor * factor, image.height // factor * factor)
    noise = posterior_noise(
        seed, inside[1] // factor, inside[0] // factor, model.spec.latent_channels
    )
    return model.encode_image(edit.to_pixels(image.crop((0, 0, *inside))), noise)
