"""Pictures before they enter the model and after they leave it: sizes, masks, fills, overlays,
colours.

Works on PIL images and numpy arrays, in 8 bits, by the very library calls that A1111's pictures
were made with (A1111 numerics: img2img and inpainting), because a repainted picture shows every
level. Knows nothing of latents, models, requests or files; the one place where a tensor and a
picture meet is `to_pixels` and `to_image`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

Region = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom exclusive

LANCZOS = Image.Resampling.LANCZOS

# (radius, repeats): how far and how often the surroundings are spread over what is to be filled.
_FILL_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def to_pixels(image: Image.Image) -> Tensor:
    """(1, 3, H, W) fp32 in [-1, 1]."""
    values = np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0
    return torch.from_numpy(values).permute(2, 0, 1)[None] * 2.0 - 1.0


def eight_bits(pixels: Tensor) -> Tensor:
    """Planes (3, H, W) uint8 on the same device, of pixels (3, H, W) in about [-1, 1]: clamped,
    then truncated, not rounded (A1111 numerics: VAE and pixels).
    """
    # The original halves, clamps to 0..1 and takes 255 times that: the same number in more passes.
    return (pixels.float() + 1.0).mul_(127.5).clamp_(0.0, 255.0).to(torch.uint8)


def from_planes(planes: Tensor) -> Image.Image:
    """RGB of planes (3, H, W) uint8 on the CPU."""
    bands = [Image.fromarray(plane) for plane in planes.numpy()]
    return Image.merge("RGB", bands)


def to_image(pixels: Tensor) -> Image.Image:
    """8-bit RGB of pixels (3, H, W), as `eight_bits`."""
    return from_planes(eight_bits(pixels).cpu())


def resize(mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
    """`image` at width x height: 0 stretched, 1 cropped to fit, 2 (and 3, on pictures) with its
    edges drawn out.

    Modes 1 and 2 give RGB; mode 0 keeps the picture's own mode. A picture that is so already is
    given back itself.
    """
    assert mode in (0, 1, 2, 3), mode
    if image.size == (width, height) and (mode == 0 or image.mode == "RGB"):
        return image
    if mode == 0:
        return image.resize((width, height), resample=LANCZOS)
    wanted, has = width / height, image.width / image.height
    by_width = wanted > has if mode == 1 else wanted < has
    by_height = wanted <= has if mode == 1 else wanted >= has
    inner_width = width if by_width else image.width * height // image.height
    inner_height = height if by_height else image.height * width // image.width
    inner = image.resize((inner_width, inner_height), resample=LANCZOS)
    result = Image.new("RGB", (width, height))
    result.paste(inner, box=(width // 2 - inner_width // 2, height // 2 - inner_height // 2))
    if mode != 1:
        _draw_out_edges(result, inner, wanted < has, wanted > has)
    return result


def _draw_out_edges(
    result: Image.Image, inner: Image.Image, above_and_below: bool, beside: bool
) -> None:
    """Fill the bands around the centred `inner`: each is a line of the inner's edge, resized from a
    box of no extent.

    The second band starts where the first's size puts it, so that an odd line stays black, as in
    A1111.
    """
    width, height = result.size
    band_height, band_width = height // 2 - inner.height // 2, width // 2 - inner.width // 2
    if above_and_below and band_height > 0:
        for source_y, target_y in ((0, 0), (inner.height, band_height + inner.height)):
            band = inner.resize((width, band_height), box=(0, source_y, width, source_y))
            result.paste(band, box=(0, target_y))
    elif beside and band_width > 0:
        for source_x, target_x in ((0, 0), (inner.width, band_width + inner.width)):
            band = inner.resize((band_width, height), box=(source_x, 0, source_x, height))
            result.paste(band, box=(target_x, 0))


# Masks: mode "L", 255 where the picture is to be made anew.


def mask_from(image: Image.Image, *, rounded: bool, invert: bool) -> Image.Image:
    """The mask that a picture means: its alpha where it has any, cut at half if `rounded`, else its
    brightness.
    """
    if image.mode == "RGBA" and image.getextrema()[-1] != (255, 255):
        mask = image.split()[-1]
        if rounded:
            mask = mask.point([255 if value > 128 else 0 for value in range(256)])
    else:
        mask = image.convert("L")
    return ImageOps.invert(mask) if invert else mask


def blur_mask(mask: Image.Image, blur_x: float, blur_y: float) -> Image.Image:
    """Gaussian blur across, then down; the blurs are standard deviations in pixels."""
    values = np.array(mask)
    for sigma, across in ((blur_x, True), (blur_y, False)):
        if sigma > 0:
            size = 2 * int(2.5 * sigma + 0.5) + 1
            values = cv2.GaussianBlur(values, (size, 1) if across else (1, size), sigma)
    return Image.fromarray(values)


def region_of(mask: Image.Image, padding: int) -> Region | None:
    """The box around all of the mask that is not black, widened by `padding` within the picture;
    None if all black.
    """
    box = mask.getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    return (
        max(left - padding, 0),
        max(top - padding, 0),
        min(right + padding, mask.width),
        min(bottom + padding, mask.height),
    )


def expand_region(region: Region, width: int, height: int, bounds: tuple[int, int]) -> Region:
    """`region` grown to the aspect of width x height as far as the picture of size `bounds` lets
    it.
    """
    left, top, right, bottom = region
    aspect_has, aspect_wanted = (right - left) / (bottom - top), width / height
    if aspect_has > aspect_wanted:
        top, bottom = _grow(top, bottom, (right - left) / aspect_wanted, bounds[1])
    else:
        left, right = _grow(left, right, aspect_wanted * (bottom - top), bounds[0])
    return left, top, right, bottom


def _grow(low: int, high: int, wanted: float, bound: int) -> tuple[int, int]:
    missing = int(wanted - (high - low))
    low -= missing // 2
    high += missing - missing // 2
    if high >= bound:
        low, high = low - (high - bound), bound
    if low < 0:
        low, high = 0, high - low
    return low, min(high, bound)


def fill_masked(image: Image.Image, mask: Image.Image) -> Image.Image:
    """RGB with the masked part replaced by its surroundings, spread into it by ever finer blurs."""
    result = Image.new("RGBA", image.size)
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    for radius, repeats in _FILL_BLURS:
        blurred = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(repeats):
            result.alpha_composite(blurred)
    return result.convert("RGB")


def latent_mask(mask: Image.Image, width: int, height: int, *, rounded: bool) -> np.ndarray:
    """(height, width) fp32 in 0..1, 1 = make anew: the mask by PIL's own bicubic, halves rounded to
    even.
    """
    small = mask.convert("RGB").resize((width, height))
    values = np.asarray(small, dtype=np.float32)[..., 0] / 255.0
    return np.around(values) if rounded else values


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is laid over a finished picture: the start picture where its mask is black, and where
    the result belongs.
    """

    picture: Image.Image  # RGBA
    region: Region | None  # None: the result is the whole picture

    def placed(self, image: Image.Image) -> Image.Image:
        """RGBA: the result where it belongs, transparent around it."""
        if self.region is None:
            return image.convert("RGBA")
        left, top, right, bottom = self.region
        canvas = Image.new("RGBA", self.picture.size)
        canvas.paste(resize(1, image, right - left, bottom - top), (left, top))
        return canvas

    def apply(self, image: Image.Image) -> Image.Image:
        whole = self.placed(image)
        whole.alpha_composite(self._over(whole.size))
        return whole.convert("RGB")

    def mask(self, image: Image.Image) -> Image.Image:
        """Mode "L", as large as the whole picture with `image`: white where the result is seen."""
        size = image.size if self.region is None else self.picture.size
        return ImageOps.invert(self._over(size).getchannel("A"))

    def _over(self, size: tuple[int, int]) -> Image.Image:
        over = self.picture
        return over if over.size == size else over.resize(size, resample=LANCZOS)


