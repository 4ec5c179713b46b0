"""What holds for every schedule, and where single ones differ."""

import pytest
import torch

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.schedules import SCHEDULES, build
from modules.errors import RequestError, UnknownNameError

ENDING_IN_ZERO = [label for label in SCHEDULES if label != "KL Optimal"]
EXACT_COUNT = [label for label in SCHEDULES if label != "DDIM"]


@pytest.mark.parametrize("label", SCHEDULES)
@pytest.mark.parametrize("count", [2, 7, 11, 20, 33, 150])
def test_levels_descend_in_fp32(table: SigmaTable, label: str, count: int) -> None:
    sigmas = build(label, count, table)
    assert sigmas.dtype == torch.float32 and sigmas.device.type == "cpu"
    assert bool((sigmas.diff() < 0).all())


@pytest.mark.parametrize("label", ENDING_IN_ZERO)
def test_schedules_end_in_zero(table: SigmaTable, label: str) -> None:
    assert float(build(label, 9, table)[-1]) == 0.0


def test_kl_optimal_ends_at_the_lowest_level_of_the_model(table: SigmaTable) -> None:
    assert float(build("KL Optimal", 9, table)[-1]) == pytest.approx(table.sigma_min, rel=1e-5)


@pytest.mark.parametrize("label", EXACT_COUNT)
@pytest.mark.parametrize("count", [1, 2, 20, 30, 150])
def test_a_schedule_has_one_level_more_than_steps(
    table: SigmaTable, label: str, count: int
) -> None:
    assert len(build(label, count, table)) == count + 1


@pytest.mark.parametrize(("count", "levels"), [(20, 21), (30, 32), (150, 168)])
def test_the_ddim_schedule_may_take_more_steps(table: SigmaTable, count: int, levels: int) -> None:
    assert len(build("DDIM", count, table)) == levels


def test_one_step_of_align_your_steps_is_its_lowest_level(table: SigmaTable) -> None:
    assert build("Align Your Steps", 1, table).tolist() == pytest.approx([0.029, 0.0])


def test_eleven_align_your_steps_are_the_published_ones(table: SigmaTable) -> None:
    found = build("Align Your Steps", 11, table, is_sdxl=True).tolist()
    published = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029, 0]
    assert found == pytest.approx(published)


def test_ends_and_exponent_can_be_overridden(table: SigmaTable) -> None:
    sigmas = build("Karras", 10, table, sigma_min=0.1, sigma_max=10.0)
    assert (float(sigmas[0]), float(sigmas[-2])) == pytest.approx((10.0, 0.1), rel=1e-5)
    steeper = build("Karras", 10, table, sigma_min=0.1, sigma_max=10.0, rho=3.0)
    assert bool((steeper[1:-2] > sigmas[1:-2]).all())


def test_uniform_ignores_other_ends(table: SigmaTable) -> None:
    changed = build("Uniform", 10, table, sigma_min=0.1, sigma_max=10.0)
    assert torch.equal(changed, build("Uniform", 10, table))


def test_beta_exponents_move_the_levels(table: SigmaTable) -> None:
    assert not torch.equal(build("Beta", 9, table), build("Beta", 9, table, beta_alpha=0.9))


def test_an_unknown_schedule_names_the_known_ones(table: SigmaTable) -> None:
    with pytest.raises(UnknownNameError, match="no schedule 'Karas'; choose one of: Uniform"):
        build("Karas", 20, table)


@pytest.mark.parametrize(("low", "high"), [(10.0, 0.1), (0.0, 10.0), (1.0, 1.0)])
def test_ends_that_do_not_descend_are_refused(table: SigmaTable, low: float, high: float) -> None:
    with pytest.raises(RequestError, match="must be above"):
        build("Karras", 20, table, sigma_min=low, sigma_max=high)
