"""A toy model that every test of the numerics can sample: its x0 and its noise agree."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion import latents, schedules, steps
from modules.diffusion.denoiser import LcmDenoiser
from modules.diffusion.noise import BrownianNoise, ImageNoise
from modules.diffusion.noise_schedule import LcmTable, SigmaTable, alphas_cumprod
from modules.diffusion.samplers.table import SAMPLERS

SHAPE = (4, 6, 5)


class ToyGuided:
    """Stands where Guided stands: x0 = tanh(x / (1 + sigma²)) in every call's form."""

    def __init__(self, table: SigmaTable) -> None:
        self.table = table

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return torch.tanh(x / (1 + sigma**2))

    def eps(self, x: Tensor, t: Tensor) -> Tensor:
        alpha = 1 / (1 + self.table.t_to_sigma(t) ** 2)
        return (x - alpha.sqrt() * torch.tanh(x * alpha.sqrt())) / (1 - alpha).sqrt()

    def eps_pair(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return self.eps(x, t), 0.9 * self.eps(x, t)


@pytest.fixture(scope="session")
def table() -> SigmaTable:
    return SigmaTable(alphas_cumprod())


@pytest.fixture(scope="session")
def sample(table: SigmaTable) -> Callable[..., list[steps.Step]]:
    """sample(label, seeds, steps=8, **options) -> all Steps of a txt2img walk on the toy model."""

    def run(label: str, seeds: list[int], count: int = 8, **options: Any) -> list[steps.Step]:
        entry = SAMPLERS[label]
        guided: Any = ToyGuided(table)
        image_noise = ImageNoise(seeds, SHAPE, source="CPU")
        x = image_noise.initial()
        draw: Callable[..., Tensor] = image_noise.next
        levels: Any = steps.timestep_plan(table, count)
        if entry.kind != "timestep":
            levels_of = table
            if entry.table == "lcm":
                levels_of = LcmTable(alphas_cumprod())
                toy = guided
                guided = LcmDenoiser(lambda x, t: toy.eps(x, t[0]), levels_of)
            assert entry.default_schedule is not None
            sigmas = schedules.build(entry.default_schedule, count, levels_of)
            x = latents.initial_latent(x, sigmas[0])
            levels = steps.span_of_sigmas(sigmas) if entry.kind == "span" else sigmas
            if entry.noise == "brownian":
                draw = BrownianNoise(seeds, SHAPE, sigmas, source="CPU")
        return list(entry.walk(guided, x, levels, noise=draw, options=options))

    return run
