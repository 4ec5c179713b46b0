"""Memory plans: what fits is chosen, quickest first, and there is a way down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.networks import plans
from modules.networks.plans import ALL, RESERVE, TURNS, MemoryPlan, Weights

GIB = 1024**3
# About SDXL's in fp16: two text encoders, a U-Net of 5.1 GB, an fp32 VAE's half.
SDXL = Weights(
    texts=1_640_000_000, units=(300_000_000,) * 17, unet_rest=30_000_000, vae=167_000_000
)
WORK = 1_300_000_000

sizes = st.integers(0, 8 * GIB)
weights_of = st.builds(
    Weights,
    texts=sizes,
    units=st.lists(st.integers(1, GIB), max_size=30).map(tuple),
    unet_rest=sizes,
    vae=sizes,
)


@pytest.mark.parametrize(
    ("card", "kind"), [(24, "all"), (12, "all"), (8, "turns"), (6, "stream"), (4, "stream")]
)
def test_a_card_gets_the_quickest_plan_that_fits(card: int, kind: str) -> None:
    assert plans.choose(SDXL, card * GIB, WORK).kind == kind


def test_the_users_wish_goes_before_what_fits() -> None:
    for wish in ("all", "turns", "stream"):
        assert plans.choose(SDXL, 80 * GIB, WORK, wish).kind == wish
    assert plans.choose(SDXL, 80 * GIB, WORK, "stream").streamed == tuple(range(17))


@given(weights_of, st.integers(0, 40 * GIB), st.integers(0, 4 * GIB))
def test_what_lies_on_the_device_fits_or_the_plan_is_the_cheapest(
    weights: Weights, free: int, work: int
) -> None:
    plan = plans.choose(weights, free, work)
    room = free - RESERVE - work
    if plan == ALL:
        assert weights.whole <= room
    elif plan == TURNS and weights.units:
        assert max(weights.texts, weights.unet, weights.vae) <= room < weights.whole
    elif plan.kind == "stream" and len(plan.streamed) < len(weights.units):
        gone = sum(weights.units[number] for number in plan.streamed)
        assert weights.unet - gone + 2 * max(weights.units) <= max(room, 0)


@given(weights_of)
def test_the_way_down_ends(weights: Weights) -> None:
    plan: MemoryPlan | None = ALL
    seen = []
    while plan is not None:
        assert plan not in seen
        seen.append(plan)
        plan = plans.cheaper(plan, weights)
    assert seen[-1].streamed == tuple(range(len(weights.units)))


def test_streamed_units_are_spread_over_the_network() -> None:
    weights = Weights(texts=0, units=(100,) * 12, unet_rest=0, vae=0)
    assert plans.streaming(weights, 1100).streamed == (0, 4, 8)  # 300 must go: two have places


def test_working_memory_grows_with_pixels_and_rows() -> None:
    small = plans.working_bytes(width=512, height=512, rows=2, channels=320, item_bytes=2)
    assert 0.2 * GIB < small < GIB
    large = plans.working_bytes(width=1024, height=1024, rows=2, channels=320, item_bytes=2)
    assert large == 4 * small
