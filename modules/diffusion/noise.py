"""Random numbers: one generator per image, so that a picture does not depend on its batch.

Three sources: "CPU" (torch's CPU generator), "GPU" (torch's generator on the CUDA device, elsewhere
the CPU's) and "NV" (what an NVIDIA card would draw, computed anywhere). It does not know which
sampler asks, nor where seeds come from. Definitions: A1111 numerics, random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from modules.diffusion.brownian import BrownianPaths
from modules.errors import RequestError

SOURCES = ("CPU", "NV", "GPU")
MAX_SEED = 2**64 - 1


def draw_device(source: str, device: torch.device) -> torch.device:
    """Where the numbers of `source` are computed when they are wanted on `device`."""
    return device if source == "GPU" and device.type == "cuda" else torch.device("cpu")


def upload(drawn: Tensor, device: torch.device) -> Tensor:
    """`drawn` on `device`, without waiting for what the device is doing."""
    if device.type == "cuda" and drawn.device.type == "cpu":
        return drawn.pin_memory().to(device, non_blocking=True)
    return drawn.to(device)


class Generator(Protocol):
    def randn(self, shape: Sequence[int]) -> Tensor:
        """The next standard normal numbers of this stream, fp32, on the generator's device."""
        ...


class TorchGenerator:
    """torch's own stream, computed on `where` and handed over on `device`."""

    def __init__(self, seed: int, where: torch.device, device: torch.device) -> None:
        self._generator = torch.Generator(where).manual_seed(seed)
        self._device = device

    def randn(self, shape: Sequence[int]) -> Tensor:
        where = self._generator.device
        drawn = torch.randn(
            tuple(shape), generator=self._generator, device=where, dtype=torch.float32
        )
        return upload(drawn, self._device)


PHILOX_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10
LOW_WORD = np.uint64(0xFFFFFFFF)
WORD_BITS = np.uint64(32)
UINT_TO_UNIT = np.float32(2.3283064e-10)
UINT_TO_CIRCLE = np.float32(2.3283064e-10 * 6.2831855)


