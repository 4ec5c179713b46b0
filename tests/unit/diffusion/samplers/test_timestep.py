"""Calls and draws of the samplers over whole timesteps."""

import pytest
import torch
from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.samplers.timestep import ddim, plms
from modules.diffusion.samplers.unipc import unipc
from modules.diffusion.steps import timestep_plan
from modules.errors import RequestError


class CountedEps:
    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.times.append(float(t))
        return x * 0.5


def test_ddim_draws_at_every_step_or_where_eta_is_zero_never(table: SigmaTable) -> None:
    plan = timestep_plan(table, 10)
    for eta, left in ((0.5, 0), (0.0, 9)):
        draws = iter(torch.ones(9, 1, 4, 2, 2))
        noise = draws.__next__
        list(ddim(CountedEps(), torch.ones(1, 4, 2, 2), plan, noise=noise, eta=eta))
        assert len(list(draws)) == left


def test_ddim_never_asks_at_its_lowest_timestep(table: SigmaTable) -> None:
    eps = CountedEps()
    plan = timestep_plan(table, 10)
    list(ddim(eps, torch.ones(1, 4, 2, 2), plan, noise=lambda: torch.zeros(1, 4, 2, 2)))
    assert eps.times == [901.0, 801.0, 701.0, 601.0, 501.0, 401.0, 301.0, 201.0, 101.0]


def test_plms_asks_twice_in_its_first_step(table: SigmaTable) -> None:
    eps = CountedEps()
    list(plms(eps, torch.ones(1, 4, 2, 2), timestep_plan(table, 5)))
    assert eps.times == [801.0, 601.0, 601.0, 401.0, 201.0]


def test_img2img_of_tiny_strength_takes_no_ddim_step(table: SigmaTable) -> None:
    plan = timestep_plan(table, 20, t_enc=1)
    noise = torch.zeros(1, 4, 2, 2)
    assert list(ddim(CountedEps(), noise, plan, noise=lambda: noise)) == []


@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_asks_the_model_once_per_timestep(table: SigmaTable, order: int) -> None:
    eps = CountedEps()
    list(unipc(eps, torch.ones(1, 4, 2, 2), timestep_plan(table, 7), order=order))
    assert len(eps.times) == len(timestep_plan(table, 7).timesteps)


def test_unipc_starts_img2img_at_its_highest_timestep(table: SigmaTable) -> None:
    eps = CountedEps()
    plan = timestep_plan(table, 20, t_enc=10)
    list(unipc(eps, torch.ones(1, 4, 2, 2), plan))
    assert eps.times[0] == pytest.approx(451.0, abs=1e-3)


def test_unipc_with_fewer_steps_than_its_order_names_the_remedy(table: SigmaTable) -> None:
    with pytest.raises(RequestError, match="order 3 needs at least 3 steps.*has 2: raise") as error:
        list(unipc(CountedEps(), torch.ones(1, 4, 2, 2), timestep_plan(table, 20, t_enc=2)))
    assert error.value.field == "steps"
