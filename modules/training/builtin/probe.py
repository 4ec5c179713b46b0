"""A small classifier that reads object, colour and ground off latents: the automatic judge.

It is trained on drawn scenes alone and never sees a generated one.
"""

import logging

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from modules.training.builtin import world
from modules.training.builtin.loop import Place, Schedule, Stage

log = logging.getLogger(__name__)
JUDGED = 5
"""The first attributes of a scene: object, colour, ground, light, style."""


class Probe(nn.Module):
    """Latents (B, 4, h, w) to logits of object, colour, ground, light and style."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        counts = world.CLASSES[:JUDGED]
        self.counts = counts
        self.body = nn.Sequential(
            nn.Conv2d(4, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1, stride=2),
            nn.BatchNorm2d(2 * width),
            nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.SiLU(),
            nn.Conv2d(2 * width, 3 * width, 3, padding=1, stride=2),
            nn.BatchNorm2d(3 * width),
            nn.SiLU(),
            nn.Flatten(),
            nn.LazyLinear(160),
            nn.SiLU(),
            nn.Dropout(0.2),
            nn.Linear(160, sum(counts)),
        )

    def forward(self, latent: Tensor) -> tuple[Tensor, ...]:
        return self.body(latent).split(self.counts, 1)


def train_probe(
    latents: Tensor, labels: Tensor, side: int, schedule: Schedule, place: Place
) -> Probe:
    """Trains on latents (N, 4, h, w) with labels (N, attributes); resumes if it can."""
    probe = Probe()
    probe(torch.zeros(2, 4, side, side))  # gives the lazy layer its size
    probe.to(place.device)
    stage = Stage("probe", probe, schedule, place)
    stage.resume()

    def loss(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = torch.randint(0, len(latents), (64,), generator=generator)
        latent = latents[chosen].float()
        level = 0.25 * torch.rand(len(latent), 1, 1, 1, generator=generator)
        latent = latent + level * torch.randn(latent.shape, generator=generator)
        target = labels[chosen].to(place.device)
        logits = probe(latent.to(place.device))
        losses = [functional.cross_entropy(part, target[:, n]) for n, part in enumerate(logits)]
        return torch.stack(losses).sum(), {}

    stage.train(loss)
    return probe.eval()


@torch.no_grad()
def right_share(probe: Probe, latents: Tensor, labels: Tensor) -> dict[str, float]:
    """Share (0..1) of latents (N, 4, h, w) that show what labels (N, attributes) say, by name."""
    probe.eval()
    device = next(probe.parameters()).device
    logits = probe(latents.float().to(device))
    return {
        name: float((part.argmax(1).cpu() == labels[:, number].cpu()).float().mean())
        for number, (name, part) in enumerate(zip(world.ATTRIBUTES, logits, strict=False))
    }
