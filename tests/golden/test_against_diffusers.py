"""diffusers' schedulers walked beside our samplers, where both define the same method.

diffusers is an oracle in tests only. Both sides see one toy noise model; a failure names the step.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler
from torch import Tensor

from modules.diffusion import schedules, steps
from modules.diffusion.denoiser import EpsDenoiser, VDenoiser
from modules.diffusion.noise_schedule import SigmaTable, alphas_cumprod
from modules.diffusion.samplers.dpmpp import dpmpp_2m
from modules.diffusion.samplers.euler import euler, heun, lms
from modules.diffusion.samplers.timestep import ddim

# diffusers makes numpy arrays of tensors in a way that numpy 2 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TABLE = SigmaTable(alphas_cumprod())
STEPS = 15
MODEL: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}


def toy_prediction(x: Tensor, t: Tensor) -> Tensor:
    """A smooth model of scaled input and timestep, that is nobody's closed form."""
    phase = (t / 1000).view(-1, 1, 1, 1)
    return torch.tanh(x * (1 - phase) + 0.3 * x.roll(1, dims=-1)) + phase * x


@pytest.fixture
def start() -> Tensor:
    return torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(7))


def unused_noise() -> Tensor:
    return torch.zeros(2, 4, 8, 8)


def assert_same_walk(ours: Iterable[steps.Step], theirs: Callable[[], Iterable[Tensor]]) -> None:
    for step, expected in zip(ours, theirs(), strict=True):
        scale = float(expected.abs().max())
        difference = float((step.x - expected).abs().max()) / scale
        assert difference < 2e-5, f"step {step.i}: relative difference {difference:.2e}"


def walk_of(scheduler: Any, x: Tensor) -> Iterable[Tensor]:
    """Latents after each step of a diffusers scheduler on the toy model."""
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        prediction = toy_prediction(scaled, t.float().expand(len(x)))
        x = scheduler.step(prediction, t, x).prev_sample
        yield x


@pytest.mark.parametrize(
    ("prediction", "denoiser"),
    [("epsilon", EpsDenoiser), ("v_prediction", VDenoiser)],
)
def test_euler_on_karras_levels_walks_as_in_diffusers(
    start: Tensor, prediction: Any, denoiser: type[EpsDenoiser]
) -> None:
    scheduler = EulerDiscreteScheduler(**MODEL, prediction_type=prediction, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    sigmas = schedules.build("Karras", STEPS, TABLE)
    assert scheduler.sigmas.tolist() == pytest.approx(sigmas.tolist(), rel=1e-4)
    x = start * sigmas[0]

    ours = euler(denoiser(toy_prediction, TABLE), x, scheduler.sigmas, noise=unused_noise)

    assert_same_walk(ours, lambda: walk_of(scheduler, x))


def test_lms_on_karras_levels_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = LMSDiscreteScheduler(**MODEL, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    x = start * scheduler.sigmas[0]

    ours = lms(EpsDenoiser(toy_prediction, TABLE), x, scheduler.sigmas)

    assert_same_walk(ours, lambda: walk_of(scheduler, x))


def test_heun_on_karras_levels_ends_as_in_diffusers(start: Tensor) -> None:
    """diffusers calls the second evaluation of a step a step of its own."""
    scheduler = HeunDiscreteScheduler(**MODEL, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    sigmas = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1::2]])
    x = start * sigmas[0]

    ours = list(heun(EpsDenoiser(toy_prediction, TABLE), x, sigmas, noise=unused_noise))

    theirs = list(walk_of(scheduler, x))
    assert len(theirs) == 2 * len(ours) - 1
    found, expected = ours[-1].x, theirs[-1]
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


def test_dpmpp_2m_walks_as_in_diffusers(start: Tensor) -> None:
    """diffusers walks in VP space, from a start scaled to it; ours in VE space."""
    scheduler = DPMSolverMultistepScheduler(
        **MODEL, algorithm_type="dpmsolver++", use_karras_sigmas=True, final_sigmas_type="zero",
        euler_at_final=True,
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    sigmas = scheduler.sigmas
    x = start * sigmas[0]
    model_times = iter(scheduler.timesteps)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        # diffusers rounds timesteps: the model is asked at the same ones.
        t = next(model_times).float().expand(len(x))
        return x - sigma * toy_prediction(x / (sigma**2 + 1) ** 0.5, t)

    def theirs() -> Iterable[Tensor]:
        vp_start = x / (sigmas[0] ** 2 + 1) ** 0.5
        for found, sigma in zip(walk_of(scheduler, vp_start), sigmas[1:], strict=True):
            yield found * (sigma**2 + 1) ** 0.5

    assert_same_walk(dpmpp_2m(denoise, x, sigmas), theirs)


@pytest.mark.parametrize(
    ("prediction", "denoiser"),
    [("epsilon", EpsDenoiser), ("v_prediction", VDenoiser)],
)
def test_ddim_walks_as_in_diffusers(
    start: Tensor, prediction: Any, denoiser: type[EpsDenoiser]
) -> None:
    count = 20
    scheduler = DDIMScheduler(
        **MODEL, prediction_type=prediction, clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, timestep_spacing="leading",
    )  # fmt: skip
    scheduler.set_timesteps(count)
    plan = steps.timestep_plan(TABLE, count)
    assert scheduler.timesteps.tolist() == plan.timesteps.tolist()[::-1]

    def theirs() -> Iterable[Tensor]:
        # A1111 never takes the step from timestep 1 to 0, which is diffusers' last.
        return list(walk_of(scheduler, start))[:-1]

    ours = ddim(denoiser(toy_prediction, TABLE).eps, start, plan, noise=unused_noise)

    assert_same_walk(ours, theirs)


def test_alpha_bar_is_that_of_diffusers() -> None:
    theirs = DDIMScheduler(**MODEL).alphas_cumprod.numpy()
    np.testing.assert_allclose(alphas_cumprod().numpy(), theirs, rtol=2e-5)
