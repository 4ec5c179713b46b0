"""What of the start picture is laid back over a softly inpainted one: all that hardly changed.

Compares the latents before and after, place by place, and makes of it a mask for the overlay. It
knows no sampler and no request. Formulas: A1111 numerics, soft inpainting.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter
from torch import Tensor

from modules.generation.soft_inpainting import SoftInpainting
from modules.pictures import edit

_RADIUS = 2  # of the window, in latent cells
_SPREAD = 1.5
_BLUR = 4  # pixels, against the steps of enlarged cells


def soft_overlay(
    picture: Image.Image,
    region: edit.Region | None,
    size: tuple[int, int],
    before: Tensor,
    after: Tensor,
    regenerate: Tensor,
    soft: SoftInpainting,
) -> edit.Overlay:
    """The overlay for one result. picture: the whole start picture. region: where the pass worked,
    at `size` (width, height) in pixels. before, after (C,h,w): its latents; regenerate (h,w).
    """
    distance = (after - before).float().norm(dim=0).cpu().numpy()
    changed = changed_parts(distance, regenerate.float().cpu().numpy(), soft)
    mask = Image.fromarray((255.0 * changed).astype(np.uint8))
    mask = edit.resize(2, mask, *size).convert("L").filter(ImageFilter.GaussianBlur(_BLUR))
    if region is not None:
        left, top, right, bottom = region
        whole = Image.new("L", picture.size)
        whole.paste(edit.resize(1, mask, right - left, bottom - top).convert("L"), (left, top))
        mask = whole
    return edit.make_overlay(picture, mask, region)


def changed_parts(distance: np.ndarray, regenerate: np.ndarray, soft: SoftInpainting) -> np.ndarray:
    """(h, w) in 0..1: how far each place is to show the new picture, by the distance (h, w) that
    its latent went.
    """
    by_mask = 1 - np.clip(regenerate, 0, 1) ** (soft.preservation / 2)
    by_mask = 0.5 * (1 - soft.influence) + by_mask * soft.influence
    by_mask = by_mask / (1.00001 - by_mask)
    distance = window_mean(window_mean(distance, 0.9, 1.0), 0.25, 0.75)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(distance / (soft.threshold * by_mask), nan=0.0, posinf=np.inf)
        kept = 1 / (1 + ratio**soft.contrast)
    return 1 - kept**3 * (kept * (kept * 6 - 15) + 10)  # smootherstep


def _kernel() -> np.ndarray:
    """(5, 5): a Gaussian that is 1 in the middle and falls to 0 one cell beyond the window."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    squares = offsets[:, None] ** 2 + offsets[None, :] ** 2
    end = math.exp(-((_RADIUS + 1) ** 2) / _SPREAD**2)
    return np.maximum(0, (np.exp(-squares / _SPREAD**2) - end) / (1 - end))


def window_mean(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(h, w): of the values around each place, sorted and weighted by nearness, the mean of those
    from quantile `low` to `high`; at least a weight of 1 counts, as much as the place's own.
    """
    stack, weights = _windows(values.astype(np.float64))
    order = np.argsort(stack, axis=0, kind="stable")
    stack = np.take_along_axis(stack, order, axis=0)
    weights = np.take_along_axis(weights, order, axis=0)
    ends = np.cumsum(weights, axis=0)
    begins = ends - weights
    total = ends[-1]
    first, last = total * low, total * high
    narrow = last - first < 1
    middle = (first + last) / 2
    first, last = np.where(narrow, middle - 0.5, first), np.where(narrow, middle + 0.5, last)
    over = np.where(narrow, np.maximum(last - total, 0), 0)
    first, last = first - over, last - over
    under = np.where(narrow, np.maximum(-first, 0), 0)
    first, last = first + under, last + under
    shares = np.clip(np.minimum(last, ends) - np.maximum(first, begins), 0, None)
    weight = shares.sum(axis=0)
    return (stack * shares).sum(axis=0) / np.where(weight > 0, weight, 1)


def _windows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(25, h, w) each: the values around every place, and their weights, 0 outside."""
    height, width = values.shape
    kernel = _kernel()
    padded = np.pad(values, _RADIUS)
    inside = np.pad(np.ones_like(values), _RADIUS)
    places = [(y, x) for y in range(kernel.shape[0]) for x in range(kernel.shape[1])]
    stack = np.stack([padded[y : y + height, x : x + width] for y, x in places])
    weights = [kernel[y, x] * inside[y : y + height, x : x + width] for y, x in places]
    return stack, np.stack(weights)
