"""Step counts and levels at the edges of img2img."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.schedules import build
from modules.diffusion.steps import (
    Img2ImgSteps,
    ancestral_step,
    discard_penultimate,
    img2img_sigmas,
    img2img_steps,
    span_of_sigmas,
    timestep_plan,
)


@given(st.integers(1, 150), st.floats(0.01, 1.0))
def test_exact_img2img_runs_exactly_the_asked_steps(count: int, strength: float) -> None:
    counts = img2img_steps(count, strength, exact=True)
    levels = torch.arange(counts.steps + 1)
    assert len(img2img_sigmas(levels, counts)) - 1 == count


@given(st.integers(1, 150), st.floats(0.0, 1.0))
def test_img2img_runs_one_step_more_than_the_strength_says(count: int, strength: float) -> None:
    counts = img2img_steps(count, strength, exact=False)
    levels = torch.arange(counts.steps + 1)
    assert len(img2img_sigmas(levels, counts)) - 1 == int(min(strength, 0.999) * count) + 1


def test_strength_one_runs_the_whole_schedule(table: SigmaTable) -> None:
    sigmas = build("Karras", 20, table)
    assert torch.equal(img2img_sigmas(sigmas, img2img_steps(20, 1.0, exact=False)), sigmas)


def test_strength_zero_still_runs_the_last_step(table: SigmaTable) -> None:
    sigmas = build("Karras", 20, table)
    cut = img2img_sigmas(sigmas, img2img_steps(20, 0.0, exact=False))
    assert cut.tolist() == sigmas[-2:].tolist()


def test_exact_img2img_of_strength_zero_samples_nothing() -> None:
    assert img2img_steps(20, 0.0, exact=True) == Img2ImgSteps(0, 19)


def test_discarding_drops_the_last_level_above_zero() -> None:
    assert discard_penultimate(torch.tensor([3.0, 2.0, 1.0, 0.0])).tolist() == [3.0, 2.0, 0.0]


@given(st.floats(0.05, 14.0), st.floats(0.01, 0.999), st.floats(0.0, 1.0))
def test_an_ancestral_step_ends_at_the_next_level(high: float, ratio: float, eta: float) -> None:
    sigma, sigma_next = torch.tensor(high), torch.tensor(high * ratio)
    down, up = ancestral_step(sigma, sigma_next, eta)
    assert float(down**2 + up**2) == pytest.approx(float(sigma_next**2), rel=1e-4)
    assert 0 <= float(up) <= float(sigma_next)


def test_img2img_noises_to_one_timestep_and_starts_below_it(table: SigmaTable) -> None:
    plan = timestep_plan(table, 20, t_enc=15)
    assert plan.timesteps.tolist()[-1] == 701
    assert plan.start_alpha == float(table.alphas_cumprod[751])


def test_the_span_of_a_cut_schedule_leaves_out_its_zero(table: SigmaTable) -> None:
    sigmas = build("Karras", 20, table)[5:]
    span = span_of_sigmas(sigmas)
    assert (span.sigma_max, span.sigma_min, span.steps) == (
        float(sigmas[0]),
        float(sigmas[-2]),
        15,
    )
