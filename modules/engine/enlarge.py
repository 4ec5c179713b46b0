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
from modules.engine.start import encode_picture
from modules.errors import EaselError, NotBuiltError
from modules.generation.choices import find_latent_upscale_mode
from modules.generation.extras import NO_UPSCALER
from modules.networks.model import Model
from modules.pictures import edit
from modules.postprocess.upscalers import UPSCALERS, upscale


def decoded(latent: Tensor, model: Model) -> Tensor:
    """Pixels (1, 3, H, W) of latent (1, C, h, w). EaselError where nothing but not-a-number came
    out.
    """
    pixels = model.decode(latent)
    check_numbers(all_nan(latent), all_nan(pixels), model.name, model.dtype)
    return pixels


def all_nan(numbers: Tensor) -> Tensor:
    """0-dim, on the numbers' device: whether there is nothing but not-a-number."""
    if numbers.device.type == "cpu" and not (first := numbers.flatten()[0].isnan()):
        return first  # one number tells
    return numbers.isnan().all()


def check_numbers(
    latent_is_nan: Tensor, pixels_are_nan: Tensor, name: str, dtype: torch.dtype
) -> None:
    """EaselError where `all_nan` holds of a latent, or of the pixels that checkpoint `name` decoded
    it to. Waits for the device.
    """
    where = "the U-Net" if latent_is_nan else ""
    if where or pixels_are_nan:
        raise EaselError(
            f"{where or 'the VAE'} of checkpoint {name} gave no numbers but NaN in "
            f"{str(dtype).removeprefix('torch.')}: the file may be damaged, or its numbers "
            "too large for this precision; start with --no-half (or --no-half-vae), or use "
            "another checkpoint"
        )


def enlarge(latent: Tensor, enlarging: Enlarging, model: Model) -> Tensor | list[Image.Image]:
    """(B, C, h, w) enlarged, or the pictures of it enlarged, by `model` that made it. Not cut."""
    mode = find_latent_upscale_mode(enlarging.upscaler)
    if mode is not None:
        factor = model.spec.vae_factor
        size = (enlarging.height // factor, enlarging.width // factor)
        return functional.interpolate(latent, size=size, mode=mode.mode, antialias=mode.antialias)
    rows = [latent[place : place + 1] for place in range(len(latent))]
    return [enlarge_picture(edit.to_image(decoded(row, model)[0]), enlarging) for row in rows]


def enlarge_picture(image: Image.Image, enlarging: Enlarging) -> Image.Image:
    """`image` at exactly the new size, by an upscaler of pictures.

    An upscaler gives sides that are multiples of 8; Lanczos brings them to the size, and does it
    all where nothing is enlarged (A1111 numerics: resize).
    """
    name, size = enlarging.upscaler, (enlarging.width, enlarging.height)
    if name != NO_UPSCALER and name not in UPSCALERS:
        raise NotBuiltError(f"upscaler {name} is not built yet", field="hr_upscaler")
    factor = max(size[0] / image.width, size[1] / image.height)
    if name != NO_UPSCALER and factor > 1:
        image = upscale(image, name, factor)
    return image if image.size == size else image.resize(size, resample=edit.LANCZOS)


def as_latent(
    larger: Tensor | list[Image.Image], enlarging: Enlarging, model: Model, seeds: Sequence[int]
) -> Tensor:
    """(B, C, h, w) as the second pass, by `model`, starts from. `seeds`: one per picture, for the
    encoder's random part.
    """
    if not isinstance(larger, Tensor):
        rows = [encode_picture(i, model, seed) for i, seed in zip(larger, seeds, strict=True)]
        larger = torch.cat(rows)
    return cut(larger, enlarging)


def cut(larger: Tensor, enlarging: Enlarging) -> Tensor:
    """(B, C, h, w) without what lies outside the wanted size."""
    across, down = enlarging.cut
    height, width = larger.shape[2:]
    return larger[
        :, :, down // 2 : height - (down + 1) // 2, across // 2 : width - (across + 1) // 2
    ]
