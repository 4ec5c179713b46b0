"""Walks: which levels a pass visits, with which options, and what is told of it."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable, alphas_cumprod
from modules.diffusion.steps import Span, TimestepPlan
from modules.engine.walks import Strength, Walk, make_walk, sigma_table
from modules.errors import RequestError
from modules.generation.request import Request
from modules.settings import Settings

TABLE = SigmaTable(alphas_cumprod())


def walk_of(
    sampler, schedule="Automatic", steps=20, *, settings=None, strength=None, **wish: Any
) -> Walk:
    changed = Settings().with_changes(settings or {})
    return make_walk(sampler, schedule, steps, TABLE, Request(**wish), changed, strength=strength)


def sigmas(walk: Walk) -> Tensor:
    assert isinstance(walk.levels, Tensor)
    return walk.levels


def test_a_schedule_function_that_ran_is_told_and_the_samplers_own_uniform_is_not():
    assert walk_of("DPM++ 2M").fields == {"Schedule type": "Karras"}
    assert walk_of("Euler", "Uniform").fields == {"Schedule type": "Uniform"}
    assert walk_of("Euler").fields == {}
    assert walk_of("DDIM", "Karras").fields == {}


@pytest.mark.parametrize(
    ("strength", "exact", "steps", "schedule_steps"),
    [(0.75, False, 16, 20), (0.75, True, 20, 26), (1.0, False, 20, 20), (0.0, False, 1, 20)],
)
def test_img2img_runs_the_steps_of_the_original(strength, exact, steps, schedule_steps):
    walk = walk_of("Euler", strength=Strength(strength, exact))

    assert len(sigmas(walk)) - 1 == steps == walk.expected_steps
    assert walk.schedule is not None and len(walk.schedule) - 1 == schedule_steps
    assert walk.start == sigmas(walk)[0]


def test_no_strength_in_exact_steps_leaves_nothing_to_run():
    walk = walk_of("Euler", strength=Strength(0.0, True))

    assert not walk.runs and walk.expected_steps == 0


def test_a_strength_that_would_need_endless_schedules_is_refused():
    with pytest.raises(RequestError, match="denoising strength"):
        walk_of("Euler", steps=1000, strength=Strength(0.001, True))
    with pytest.raises(RequestError, match="timesteps"):
        walk_of("DDIM", steps=400, strength=Strength(0.1, True))


def test_the_ddim_family_walks_timesteps_and_discarding_only_adds_one():
    plain = walk_of("DDIM").levels
    more = walk_of("DDIM", settings={"always_discard_next_to_last_sigma": True})

    assert isinstance(plain, TimestepPlan) and isinstance(more.levels, TimestepPlan)
    assert len(plain.timesteps) == 20 and len(more.levels.timesteps) == 22
    assert more.fields["Discard penultimate sigma"] is True


def test_a_sampler_that_discards_builds_one_step_more_and_does_not_tell():
    walk = walk_of("DPM2")

    assert len(sigmas(walk)) - 1 == 20
    assert "Discard penultimate sigma" not in walk.fields


def test_dpm_fast_walks_the_models_range_but_starts_as_the_schedule_does():
    walk = walk_of("DPM fast", "Align Your Steps")

    assert isinstance(walk.levels, Span)
    assert walk.levels.sigma_max == TABLE.sigma_max
    assert walk.start == pytest.approx(14.615)
    cut = walk_of("DPM fast", strength=Strength(0.5, False)).levels
    assert isinstance(cut, Span) and cut.steps == 11


def test_second_order_samplers_count_their_calls_twice():
    assert walk_of("Heun").total_steps == 40
    assert walk_of("Euler").total_steps == 20


def test_prompts_count_calls_or_the_old_way_steps():
    old = {"dont_fix_second_order_samplers_schedule": True}
    assert walk_of("Heun").prompt_steps == 40
    assert walk_of("Heun", settings=old).prompt_steps == 20
    assert walk_of("Heun", settings=old).total_steps == 40


def test_eta_of_the_request_wins_and_is_told_where_it_differs():
    assert walk_of("Euler a").options["eta"] == 1.0
    assert walk_of("DDIM").options["eta"] == 0.0
    walk = walk_of("Euler a", eta=0.5, settings={"eta_ancestral": 0.2})
    assert (walk.options["eta"], walk.fields) == (0.5, {"Eta": 0.5})
    assert walk_of("DDIM", settings={"eta_ddim": 0.3}).fields == {"Eta DDIM": 0.3}
    assert walk_of("Euler", eta=0.5).fields == {}


def test_a_changed_churn_setting_wins_over_the_request_and_what_is_used_is_told():
    asked = walk_of("Euler", s_churn=3.0, s_tmax=0.0)
    assert asked.options["s_churn"] == 3.0 and asked.options["s_tmax"] == math.inf
    assert asked.fields == {"Sigma churn": 3.0}
    forced = walk_of("Euler", s_churn=3.0, settings={"s_churn": 5.0})
    assert forced.options["s_churn"] == 5.0 and forced.fields == {"Sigma churn": 5.0}


def test_ends_and_rho_are_overridden_and_told_where_a_schedule_function_runs():
    settings = {"sigma_min": 0.1, "sigma_max": 10.0, "rho": 5.0}

    karras = walk_of("Euler", "Karras", settings=settings)

    assert sigmas(karras)[0] == pytest.approx(10.0) and sigmas(karras)[-2] == pytest.approx(0.1)
    assert karras.fields == {
        "Schedule type": "Karras",
        "Schedule min sigma": 0.1,
        "Schedule max sigma": 10.0,
        "Schedule rho": 5.0,
    }
    assert torch.equal(sigmas(walk_of("Euler", settings=settings)), sigmas(walk_of("Euler")))
    old = walk_of("Euler", "Exponential", settings={"use_old_karras_scheduler_sigmas": True})
    assert float(sigmas(old)[0]) == pytest.approx(10.0)


def test_settings_bend_the_models_noise_levels():
    half = Settings().with_changes({"use_downcasted_alpha_bar": True})
    zero = Settings().with_changes({"sd_noise_schedule": "Zero Terminal SNR"})

    assert sigma_table(alphas_cumprod(), half).sigma_max == 14.609375
    assert sigma_table(alphas_cumprod(), zero).sigma_max == pytest.approx(4518.76, rel=1e-3)
    assert sigma_table(alphas_cumprod(), Settings()).sigma_max == TABLE.sigma_max


def test_lcm_walks_its_own_table():
    walk = walk_of("LCM", steps=8)

    assert sigmas(walk)[:2].tolist() == pytest.approx([14.61464, 6.76838], rel=1e-4)


def test_a_model_of_zero_terminal_snr_walks_its_levels_whatever_the_setting():
    wanted = sigma_table(alphas_cumprod(), Settings(), zero_snr=True)

    assert wanted.sigma_max == pytest.approx(4518.76, abs=0.01)
    assert float(wanted.sigmas[-2]) == pytest.approx(2254.24, abs=0.01)


@pytest.mark.parametrize(("zero_snr", "setting"), [(True, "Default"), (False, "Zero Terminal SNR")])
def test_zero_terminal_snr_and_numbers_of_half_precision_are_refused(zero_snr, setting):
    changes = {"use_downcasted_alpha_bar": True, "sd_noise_schedule": setting}

    with pytest.raises(RequestError, match="Downcast"):
        sigma_table(alphas_cumprod(), Settings().with_changes(changes), zero_snr=zero_snr)


def test_steps_that_were_tuned_for_sdxl_are_taken_for_it():
    walks = [
        make_walk("Euler", "Align Your Steps", 11, TABLE, Request(), Settings(), is_sdxl=is_sdxl)
        for is_sdxl in (False, True)
    ]

    assert [round(float(sigmas(walk)[1]), 3) for walk in walks] == [6.475, 6.315]