def make_overlay(image: Image.Image, mask: Image.Image, region: Region | None) -> Overlay:
    """`mask` is the one for overlays: as large as the picture or stretched to it; white parts stay
    open.
    """
    if mask.size != image.size:
        mask = mask.resize(image.size, resample=LANCZOS)
    canvas = Image.new("RGBa", image.size)
    canvas.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    return Overlay(canvas.convert("RGBA"), region)


def widened_mask(mask: Image.Image) -> Image.Image:
    """The mask for the overlay of a whole picture: twice as strong, clipped, so that the blur's
    inner half is open.
    """
    doubled = np.clip(np.asarray(mask.convert("L"), dtype=np.float32) * 2, 0, 255)
    return Image.fromarray(doubled.astype(np.uint8))


# Colours


def lab_of(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8 CIE LAB as OpenCV scales it."""
    return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2LAB)


def match_colours(image: Image.Image, target: np.ndarray) -> Image.Image:
    """`image` in the colours of `target` (from `lab_of`) but with its own luminosity."""
    source = lab_of(image)
    matched = np.stack([_match(source[..., c], target[..., c]) for c in range(3)], axis=-1)
    corrected = cv2.cvtColor(matched.astype(np.uint8), cv2.COLOR_LAB2RGB)
    return Image.fromarray(_with_luminosity(corrected, np.asarray(image.convert("RGB"))))


def _match(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """One uint8 channel with its cumulative histogram laid on the target's."""
    _, where, counts = np.unique(source.ravel(), return_inverse=True, return_counts=True)
    target_values, target_counts = np.unique(target.ravel(), return_counts=True)
    quantiles = np.cumsum(counts) / source.size
    target_quantiles = np.cumsum(target_counts) / target.size
    values = np.interp(quantiles, target_quantiles, target_values)
    return values[where].reshape(source.shape)


_LUMINOSITY = np.array([0.3, 0.59, 0.11])  # W3C Compositing and Blending, non-separable modes


def _with_luminosity(colours: np.ndarray, light: np.ndarray) -> np.ndarray:
    """uint8 RGB: the hue and saturation of `colours`, the luminosity of `light`."""
    base, other = colours / 255.0, light / 255.0
    shifted = base + ((other - base) @ _LUMINOSITY)[..., None]
    level = (shifted @ _LUMINOSITY)[..., None]
    low, high = shifted.min(-1, keepdims=True), shifted.max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        raised = np.where(low < 0, level + (shifted - level) * level / (level - low), shifted)
        result = np.where(high > 1, level + (raised - level) * (1 - level) / (high - level), raised)
    return np.clip(np.nan_to_num(result) * 255.0, 0, 255).astype(np.uint8)
