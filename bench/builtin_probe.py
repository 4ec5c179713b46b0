"""A small classifier of pictures, trained on drawn scenes alone: the judge of builtin_quality.

It reads object, colour, ground, light and style off pixels and never sees a generated picture.
Scenes with two objects are left out. It knows nothing of the model that it judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from modules.training.builtin import world
from modules.training.builtin.render import render

FIRST = 20_000_000  # no recipe draws as far as this
JUDGED = 5
NAMES = world.ATTRIBUTES[:JUDGED]
SIDE = 64
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Amounts:
    """How much is drawn and learned."""

    train: int = 8000
    held: int = 400
    epochs: int = 10
    batch: int = 64


TINY = Amounts(train=800, held=100, epochs=3)


class PictureProbe(nn.Module):
    """Pictures (B, 3, 64, 64) in -1..1 to logits per attribute."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.BatchNorm2d(after),
                nn.SiLU(),
            ]
        counts = world.CLASSES[:JUDGED]
        self.body = nn.Sequential(
            *layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(128 * 16, 192), nn.SiLU(),
            nn.Linear(192, sum(counts)),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return self.body(pictures).split(world.CLASSES[:JUDGED], 1)

    @torch.no_grad()
    def read(self, pictures: Sequence[Pictures]) -> NDArray[np.int64]:
        """Class numbers (N, 5) of pictures (H, W, 3), H and W multiples of 64."""
        self.eval()
        parts = [self(shrunk(np.stack(pictures[i : i + 64]))) for i in range(0, len(pictures), 64)]
        rows = [torch.stack([logits.argmax(1) for logits in part], 1) for part in parts]
        return torch.cat(rows).numpy()


def shrunk(pictures: Pictures) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, 64, 64) in -1..1."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return functional.adaptive_avg_pool2d(tensor, SIDE)


def single_scenes(first: int) -> Iterator[world.Scene]:
    """Scenes of one object, from this number on."""
    number = first
    while True:
        scene = world.scene(number)
        if scene.relation == "alone":
            yield scene
        number += 1


def draw(count: int, first: int, pixels: int) -> tuple[Tensor, Tensor, int]:
    """Pictures (count, 3, 64, 64), labels (count, 5), and the number after the last scene's."""
    pictures, labels, last = [], [], first
    for scene in single_scenes(first):
        pictures.append(shrunk(render(scene, pixels)[None]))
        labels.append(scene.labels[:JUDGED])
        last = scene.index
        if len(pictures) == count:
            break
    return torch.cat(pictures), torch.tensor(labels), last + 1


def blurred(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures made softer or noisier, as a decoder might make them."""
    chosen = torch.rand(len(pictures), generator=generator) < 0.5
    soft = functional.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    pictures = torch.where(chosen[:, None, None, None], soft, pictures)
    level = 0.08 * torch.rand(len(pictures), 1, 1, 1, generator=generator)
    return pictures + level * torch.randn(pictures.shape, generator=generator)


def train(amounts: Amounts, pixels: int) -> tuple[PictureProbe, dict[str, float]]:
    """A probe, and the shares (0..1) of held-out drawn scenes that it reads right, by name."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    pictures, labels, after = draw(amounts.train, FIRST, pixels)
    probe = PictureProbe().train()
    steps = amounts.epochs * (amounts.train // amounts.batch)
    optimiser = torch.optim.AdamW(probe.parameters(), 2e-3, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(amounts.epochs):
        order = torch.randperm(amounts.train, generator=generator)
        for chosen in order.split(amounts.batch)[: amounts.train // amounts.batch]:
            logits = probe(blurred(pictures[chosen], generator))
            target = labels[chosen]
            losses = [functional.cross_entropy(part, target[:, n]) for n, part in enumerate(logits)]
            optimiser.zero_grad()
            torch.stack(losses).sum().backward()
            optimiser.step()
            rates.step()
    return probe.eval(), held_shares(probe, amounts.held, after, pixels)


def held_shares(probe: PictureProbe, count: int, first: int, pixels: int) -> dict[str, float]:
    """Shares (0..1) of plain scenes from number `first` on that the probe reads right."""
    scenes: list[world.Scene] = []
    for scene in single_scenes(first):
        if scene.is_plain:
            scenes.append(scene)
        if len(scenes) == count:
            break
    read = probe.read([render(scene, pixels) for scene in scenes])
    return right(read, [scene.labels[:JUDGED] for scene in scenes])


def right(read: NDArray[np.int64], wanted: Sequence[Sequence[int]]) -> dict[str, float]:
    """Shares (0..1) of rows (N, 5) that say what was wanted, by name."""
    same = read == np.asarray(wanted)
    return {name: float(same[:, number].mean()) for number, name in enumerate(NAMES)}


def trained(amounts: Amounts, pixels: int, cache: Path | None) -> tuple[
    PictureProbe, dict[str, float]
]:  # fmt: skip
    """The probe of an earlier run, if `cache` holds one of these amounts, else a new one."""
    key = repr((amounts, pixels, world.NAME))
    if cache is not None and cache.is_file():
        held = torch.load(cache, weights_only=True)
        if held["key"] == key:
            probe = PictureProbe()
            probe.load_state_dict(held["weights"])
            return probe.eval(), held["shares"]
    probe, shares = train(amounts, pixels)
    if cache is not None:
        torch.save({"key": key, "weights": probe.state_dict(), "shares": shares}, cache)
    return probe, shares
