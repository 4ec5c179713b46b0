"""diffusers' schedulers walked beside our samplers, where both define the same method.

diffusers is an oracle in tests only. Both sides see one toy noise model; a failure names the step.
Everywhere the bound is a relative difference of 2e-5 at each step (Heun: 1e-4 at the end).

Without a twin there: DPM++ 2S a (its DPMSolverSinglestep spreads the two halves of a step over two
of its own), DPM fast, DPM adaptive, Restart, DDIM CFG++, UniPC's vary_coeff. DPM++ 3M SDE has one
at eta 0 only: with noise, the last term of diffusers' step does not vanish with the step's size.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_sde import DPMSolverSDEScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete import (
    KDPM2AncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_k_dpm_2_discrete import KDPM2DiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from modules.diffusion import schedules, steps
from modules.diffusion.denoiser import EpsDenoiser, LcmDenoiser, VDenoiser
from modules.diffusion.noise_schedule import LcmTable, SigmaTable, alphas_cumprod
from modules.diffusion.samplers.dpm import dpm_2, dpm_2_ancestral
from modules.diffusion.samplers.dpmpp import (
    dpmpp_2m,
    dpmpp_2m_sde,
    dpmpp_2m_sde_heun,
    dpmpp_3m_sde,
    dpmpp_sde,
)
from modules.diffusion.samplers.euler import euler, euler_ancestral, heun, lcm, lms
from modules.diffusion.samplers.timestep import ddim, plms
from modules.diffusion.samplers.unipc import unipc

# diffusers makes numpy arrays of tensors in a way that numpy 2 calls old.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must:DeprecationWarning"),
]

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


def walk_of(scheduler: Any, x: Tensor, **how: Any) -> Iterable[Tensor]:
    """Latents after each step of a diffusers scheduler on the toy model, stepped like `how`."""
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        prediction = toy_prediction(scaled, t.float().expand(len(x)))
        x = scheduler.step(prediction, t, x, **how).prev_sample
        yield x


def denoiser_at(timesteps: Iterable[Tensor]) -> steps.Denoise:
    """The toy model asked at these timesteps in turn, since diffusers rounds some of them."""
    model_times = iter(timesteps)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        t = next(model_times).float().expand(len(x))
        return x - sigma * toy_prediction(x / (sigma**2 + 1) ** 0.5, t)

    return denoise


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def draws() -> Callable[[], Tensor]:
    """What diffusers draws from `seeded()`, a draw at a time."""
    generator = seeded()
    return lambda: torch.randn((2, 4, 8, 8), generator=generator)


def in_ve_space(walk: Iterable[Tensor], sigmas: Tensor) -> list[Tensor]:
    """A walk in VP space whose steps end at `sigmas`."""
    return [x * (sigma**2 + 1) ** 0.5 for x, sigma in zip(walk, sigmas, strict=True)]


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

    def theirs() -> Iterable[Tensor]:
        vp_start = x / (sigmas[0] ** 2 + 1) ** 0.5
        return in_ve_space(walk_of(scheduler, vp_start), sigmas[1:])

    denoise = denoiser_at(scheduler.timesteps)
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


def test_euler_a_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = EulerAncestralDiscreteScheduler(**MODEL)
    scheduler.set_timesteps(STEPS)
    x = start * scheduler.sigmas[0]
    denoise = denoiser_at(scheduler.timesteps)

    ours = euler_ancestral(denoise, x, scheduler.sigmas, noise=draws())

    assert_same_walk(ours, lambda: walk_of(scheduler, x, generator=seeded()))


def test_dpm2_walks_as_in_diffusers(start: Tensor) -> None:
    """diffusers calls the second evaluation of a step a step of its own."""
    scheduler = KDPM2DiscreteScheduler(**MODEL, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    sigmas = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]])
    x = start * sigmas[0]

    def theirs() -> Iterable[Tensor]:
        reached = list(walk_of(scheduler, x))
        return [*reached[1::2], reached[-1]]

    ours = dpm_2(denoiser_at(scheduler.timesteps), x, sigmas, noise=unused_noise)

    assert_same_walk(ours, theirs)


def test_dpm2_a_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = KDPM2AncestralDiscreteScheduler(**MODEL, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    sigmas = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]])
    x = start * sigmas[0]

    def theirs() -> Iterable[Tensor]:
        reached = list(walk_of(scheduler, x, generator=seeded()))
        return [*reached[1::2], reached[-1]]

    ours = dpm_2_ancestral(denoiser_at(scheduler.timesteps), x, sigmas, noise=draws())

    assert_same_walk(ours, theirs)


def test_dpmpp_sde_walks_as_in_diffusers_on_the_same_noise(start: Tensor) -> None:
    """The noise of an interval is any function of its ends here, the same one for both."""
    scheduler = DPMSolverSDEScheduler(**MODEL, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    sigmas = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1::2]])
    x = start * sigmas[0]

    def noise(sigma: Tensor, sigma_next: Tensor) -> Tensor:
        return torch.cos(start * sigma) + torch.sin(2 * start * sigma_next)

    def theirs() -> Iterable[Tensor]:
        scheduler.noise_sampler = noise  # type: ignore[assignment]  # in place of its own tree
        reached = list(walk_of(scheduler, x))
        return [*reached[1::2], reached[-1]]

    ours = dpmpp_sde(denoiser_at(scheduler.timesteps), x, sigmas, noise=noise)

    assert_same_walk(ours, theirs)


@pytest.mark.parametrize(
    ("sampler", "correction"), [(dpmpp_2m_sde, "midpoint"), (dpmpp_2m_sde_heun, "heun")]
)
def test_dpmpp_2m_sde_walks_as_in_diffusers(start: Tensor, sampler: Any, correction: Any) -> None:
    """diffusers walks in VP space."""
    scheduler = DPMSolverMultistepScheduler(
        **MODEL, algorithm_type="sde-dpmsolver++", solver_type=correction, use_karras_sigmas=True,
        final_sigmas_type="zero", euler_at_final=True,
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    sigmas, draw = scheduler.sigmas, draws()
    x = start * sigmas[0]

    def theirs() -> Iterable[Tensor]:
        vp_start = x / (sigmas[0] ** 2 + 1) ** 0.5
        return in_ve_space(walk_of(scheduler, vp_start, generator=seeded()), sigmas[1:])

    denoise = denoiser_at(scheduler.timesteps)
    assert_same_walk(sampler(denoise, x, sigmas, noise=lambda *_: draw()), theirs)


def test_dpmpp_3m_sde_without_noise_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = DPMSolverMultistepScheduler(
        **MODEL, algorithm_type="dpmsolver++", solver_order=3, solver_type="heun",
        use_karras_sigmas=True, final_sigmas_type="zero", euler_at_final=True,
        lower_order_final=False,
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    sigmas = scheduler.sigmas
    x = start * sigmas[0]

    def theirs() -> Iterable[Tensor]:
        vp_start = x / (sigmas[0] ** 2 + 1) ** 0.5
        return in_ve_space(walk_of(scheduler, vp_start), sigmas[1:])

    denoise = denoiser_at(scheduler.timesteps)
    ours = dpmpp_3m_sde(denoise, x, sigmas, noise=lambda *_: unused_noise(), eta=0.0)
    assert_same_walk(ours, theirs)


def test_ddim_with_eta_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = DDIMScheduler(
        **MODEL, clip_sample=False, set_alpha_to_one=False, steps_offset=1,
        timestep_spacing="leading",
    )  # fmt: skip
    scheduler.set_timesteps(20)
    denoiser = EpsDenoiser(toy_prediction, TABLE)

    ours = ddim(denoiser.eps, start, steps.timestep_plan(TABLE, 20), noise=draws(), eta=0.7)

    assert_same_walk(
        ours, lambda: list(walk_of(scheduler, start, eta=0.7, generator=seeded()))[:-1]
    )


def test_plms_walks_as_in_diffusers(start: Tensor) -> None:
    """diffusers calls the first step's two evaluations steps, and takes one to timestep 0."""
    scheduler = PNDMScheduler(
        **MODEL, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1,
        timestep_spacing="leading",
    )  # fmt: skip
    scheduler.set_timesteps(20)
    denoiser = EpsDenoiser(toy_prediction, TABLE)

    ours = plms(denoiser.eps, start, steps.timestep_plan(TABLE, 20))

    assert_same_walk(ours, lambda: list(walk_of(scheduler, start))[1:-1])


