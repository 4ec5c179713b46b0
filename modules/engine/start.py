"""What img2img starts from: a picture as a latent, what of it is made anew, and what is laid over
the result.

Done once for a job, before its first batch; depends on the request alone, never on which of its
pictures are wanted. It knows no sampler. Rules and their order: A1111 numerics, img2img and
inpainting, init.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from modules.diffusion.guidance import LatentMask
from modules.diffusion.noise import ImageNoise, make_generator
from modules.diffusion.soft_mask import SoftMask
from modules.engine.plan import Plan
from modules.engine.remembered import Remembered, recall
from modules.engine.soft_inpainting import soft_overlay
from modules.generation.request import FILL_MODES, Init, Mask
from modules.generation.soft_inpainting import SoftInpainting
from modules.networks.attached import attached
from modules.networks.model import Model
from modules.pictures import edit
from modules.pictures.metadata import flatten
from modules.settings import Settings

LATENT_RESIZE = 3
FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING = range(len(FILL_MODES))
# The encoder's answer has a random part, far below one 8-bit level. The original draws it from
# whatever random state is around; here it is always the same for one start picture, so that a job,
# retried or split, starts from the same latent.
POSTERIOR_SEED = 0


@dataclass(frozen=True, eq=False)
class Slot:
    """One place of a batch: the latent (1, C, h, w) it starts from, what its result undergoes.

    picture: what the latent was made of, with the fill done.
    """

    latent: Tensor
    picture: Image.Image
    overlay: edit.Overlay | None = None
    colours: np.ndarray | None = None  # the LAB picture whose colours the result is to have
    whole: Image.Image | None = None  # given where each result gets an overlay of its own


@dataclass(frozen=True, eq=False)
class Start:
    """slots: one for each place of a batch. regenerate (1, 1, h, w): 1 where the latent is made
    anew. mask_picture: white there, at the size of the pass; rounded: it is to be black and white.
    """

    slots: tuple[Slot, ...]
    regenerate: Tensor | None = None
    mask_picture: Image.Image | None = None
    rounded: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)
    soft: SoftInpainting | None = None
    region: edit.Region | None = None
    size: tuple[int, int] = (0, 0)  # (width, height) in pixels of the pass

    def latents(self, indexes: list[int]) -> Tensor:
        """(B, C, h, w) for the pictures of these indexes."""
        return torch.cat([self.slot(index).latent for index in indexes])

    def slot(self, index: int) -> Slot:
        return self.slots[index % len(self.slots)]

    def mask(self, latents: Tensor) -> LatentMask | None:
        """What of `latents` (B, C, h, w) is made anew; None: all."""
        if self.regenerate is None:
            return None
        soft = self.soft
        if soft is None:
            return LatentMask(latents, self.regenerate)
        return SoftMask(
            latents,
            self.regenerate,
            power=soft.bias,
            scale=soft.preservation,
            detail=soft.detail,
        )

    def seen_mask(self, image: Image.Image) -> Callable[[], Image.Image] | None:
        """What gives the mask as large as the result `image`, without an overlay; None: no mask."""
        mask = self.mask_picture
        return mask and (lambda: mask.convert("L").resize(image.size, resample=edit.LANCZOS))

    def overlay(self, index: int, result: Tensor) -> edit.Overlay | None:
        """What is laid over the picture that `result` (1, C, h, w) was decoded to."""
        slot = self.slot(index)
        if self.soft is None or slot.whole is None or self.regenerate is None:
            return slot.overlay
        return soft_overlay(
            slot.whole,
            self.region,
            self.size,
            slot.latent[0],
            result[0],
            self.regenerate[0, 0],
            self.soft,
        )


@dataclass(frozen=True, eq=False)
class _Masks:
    """inner: mask at the size of the pass. overlay: mask for the overlay. region: where the pass
    works.
    """

    inner: Image.Image
    overlay: Image.Image
    region: edit.Region | None


def posterior_noise(seed: int, height: int, width: int, channels: int) -> Tensor:
    """(1, channels, height, width): the random part of one encoded picture."""
    return make_generator("CPU", seed).randn((channels, height, width))[None]


def prepare(
    init: Init,
    plan: Plan,
    settings: Settings,
    model: Model,
    open_picture: Callable[[str, str], Image.Image],
) -> Start:
    """`open_picture(sha256, field)` gives the stored picture or raises ImageError."""
    size = plan.asked_size
    if init.mask is not None and not init.mask.only_masked:
        # The result comes under an overlay of its own size, in whole latent cells.
        size = (plan.passes[0].width, plan.passes[0].height)
    masks, fields = None, {}
    if init.mask is not None:
        masks, fields = _masks(init.mask, init.resize_mode, size, open_picture)
    slots = [
        _slot(name, open_picture(name, "init_images"), init, masks, size, settings, model)
        for name in init.images
    ]
    if masks is None or init.mask is None:
        return Start(tuple(slots), fields=fields)
    first = slots[0].latent
    small = edit.latent_mask(masks.inner, first.shape[3], first.shape[2], rounded=init.mask.round)
    regenerate = torch.from_numpy(small)[None, None].to(first.device)
    if init.mask.fill != ORIGINAL:
        fields["Masked content"] = FILL_MODES[init.mask.fill]
    soft = init.mask.soft
    if soft is not None:
        fields |= soft.to_fields()
    return Start(
        tuple(_filled(slots, init.mask.fill, regenerate, plan)),
        regenerate,
        mask_picture=masks.inner,
        rounded=init.mask.round,
        fields=fields,
        soft=soft,
        region=masks.region,
        size=size,
    )


def _masks(
    mask: Mask,
    resize_mode: int,
    size: tuple[int, int],
    open_picture: Callable[[str, str], Image.Image],
) -> tuple[_Masks | None, dict[str, Any]]:
    fields: dict[str, Any] = {}
    image = edit.mask_from(open_picture(mask.image, "mask"), rounded=mask.round, invert=mask.invert)
    if mask.invert:
        fields["Mask mode"] = "Inpaint not masked"
    image = edit.blur_mask(image, mask.blur_x, mask.blur_y)
    if mask.blur_x == mask.blur_y and mask.blur_x > 0:
        fields["Mask blur"] = mask.blur_x
    if not mask.only_masked:
        inner = edit.resize(resize_mode, image, *size)
        return _Masks(inner, edit.widened_mask(inner), None), fields
    region = edit.region_of(image, mask.padding)
    if region is None:  # nothing is masked: the whole picture is made anew
        return None, fields
    region = edit.expand_region(region, *size, image.size)
    fields |= {"Inpaint area": "Only masked", "Masked area padding": mask.padding}
    return _Masks(edit.resize(2, image.crop(region), *size), image, region), fields


def _slot(
    name: str,
    picture: Image.Image,
    init: Init,
    masks: _Masks | None,
    size: tuple[int, int],
    settings: Settings,
    model: Model,
) -> Slot:
    ground = settings.img2img.img2img_background_color
    image = flatten(picture, ground)
    region = masks.region if masks else None
    if region is None and init.resize_mode != LATENT_RESIZE:
        image = edit.resize(init.resize_mode, image, *size)
    overlay, whole = None, None
    if masks is not None:
        if settings.img2img.overlay_inpaint:
            whole = image if init.mask is not None and init.mask.soft is not None else None
            overlay = edit.make_overlay(image, masks.overlay, region)
        if region is not None:
            image = edit.resize(2, image.crop(region), *size)
        if init.mask is not None and init.mask.fill != ORIGINAL:
            inner = masks.inner  # of another size where the latent is to be resized
            if inner.size != image.size:
                inner = inner.resize(image.size, resample=edit.LANCZOS)
            image = edit.fill_masked(image, inner)
    colours = edit.lab_of(image) if settings.img2img.img2img_color_correction else None
    # Unmasked, the picture is told by what it was made of: no need to look it through.
    made_of = (name, ground, init.resize_mode, size) if masks is None else None
    return Slot(_encoded(image, size, model, made_of), image, overlay, colours, whole)


class KnownLatents(Remembered[Tensor]):
    """With the encoder that made them."""


def encode_picture(
    image: Image.Image,
    model: Model,
    seed: int = POSTERIOR_SEED,
    *,
    again: bool = False,
    made_of: Hashable = None,
) -> Tensor:
    """(1, C, H // 8, W // 8). What exceeds whole latent cells at the right and below makes none,
    but the cells beside it see it. `seed`: of the encoder's random part. `again`: jobs to come may
    start from the same picture, so its latent is kept; by `made_of`, if that tells all about it,
    else by its content.
    """
    factor = model.spec.vae_factor

    def encoded() -> Tensor:
        height, width = image.height // factor, image.width // factor
        noise = posterior_noise(seed, height, width, model.spec.latent_channels)
        return model.encode_image(edit.to_pixels(image), noise)

    if not again:
        return encoded()
    content = made_of or hashlib.sha256(image.tobytes()).digest()
    return recall_latent(model, model.encoder, (content, image.mode, image.size, seed), encoded)


def recall_latent(
    model: Model, encoder: nn.Module, key: Hashable, compute: Callable[[], Tensor]
) -> Tensor:
    """A latent that `encoder`, the model's, made of what `key` names, or that it makes now."""

    def whole_key() -> Hashable:
        # Tiling, and a rescue from an overflow, change what it makes.
        return (key, model.vae_dtype, model.device, model.vae.encoder.conv_in.padding_mode)

    return recall(attached(encoder, KnownLatents), whole_key, compute, lambda made: made.nbytes)


def _encoded(image: Image.Image, size: tuple[int, int], model: Model, made_of: Hashable) -> Tensor:
    """(1, C, h, w) for a pass of `size`; a picture of another size is brought there as a latent."""
    latent = encode_picture(image, model, again=True, made_of=made_of)
    wanted = (size[1] // model.spec.vae_factor, size[0] // model.spec.vae_factor)
    if latent.shape[2:] != wanted:
        latent = functional.interpolate(latent, size=wanted, mode="bilinear", align_corners=False)
    return latent


def _filled(slots: list[Slot], fill: int, regenerate: Tensor, plan: Plan) -> list[Slot]:
    """The slots with the latent fill modes done. Noise belongs to a place in the batch, so there is
    a slot for each.
    """
    if fill == LATENT_NOTHING:
        kept = [slot.latent * (1 - regenerate) for slot in slots]
    elif fill == LATENT_NOISE:
        slots = [slots[place % len(slots)] for place in range(plan.batch_size)]
        latent = slots[0].latent
        noise = ImageNoise(
            plan.seeds[: plan.batch_size],
            (latent.shape[1], latent.shape[2], latent.shape[3]),
            source=plan.noise_source,
            device=latent.device,
        ).initial()
        kept = [
            slot.latent * (1 - regenerate) + noise[place : place + 1] * regenerate
            for place, slot in enumerate(slots)
        ]
    else:
        return slots
    return [replace(slot, latent=latent) for latent, slot in zip(kept, slots, strict=True)]
