"""When the refiner takes over, and in which passes it may."""

from typing import Any

import pytest
import torch

from modules.diffusion.noise_schedule import SigmaTable, alphas_cumprod
from modules.diffusion.steps import TimestepPlan
from modules.engine.checkpoints import Checkpoint, Sources
from modules.engine.plan import Others, Plan, make_plan
from modules.engine.refiner import Refiner
from modules.engine.walks import Strength, Walk, make_walk
from modules.errors import RequestError
from modules.generation.request import Hires, Request
from modules.networks.spec import Spec
from modules.settings import Settings
from tests.unit.engine.test_plan import SPEC

TABLE = SigmaTable(alphas_cumprod())


def checkpoint(key: str, **changes: Any) -> Checkpoint:
    spec = Spec(**{**vars(SPEC), **changes})
    sources = Sources(model_name=key, model_hash=lambda: "0123456789")
    opened: Any = pytest.fail
    alphas = alphas_cumprod()
    return Checkpoint(key=key, spec=spec, alphas_cumprod=alphas, sources=sources, open=opened)


def refiner(switch_at: float, *, by_steps: bool = False) -> Refiner:
    return Refiner(
        checkpoint=checkpoint("xl"),
        table=TABLE,
        switch_at=switch_at,
        by_steps=by_steps,
        fields={},
    )


def first_call(walk: Walk, wanted: Refiner) -> int | None:
    """The 0-based model call of a first-order sampler before which the refiner takes over."""
    levels = walk.levels
    if isinstance(levels, TimestepPlan):
        at = [t.to(torch.float32) for t in reversed(levels.timesteps[1:])]
    else:
        assert isinstance(levels, torch.Tensor)
        at = list(levels[:-1])
    found = (call for call, level in enumerate(at) if wanted.takes_over(walk, call, level))
    return next(found, None)


def walk_of(sampler: str, schedule: str, steps: int = 20, strength: Any = None) -> Walk:
    return make_walk(sampler, schedule, steps, TABLE, Request(), Settings(), strength=strength)


@pytest.mark.parametrize(
    ("sampler", "schedule", "switch_at", "call"),
    [
        ("Euler", "Uniform", 0.5, 10),  # timesteps 999, 946.4 ...: the tenth is 473
        ("Euler", "Uniform", 0.8, 16),  # 157
        ("Euler", "Karras", 0.8, 12),  # sigmas .79 and .56 lie at timesteps 285 and 197
        ("DDIM", "Automatic", 0.8, 16),  # timesteps 951, 901 ...: 151 is the seventeenth
        ("Euler", "Uniform", 0.0, 0),
        ("Euler", "Uniform", 0.9999, None),
    ],
)
def test_the_way_is_measured_in_timesteps_of_the_model(sampler, schedule, switch_at, call):
    assert first_call(walk_of(sampler, schedule), refiner(switch_at)) == call


def test_the_way_may_be_measured_in_steps():
    wanted = refiner(0.8, by_steps=True)

    assert first_call(walk_of("Euler", "Karras"), wanted) == 16
    assert first_call(walk_of("DDIM", "Automatic"), wanted) == 16


def test_steps_that_img2img_does_not_run_are_not_counted():
    walk = walk_of("Euler", "Karras", strength=Strength(0.5, exact=False))

    assert walk.total_calls == 11
    assert first_call(walk, refiner(0.5, by_steps=True)) == 6


def test_a_second_order_sampler_has_twice_as_many_calls():
    assert walk_of("Heun", "Karras").total_calls == 40


def plan_of(others: Others, *, hires: Hires | None = None, settings: Any = None, **wish) -> Plan:
    values: dict[str, Any] = {"seed": 5, "subseed": 7, "refiner_switch_at": 0.8, "hires": hires}
    return make_plan(
        Request(**values | wish),
        Settings().with_changes(settings or {}),
        SPEC,
        alphas_cumprod=alphas_cumprod(),
        on_cuda=False,
        styles={},
        others=others,
    )


@pytest.mark.parametrize(
    ("setting", "works"),
    [
        ("first pass", (True, False)),
        ("second pass", (False, True)),
        ("both passes", (True, True)),
    ],
)
def test_the_refiner_works_in_the_passes_of_hires_fix_that_the_setting_names(setting, works):
    others = Others(own_key="own", refiner=checkpoint("xl"))

    plan = plan_of(others, hires=Hires(), settings={"hires_fix_refiner_pass": setting})

    assert tuple(each.refiner is not None for each in plan.passes) == works


def test_without_hires_fix_the_refiner_always_works():
    plan = plan_of(Others(own_key="own", refiner=checkpoint("xl")))

    (only,) = plan.passes
    assert only.refiner is not None and only.refiner.switch_at == 0.8


def test_a_checkpoint_does_not_take_over_from_itself():
    own, other = checkpoint("own"), checkpoint("other")

    assert plan_of(Others(own_key="own", refiner=own)).passes[0].refiner is None
    plan = plan_of(Others(own_key="own", refiner=own, hires=other), hires=Hires())
    assert plan.passes[1].refiner is not None
    plan = plan_of(Others(own_key="own", refiner=other, hires=other), hires=Hires())
    assert plan.passes[1].refiner is None


def test_a_refiner_that_would_begin_at_the_end_does_not_begin():
    others = Others(own_key="own", refiner=checkpoint("xl"))

    assert plan_of(others, refiner_switch_at=1.0).passes[0].refiner is None


def test_a_refiner_of_other_latents_is_refused_by_its_field():
    others = Others(own_key="own", refiner=checkpoint("xl", latent_scale=0.13025))

    with pytest.raises(RequestError, match="same family") as refusal:
        plan_of(others)

    assert refusal.value.field == "refiner_checkpoint"


def test_a_latent_is_not_enlarged_for_a_checkpoint_of_other_latents():
    others = Others(own_key="own", hires=checkpoint("xl", latent_scale=0.13025))

    assert plan_of(others, hires=Hires(upscaler="Lanczos")).passes[1].checkpoint is not None
    with pytest.raises(RequestError, match="upscaler of pictures") as refusal:
        plan_of(others, hires=Hires(upscaler="Latent"))
    assert refusal.value.field == "hr_checkpoint_name"


def test_the_second_pass_walks_the_levels_of_its_own_checkpoint():
    other = checkpoint("other")
    alphas = alphas_cumprod() * 0.9
    other = Checkpoint(**{**vars(other), "alphas_cumprod": alphas})

    plan = plan_of(Others(own_key="own", hires=other), hires=Hires(denoising_strength=1.0))

    highest = ((1 - alphas[-1]) / alphas[-1]).sqrt()
    first, second = (each.walk.schedule for each in plan.passes)
    assert first is not None and second is not None
    assert torch.allclose(second[0], highest) and second[0] > first[0]
