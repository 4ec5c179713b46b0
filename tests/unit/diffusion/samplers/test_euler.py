"""Draws and limits of the samplers along dx/dsigma."""

import torch
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.samplers.euler import euler, euler_ancestral, heun, lms
from modules.diffusion.schedules import build


class CountedNoise:
    def __init__(self) -> None:
        self.draws = 0

    def __call__(self) -> Tensor:
        self.draws += 1
        return torch.ones(1, 4, 2, 2)


def perfect(x: Tensor, sigma: Tensor) -> Tensor:
    """A model that knows the one picture there is: all 0.25."""
    return torch.full_like(x, 0.25)


def test_euler_and_heun_with_churn_draw_at_every_step_even_unused_and_else_never(
    table: SigmaTable,
) -> None:
    for sampler in (euler, heun):
        for churn, draws in ((0.0, 0), (1.0, 6)):
            noise = CountedNoise()
            start, sigmas = torch.ones(1, 4, 2, 2), build("Karras", 6, table)
            list(sampler(perfect, start, sigmas, noise=noise, s_churn=churn, s_tmax=1.0))
            assert noise.draws == draws


def test_ancestral_euler_draws_at_every_step_but_the_last(table: SigmaTable) -> None:
    noise = CountedNoise()
    x = torch.ones(1, 4, 2, 2)
    list(euler_ancestral(perfect, x, build("Karras", 6, table), noise=noise))
    assert noise.draws == 5


def test_with_a_perfect_model_every_start_ends_at_its_picture(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    x = torch.randn((1, 4, 2, 2), generator=torch.Generator().manual_seed(1)) * sigmas[0]
    for walk in (
        euler(perfect, x, sigmas, noise=CountedNoise()),
        heun(perfect, x, sigmas, noise=CountedNoise()),
        lms(perfect, x, sigmas),
    ):
        torch.testing.assert_close(list(walk)[-1].x, torch.full_like(x, 0.25), rtol=0, atol=1e-5)


def test_eta_zero_turns_euler_a_into_euler(table: SigmaTable) -> None:
    sigmas = build("Uniform", 6, table)
    x = torch.randn((1, 4, 2, 2), generator=torch.Generator().manual_seed(2)) * sigmas[0]

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        return torch.tanh(x / (1 + sigma))

    ancestral = list(euler_ancestral(denoise, x, sigmas, noise=CountedNoise(), eta=0.0))[-1].x
    plain = list(euler(denoise, x, sigmas, noise=CountedNoise()))[-1].x
    torch.testing.assert_close(ancestral, plain, rtol=1e-6, atol=1e-6)
