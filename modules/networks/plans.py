"""Memory plans: which of a checkpoint's weights lie on the device, and when. Pure arithmetic.

Knows sizes in bytes and the user's wish, no tensor and no device. How a plan is carried out stands
in offload.py. The estimates of working memory are rough on purpose: a job that needs more than
was planned goes on with the next cheaper plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["all", "turns", "stream"]
Wish = Literal["auto", "all", "turns", "stream"]

MEBIBYTE = 1024**2
RESERVE = 600 * MEBIBYTE
"""Left to the driver, the desktop and fragmentation; a full card falls back to slow memory."""
# Bytes of activations for each byte of the widest feature map: peaks of SD 1.5 and SDXL in fp16.
_UNET_MAPS = 64
_VAE_WIDTH = 256  # channels of the decoder's map at full size, of which about four are alive
_VAE_MAPS = 4


@dataclass(frozen=True)
class Weights:
    """Bytes of a checkpoint's weights as they would lie on the device.

    units: those of the U-Net that can come and go, in the order in which it runs them; unet_rest:
    of its layers that stay.
    """

    texts: int
    units: tuple[int, ...]
    unet_rest: int
    vae: int

    def __post_init__(self) -> None:
        assert min(self.texts, self.unet_rest, self.vae, *self.units) >= 0, self

    @property
    def unet(self) -> int:
        return sum(self.units) + self.unet_rest

    @property
    def whole(self) -> int:
        return self.texts + self.unet + self.vae


@dataclass(frozen=True)
class MemoryPlan:
    """all: everything stays on the device. turns: text encoders, U-Net and VAE each while they
    work. stream: as turns, and the U-Net's units of `streamed` (their numbers) one after the other.
    """

    kind: Kind
    streamed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert (self.kind == "stream") == bool(self.streamed), self
        assert list(self.streamed) == sorted(set(self.streamed)), self

    def words(self) -> str:
        """As the log and the user are told."""
        return {
            "all": "the whole model stays on the device",
            "turns": "text encoders, U-Net and VAE lie on the device in turns",
            "stream": f"{len(self.streamed)} parts of the U-Net come to the device in turns",
        }[self.kind]


ALL = MemoryPlan("all")
TURNS = MemoryPlan("turns")


def choose(weights: Weights, free: int, work: int, wish: Wish = "auto") -> MemoryPlan:
    """The quickest plan that `wish` allows and that fits into `free` bytes beside `work` bytes of
    activations; where none fits, the cheapest.

    "all" and "turns" are taken as they are asked for; "stream" streams every unit.
    """
    if wish == "all":
        return ALL
    if wish == "turns":
        return TURNS
    if wish == "stream":
        return streaming(weights, 0)
    room = free - RESERVE - work
    if weights.whole <= room:
        return ALL
    if max(weights.texts, weights.unet, weights.vae) <= room:
        return TURNS
    return streaming(weights, room)


def streaming(weights: Weights, room: int) -> MemoryPlan:
    """The plan that streams as few units as `room` bytes make necessary, at least one.

    Two units that come and go need a place each. The streamed ones are spread evenly over the way
    through the network, so that there is time to fetch each.
    """
    units = weights.units
    if not units:  # nothing can be streamed
        return TURNS
    places = 2 * max(units)
    over = weights.unet + places - max(room, 0)  # bytes that have to go
    count = len(units)
    for wanted in range(1, count):
        chosen = _spread(wanted, count)
        if sum(units[number] for number in chosen) >= over:
            return MemoryPlan("stream", chosen)
    return MemoryPlan("stream", tuple(range(count)))


def _spread(wanted: int, count: int) -> tuple[int, ...]:
    """`wanted` of the numbers 0 .. count-1, evenly."""
    return tuple(place * count // wanted for place in range(wanted))


def cheaper(plan: MemoryPlan, weights: Weights) -> MemoryPlan | None:
    """The next plan for a job that ran out of memory with this one; None: there is none."""
    if plan.kind == "all":
        return TURNS
    everything = streaming(weights, 0)
    return None if everything == plan or everything.kind == plan.kind == "turns" else everything


def working_bytes(
    *, width: int, height: int, rows: int, channels: int, item_bytes: int, vae_factor: int = 8
) -> int:
    """About how much memory U-Net and VAE compute in, for pictures of (width, height) pixels.

    rows: of a call, prompt and negative prompt counted each. channels: of the U-Net's first level.
    item_bytes: of a number.
    """
    cells = (width // vae_factor) * (height // vae_factor)
    unet = rows * cells * channels * item_bytes * _UNET_MAPS
    vae = width * height * _VAE_WIDTH * item_bytes * _VAE_MAPS
    return max(unet, vae)
