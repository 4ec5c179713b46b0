"""Claims that hold for every row of the table of samplers."""

from collections.abc import Callable

import pytest
import torch

from modules.diffusion import steps
from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.samplers.table import SAMPLERS
from modules.diffusion.schedules import SCHEDULES
from modules.generation import choices

Sample = Callable[..., list[steps.Step]]
# Its error estimate spans the batch, as in the original.
BATCH_FREE = [label for label in SAMPLERS if label != "DPM adaptive"]


@pytest.mark.parametrize("label", BATCH_FREE)
def test_a_batch_of_four_equals_four_alone(sample: Sample, label: str) -> None:
    seeds = [11, 12, 13, 14]
    together = sample(label, seeds)[-1].x
    for image, seed in enumerate(seeds):
        alone = sample(label, [seed])[-1].x
        torch.testing.assert_close(together[image : image + 1], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("label", SAMPLERS)
def test_the_same_seed_gives_the_same_bytes(sample: Sample, label: str) -> None:
    first, second = sample(label, [21])[-1].x, sample(label, [21])[-1].x
    assert first.numpy().tobytes() == second.numpy().tobytes()


@pytest.mark.parametrize("label", SAMPLERS)
def test_steps_are_counted_and_carry_finite_latents(sample: Sample, label: str) -> None:
    walk = sample(label, [31])
    assert [step.i for step in walk] == list(range(len(walk)))
    for step in walk:
        assert step.x.shape == step.denoised.shape == (1, 4, 6, 5)
        assert step.x.dtype == torch.float32
        assert step.sigma.ndim == 0
        assert bool(step.x.isfinite().all()) and bool(step.denoised.isfinite().all())


@pytest.mark.parametrize("label", SAMPLERS)
def test_sampling_leaves_the_global_random_state_alone(sample: Sample, label: str) -> None:
    before = torch.random.get_rng_state()
    sample(label, [41])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("label", SAMPLERS)
def test_previews_see_a_denoised_latent_not_a_noisy_one(sample: Sample, label: str) -> None:
    first = sample(label, [51])[0]
    assert float(first.denoised.abs().max()) <= 1.5  # tanh is at most 1; the noise reaches 14.6


@pytest.mark.parametrize("label", [name for name, row in SAMPLERS.items() if "eta" in row.accepts])
def test_eta_changes_the_picture_where_it_is_accepted(sample: Sample, label: str) -> None:
    assert not torch.equal(sample(label, [61], eta=0.3)[-1].x, sample(label, [61], eta=0.9)[-1].x)


def test_options_that_a_sampler_does_not_read_are_ignored(sample: Sample) -> None:
    plain = sample("DPM++ 2M", [71])[-1].x
    assert torch.equal(sample("DPM++ 2M", [71], eta=0.5, s_churn=9.0, order=2)[-1].x, plain)


def test_s_noise_has_no_effect_on_euler_a(sample: Sample) -> None:
    plain = sample("Euler a", [81])[-1].x
    assert torch.equal(sample("Euler a", [81], s_noise=2.0)[-1].x, plain)


def test_an_s_tmax_of_zero_means_no_limit(sample: Sample) -> None:
    unlimited = sample("Euler", [91], s_churn=4.0)[-1].x
    assert torch.equal(sample("Euler", [91], s_churn=4.0, s_tmax=0.0)[-1].x, unlimited)
    assert not torch.equal(sample("Euler", [91], s_churn=4.0, s_tmax=1.0)[-1].x, unlimited)


def test_automatic_schedules_are_schedules() -> None:
    for label, entry in SAMPLERS.items():
        has_schedule = entry.kind != "timestep"
        assert (entry.default_schedule in SCHEDULES) == has_schedule, label


def test_the_menus_offer_exactly_what_is_here() -> None:
    rows = [(label, entry.default_schedule, entry.second_order, entry.uses_ensd,
             entry.noise == "brownian", entry.discard_next_to_last_sigma)
            for label, entry in SAMPLERS.items()]  # fmt: skip
    offered = [(row.label, row.automatic_schedule, row.second_order, row.uses_ensd,
                row.brownian_noise, row.discard_next_to_last_sigma)
               for row in choices.SAMPLERS if row.built]  # fmt: skip
    assert offered == rows
    labels = [row.label for row in choices.SCHEDULES if row.built]
    assert set(labels) - {choices.AUTOMATIC} == set(SCHEDULES)


def test_levels_of_the_wrong_kind_are_refused(table: SigmaTable) -> None:
    with pytest.raises(AssertionError, match="timestep sampler"):
        SAMPLERS["DDIM"].walk(None, torch.zeros(1, 4, 2, 2), torch.ones(3))  # type: ignore[arg-type]


def test_missing_noise_is_refused() -> None:
    with pytest.raises(AssertionError, match="brownian noise is missing"):
        SAMPLERS["DPM++ SDE"].walk(None, torch.zeros(1, 4, 2, 2), torch.ones(3))  # type: ignore[arg-type]
