"""Streams belong to images: neither batches nor other streams change them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchsde import BrownianInterval

from modules.diffusion.noise import (
    BrownianNoise,
    ImageNoise,
    make_generator,
    place_centred,
    slerp,
)
from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.schedules import build
from modules.errors import RequestError

SHAPE = (4, 6, 5)


@pytest.mark.parametrize("source", ["CPU", "NV", "GPU"])
def test_an_image_of_a_batch_draws_as_if_alone(source: str) -> None:
    together = ImageNoise([5, 6, 7], SHAPE, source=source)
    alone = ImageNoise([6], SHAPE, source=source)
    for _ in range(3):
        first = together.initial() if not together._started else together.next()
        single = alone.initial() if not alone._started else alone.next()
        assert torch.equal(first[1:2], single)


def test_without_a_card_the_gpu_source_is_the_cpus() -> None:
    cpu, gpu = (make_generator(source, 3).randn((2, 3)) for source in ("CPU", "GPU"))
    assert torch.equal(cpu, gpu)


@given(st.integers(0, 2**64 - 1))
def test_nv_numbers_of_any_seed_are_finite_and_repeatable(seed: int) -> None:
    first, second = (make_generator("NV", seed).randn((64,)) for _ in range(2))
    assert torch.equal(first, second)
    assert bool(first.isfinite().all()) and float(first.abs().max()) < 7


def test_nv_numbers_are_normal() -> None:
    numbers = make_generator("NV", 4).randn((100_000,))
    assert float(numbers.mean()) == pytest.approx(0, abs=0.01)
    assert float(numbers.std()) == pytest.approx(1, abs=0.01)


def test_a_draw_of_nv_numbers_does_not_depend_on_the_size_of_the_draw_before() -> None:
    small, large = make_generator("NV", 9), make_generator("NV", 9)
    small.randn((3,))
    large.randn((300,))
    assert torch.equal(small.randn((8,)), large.randn((8,)))


@pytest.mark.parametrize(("source", "seed"), [("NV", -5), ("NV", 2**64), ("CPU", 2**64)])
def test_a_seed_that_a_source_cannot_take_is_named(source: str, seed: int) -> None:
    with pytest.raises(RequestError, match=f"seed {seed} can't be used with {source}") as error:
        make_generator(source, seed)
    assert error.value.field == "seed"


def test_a_variation_of_strength_zero_is_the_seed_itself() -> None:
    plain = ImageNoise([5], SHAPE, source="NV").initial()
    varied = ImageNoise([5], SHAPE, source="NV", subseeds=[9], subseed_strength=0.0).initial()
    assert torch.equal(plain, varied)


def test_a_variation_of_strength_one_is_the_other_seed() -> None:
    other = ImageNoise([9], SHAPE, source="NV").initial()
    varied = ImageNoise([5], SHAPE, source="NV", subseeds=[9], subseed_strength=1.0).initial()
    torch.testing.assert_close(varied, other, rtol=1e-4, atol=1e-5)


def test_slerp_runs_along_the_height() -> None:
    low, high = make_generator("NV", 1).randn(SHAPE), make_generator("NV", 2).randn(SHAPE)
    column = slerp(0.4, low[:, :, 2:3], high[:, :, 2:3])
    torch.testing.assert_close(slerp(0.4, low, high)[:, :, 2:3], column)


def test_almost_parallel_noises_are_mixed_with_exchanged_weights() -> None:
    low = make_generator("NV", 1).randn(SHAPE)
    torch.testing.assert_close(slerp(0.25, low, low * 3), low * 0.25 + low * 3 * 0.75)


def test_smaller_noise_is_laid_in_the_middle_and_larger_noise_is_cut() -> None:
    ground = torch.zeros(1, 6, 6)
    small = place_centred(torch.ones(1, 2, 4), ground)
    assert small[0].nonzero().amin(0).tolist() == [2, 1]
    assert small[0].nonzero().amax(0).tolist() == [3, 4]
    large = torch.arange(100.0).reshape(1, 10, 10)
    assert torch.equal(place_centred(large, ground), large[:, 2:8, 2:8])


def test_step_noise_before_the_first_noise_is_refused() -> None:
    with pytest.raises(AssertionError, match="before the first"):
        ImageNoise([1], SHAPE, source="CPU").next()


def test_brownian_noise_of_an_image_does_not_depend_on_its_batch(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    together = BrownianNoise([5, 6], SHAPE, sigmas, source="CPU")
    alone = BrownianNoise([6], SHAPE, sigmas, source="CPU")
    for sigma, sigma_next in zip(sigmas[:-2], sigmas[1:-1], strict=True):
        assert torch.equal(together(sigma, sigma_next)[1:], alone(sigma, sigma_next))


def test_brownian_noise_does_not_depend_on_the_order_of_asking(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    asked_twice = BrownianNoise([5], SHAPE, sigmas, source="NV")
    asked_twice(sigmas[3], sigmas[4])
    fresh = BrownianNoise([5], SHAPE, sigmas, source="NV")
    first = asked_twice(sigmas[0], sigmas[1])
    torch.testing.assert_close(first, fresh(sigmas[0], sigmas[1]), rtol=1e-5, atol=1e-5)


def test_two_short_intervals_add_up_to_the_long_one(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    noise = BrownianNoise([5], SHAPE, sigmas, source="CPU")
    a, b, c = sigmas[1], sigmas[2], sigmas[3]
    parts = noise(a, b) * (a - b).sqrt() + noise(b, c) * (b - c).sqrt()
    torch.testing.assert_close(parts, noise(a, c) * (a - c).sqrt(), rtol=1e-4, atol=1e-5)


def test_levels_that_rounding_put_outside_are_moved_in(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    noise = BrownianNoise([5], SHAPE, sigmas, source="CPU")
    assert bool(noise(sigmas[0] * 1.000001, sigmas[1]).isfinite().all())


def test_brownian_noise_comes_in_the_dtype_of_its_latent(table: SigmaTable) -> None:
    sigmas = build("Karras", 6, table)
    noise = BrownianNoise([5], SHAPE, sigmas, source="CPU", dtype=torch.float16)
    assert noise(sigmas[0], sigmas[1]).dtype == torch.float16


@pytest.mark.parametrize("schedule", ["Karras", "Exponential"])
def test_brownian_noise_is_torchsdes_tree_number_for_number(
    table: SigmaTable, schedule: str
) -> None:
    sigmas = build(schedule, 9, table)
    noise = BrownianNoise([5], SHAPE, sigmas, source="CPU")
    stock = BrownianInterval(
        float(sigmas[-2]), float(sigmas[0]), size=SHAPE, entropy=5, tol=1e-6, pool_size=24,
        halfway_tree=True,
    )  # fmt: skip
    for i, j in [(0, 1), (1, 2), (1, 3), (5, 7), (2, 4), (7, 8), (0, 8)]:
        risen = stock(sigmas[j], sigmas[i])
        assert isinstance(risen, torch.Tensor)
        wanted = -risen / (sigmas[i] - sigmas[j]).sqrt()
        assert torch.equal(noise(sigmas[i], sigmas[j])[0], wanted), (i, j)


def test_together_a_batch_has_one_path_that_every_seed_in_it_changes() -> None:
    sigmas = torch.tensor([10.0, 5.0, 1.0, 0.0])

    def drawn(*seeds: int) -> torch.Tensor:
        noise = BrownianNoise(seeds, (4, 8, 8), sigmas, source="NV", together=True)
        return noise(sigmas[0], sigmas[1])

    assert drawn(1, 2).shape == (2, 4, 8, 8)
    assert torch.equal(drawn(1, 2), drawn(1, 2)), "a job that is run again is the same"
    assert not torch.equal(drawn(1, 2)[0], drawn(1)[0])
    assert not torch.equal(drawn(1, 2)[0], drawn(1, 3)[0])
    assert abs(float(drawn(1, 2).std()) - 1) < 0.15