def philox_normal(seed: int, offset: int, count: int) -> np.ndarray:
    """`count` fp32 standard normal numbers: draw number `offset` of a CUDA generator with `seed`.

    Philox-4x32-10 (Salmon et al. 2011) with counter (offset, 0, i, 0), then Box-Muller on the first
    two words. Words are kept in uint64 arrays, so that a product needs no widening.
    """
    c0 = np.full(count, offset, dtype=np.uint64)
    c1 = np.zeros(count, dtype=np.uint64)
    c2 = np.arange(count, dtype=np.uint64)
    c3 = np.zeros(count, dtype=np.uint64)
    high = np.empty(count, dtype=np.uint64)
    key0, key1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(PHILOX_ROUNDS):  # in place: fresh arrays would cost as much as the arithmetic
        c2 *= PHILOX_MULTIPLIERS[1]
        np.right_shift(c2, WORD_BITS, out=high)
        high ^= c1
        high ^= np.uint64(key0)
        np.bitwise_and(c2, LOW_WORD, out=c1)
        c0 *= PHILOX_MULTIPLIERS[0]
        np.right_shift(c0, WORD_BITS, out=c2)
        c2 ^= c3
        c2 ^= np.uint64(key1)
        np.bitwise_and(c0, LOW_WORD, out=c3)
        c0, high = high, c0
        key0, key1 = (key0 + PHILOX_WEYL[0]) % 2**32, (key1 + PHILOX_WEYL[1]) % 2**32
    radius = c0 * np.float64(UINT_TO_UNIT)
    radius += np.float64(UINT_TO_UNIT / 2)
    angle = c1 * np.float64(UINT_TO_CIRCLE)
    angle += np.float64(UINT_TO_CIRCLE / 2)
    np.log(radius, out=radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    np.sin(angle, out=angle)
    radius *= angle
    return radius.astype(np.float32)


class PhiloxGenerator:
    """The stream of an NVIDIA card, for up to about 160,000 numbers a draw (A1111 numerics: NV)."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed = seed
        self._offset = 0
        self._device = device

    def randn(self, shape: Sequence[int]) -> Tensor:
        drawn = philox_normal(self._seed, self._offset, math.prod(shape))
        self._offset += 1
        return upload(torch.from_numpy(drawn).reshape(tuple(shape)), self._device)


def make_generator(source: str, seed: int, device: torch.device | str = "cpu") -> Generator:
    """A fresh stream. RequestError for a seed that the source can't take."""
    assert source in SOURCES, f"random source {source!r}"
    target = torch.device(device)
    lowest = 0 if source == "NV" else -(2**63)
    if not lowest <= seed <= MAX_SEED:
        raise RequestError(
            f"seed {seed} can't be used with {source} random numbers: it must lie in"
            f" {lowest}..{MAX_SEED}, or be -1 for a random one",
            field="seed",
        )
    if source == "NV":
        return PhiloxGenerator(seed, target)
    return TorchGenerator(seed, draw_device(source, target), target)


def slerp(strength: float, low: Tensor, high: Tensor) -> Tensor:
    """Spherical interpolation from low (strength 0) to high, (C,H,W), along the height.

    Almost parallel noises are mixed linearly with the weights exchanged, as A1111 does.
    """
    low_unit = low / torch.norm(low, dim=1, keepdim=True)
    high_unit = high / torch.norm(high, dim=1, keepdim=True)
    dot = (low_unit * high_unit).sum(dim=1)  # (C, W)
    if dot.mean() > 0.9995:
        return low * strength + high * (1 - strength)
    omega = torch.acos(dot)
    sine = torch.sin(omega)
    low_weight = torch.sin((1.0 - strength) * omega) / sine
    high_weight = torch.sin(strength * omega) / sine
    return low_weight.unsqueeze(1) * low + high_weight.unsqueeze(1) * high


def place_centred(noise: Tensor, ground: Tensor) -> Tensor:
    """`ground` (C,H,W) with `noise` (C,h,w) laid over its centre; what sticks out is cut off."""
    (_, height, width), (_, noise_height, noise_width) = ground.shape, noise.shape
    dx, dy = (width - noise_width) // 2, (height - noise_height) // 2
    w = noise_width if dx >= 0 else noise_width + 2 * dx
    h = noise_height if dy >= 0 else noise_height + 2 * dy
    to_x, to_y, from_x, from_y = max(dx, 0), max(dy, 0), max(-dx, 0), max(-dy, 0)
    placed = ground.clone()
    source = noise[:, from_y : from_y + h, from_x : from_x + w]
    placed[:, to_y : to_y + h, to_x : to_x + w] = source
    return placed


class ImageNoise:
    """The random numbers of one pass over a batch: the first noise, then one draw per step.

    seeds, subseeds: one per image. shape: (C,H,W) of one latent. resize_from: (height, width) of
    the latent whose noise is wanted in the middle. ensd ("eta noise seed delta"): when not 0, draws
    after the first come from fresh streams of seed + ensd.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        *,
        source: str,
        device: torch.device | str = "cpu",
        subseeds: Sequence[int] = (),
        subseed_strength: float = 0.0,
        resize_from: tuple[int, int] | None = None,
        ensd: int = 0,
    ) -> None:
        assert seeds, "noise for no image"
        self._seeds = tuple(seeds)
        self._shape = shape
        self._source = source
        self._device = torch.device(device)
        self._subseeds = tuple(subseeds)
        self._subseed_strength = subseed_strength
        self._noise_shape = shape if resize_from is None else (shape[0], *resize_from)
        self._ensd = ensd
        self._generators = [self._fresh(seed) for seed in self._seeds]
        self._started = False

    def _fresh(self, seed: int) -> Generator:
        # Noises are mixed where they are drawn; a batch goes to the device in one piece.
        return make_generator(self._source, seed, draw_device(self._source, self._device))

    def initial(self) -> Tensor:
        """(B,C,H,W) fp32: the noise that the pass starts from. Once, before `next`."""
        assert not self._started, "the first noise of a pass was drawn already"
        self._started = True
        noise = torch.stack([self._first_of(index) for index in range(len(self._seeds))])
        if self._ensd != 0:
            self._generators = [self._fresh(seed + self._ensd) for seed in self._seeds]
        return upload(noise, self._device)

    def next(self) -> Tensor:
        """(B,C,H,W) fp32: the noise of the next step."""
        assert self._started, "step noise was asked for before the first noise"
        drawn = [generator.randn(self._shape) for generator in self._generators]
        # One image's own need no copy.
        together = torch.stack(drawn) if len(drawn) > 1 else drawn[0][None]
        return upload(together, self._device)

    def _first_of(self, index: int) -> Tensor:
        generator = self._generators[index]
        resized = self._noise_shape != self._shape
        source = self._fresh(self._seeds[index]) if resized else generator
        noise = source.randn(self._noise_shape)
        if self._subseeds and self._subseed_strength != 0:
            subseed = self._subseeds[index] if index < len(self._subseeds) else 0
            variation = self._fresh(subseed).randn(self._noise_shape)
            noise = slerp(self._subseed_strength, noise, variation)
        return place_centred(noise, generator.randn(self._shape)) if resized else noise


class BrownianNoise:
    """Step noise of the SDE samplers: increments of one Brownian path per image over sigma.

    The noise of an interval does not depend on how many steps are taken (A1111 numerics: per-step
    noise). `sigmas` is the full schedule, before img2img cuts it; `shape` is (C,H,W); `dtype` that
    of the latent that img2img starts from. Subseeds and ensd have no effect here. `together`: one
    path for the whole batch, which differs with every seed in it.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        sigmas: Tensor,
        *,
        source: str,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        together: bool = False,
    ) -> None:
        self._device = torch.device(device)
        self._together = together
        # What is drawn on the CPU is also added up there: one upload a step, not one a node.
        where = draw_device(source, self._device)
        low, high = float(sigmas[sigmas > 0].min()), float(sigmas.max())
        size, entropies = tuple(shape), list(seeds)
        if together:
            size = (len(seeds), *shape)
            entropies = [int(np.random.SeedSequence(seeds).generate_state(1)[0])]

        def draw(seed: int) -> Tensor:
            return make_generator(source, seed, where).randn(size).to(dtype)

        self._paths = BrownianPaths(low, high, entropies, draw)

    def __call__(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        """(B,C,H,W) unit noise in `dtype` for the step from sigma to sigma_next, both 0-dim."""
        low, high = sorted((float(sigma), float(sigma_next)))
        increments = self._paths.increment(low, high)
        if self._together:
            increments = increments[0]
        length = (sigma_next - sigma).abs().sqrt().cpu()
        return upload((increments if sigma_next > sigma else -increments) / length, self._device)