@pytest.mark.parametrize("variant", ["bh1", "bh2"])
def test_unipc_walks_as_in_diffusers(start: Tensor, variant: Any) -> None:
    """27 equal strides of 37 are whole timesteps. diffusers corrects a step within the next one."""
    scheduler = UniPCMultistepScheduler(
        **MODEL, solver_order=3, solver_type=variant, final_sigmas_type="sigma_min"
    )
    scheduler.set_timesteps(27)
    plan = steps.TimestepPlan(TABLE, torch.arange(1, 1000, 37)[:27])

    def theirs() -> Iterable[Tensor]:
        walked: list[Any] = [(scheduler.last_sample, x) for x in walk_of(scheduler, start)]
        return [*(corrected for corrected, _ in walked[1:]), walked[-1][1]]

    ours = unipc(EpsDenoiser(toy_prediction, TABLE).eps, start, plan, variant=variant)

    assert_same_walk(ours, theirs)


def test_lcm_walks_as_in_diffusers(start: Tensor) -> None:
    scheduler = LCMScheduler(**MODEL)
    scheduler.set_timesteps(8)
    sigmas = torch.cat([TABLE.sigmas[scheduler.timesteps], torch.zeros(1)])
    x = start * sigmas[0]
    denoise = LcmDenoiser(toy_prediction, LcmTable(alphas_cumprod()))

    def theirs() -> Iterable[Tensor]:
        vp_start = x / (sigmas[0] ** 2 + 1) ** 0.5
        return in_ve_space(walk_of(scheduler, vp_start, generator=seeded()), sigmas[1:])

    assert_same_walk(lcm(denoise, x, sigmas, noise=draws()), theirs)


def test_alpha_bar_is_that_of_diffusers() -> None:
    theirs = DDIMScheduler(**MODEL).alphas_cumprod.numpy()
    np.testing.assert_allclose(alphas_cumprod().numpy(), theirs, rtol=2e-5)
