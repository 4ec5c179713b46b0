"""The vectors of A1111 numerics: levels, schedules, random numbers, samplers and step counts.

They were computed with the original's own code on a CPU. Samplers run on a toy denoiser, NV random
numbers, seed 1000, a latent of (4,8,8), txt2img, each with its automatic schedule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion import latents, noise_schedule, schedules, steps
from modules.diffusion.denoiser import LcmDenoiser
from modules.diffusion.noise import BrownianNoise, ImageNoise, make_generator, slerp
from modules.diffusion.noise_schedule import LcmTable, SigmaTable, alphas_cumprod
from modules.diffusion.samplers.table import SAMPLERS

TOLERANCE = 1e-4
SHAPE = (4, 8, 8)


@cache
def table() -> SigmaTable:
    return SigmaTable(alphas_cumprod())


class ToyModel:
    """D(x, sigma) = tanh(x / (1 + sigma²)), and the noise prediction that follows from it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        return torch.tanh(x / (1 + sigma**2))

    def eps(self, x: Tensor, t: Tensor) -> Tensor:
        self.calls += 1
        alpha = 1 / (1 + table().t_to_sigma(t) ** 2)
        return (x - alpha.sqrt() * torch.tanh(x * alpha.sqrt())) / (1 - alpha).sqrt()

    def eps_pair(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        guided = self.eps(x, t)
        return guided, 0.9 * guided


def sample(label: str, count: int, options: dict[str, Any]) -> tuple[Tensor, int]:
    """(last latent, model calls) of a txt2img run on the toy model."""
    entry, toy = SAMPLERS[label], ToyModel()
    image_noise = ImageNoise([1000], SHAPE, source="NV")
    first = image_noise.initial()
    draw: Callable[..., Tensor] = image_noise.next
    guided: Any = toy
    levels: Any
    if entry.kind == "timestep":
        x, levels = first, steps.timestep_plan(table(), count)
    else:
        levels_of = table()
        if entry.table == "lcm":
            levels_of = LcmTable(alphas_cumprod())
            guided = LcmDenoiser(lambda x, t: toy.eps(x, t[0]), levels_of)
        extra = int(entry.discard_next_to_last_sigma)
        assert entry.default_schedule is not None
        sigmas = schedules.build(entry.default_schedule, count + extra, levels_of)
        sigmas = steps.discard_penultimate(sigmas) if extra else sigmas
        x = latents.initial_latent(first, sigmas[0])
        levels = steps.span_of_table(table(), count) if entry.kind == "span" else sigmas
        if entry.noise == "brownian":
            draw = BrownianNoise([1000], SHAPE, sigmas, source="NV")
    walk = list(entry.walk(guided, x, levels, noise=draw, options=options))
    return walk[-1].x, toy.calls


@dataclass(frozen=True)
class Row:
    label: str
    mean: float
    std: float
    first: tuple[float, float, float]
    calls: int
    steps: int = 20
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.label} {self.steps} {self.options or ''}".strip()


ROWS = [
    Row("Euler", -0.009137, 0.488526, (0.57481, 0.04737, -0.47491), 20),
    Row("Euler", -0.017906, 0.467057, (-0.44152, -0.64354, -0.16705), 20, 20, {"s_churn": 5}),
    Row("Euler a", -0.010516, 0.446447, (-0.40952, -0.58873, -0.08579), 20),
    Row("Euler a", 0.003677, 0.469037, (-0.27927, -0.51580, 0.20423), 20, 20, {"eta": 0.5}),
    Row("LMS", -0.008878, 0.474139, (0.55606, 0.05072, -0.47145), 20),
    Row("Heun", -0.005569, 0.355427, (0.41726, 0.05098, -0.38961), 39),
    Row("DPM2", -0.009274, 0.479849, (0.56065, 0.05106, -0.47294), 39),
    Row("DPM2 a", -0.016461, 0.394217, (-0.39283, -0.54464, -0.34994), 39),
    Row("DPM++ 2S a", -0.014742, 0.373646, (-0.37005, -0.51929, -0.35933), 39),
    Row("DPM++ 2M", -0.008809, 0.463320, (0.54167, 0.05140, -0.46215), 20),
    Row("DPM++ SDE", -0.000122, 0.388888, (-0.34063, 0.15930, 0.47677), 39),
    Row("DPM++ 2M SDE", 0.004116, 0.385289, (-0.35323, 0.24735, 0.49532), 20),
    Row("DPM++ 2M SDE Heun", 0.004362, 0.385115, (-0.35281, 0.24197, 0.49804), 20),
    Row("DPM++ 3M SDE", 0.002878, 0.394393, (-0.35241, 0.20833, 0.48830), 20),
    Row("DPM fast", 0.039242, 0.398905, (-0.53627, 0.42847, 0.71609), 20),
    Row("DPM fast", -0.010819, 0.516038, (0.59751, 0.05094, -0.49262), 20, 20, {"eta": 0}),
    Row("DPM adaptive", 0.012399, 0.406009, (-0.62981, -0.28805, 0.18755), 39),
    Row("DPM adaptive", -0.010524, 0.506288, (0.58631, 0.05261, -0.48933), 21, 20, {"eta": 0}),
    Row("Restart", -0.008601, 0.452053, (0.52707, 0.05359, -0.45638), 19, 10),
    Row("Restart", 0.049106, 0.444571, (0.30155, -0.27239, 0.57868), 39, 20),
    Row("Restart", 0.004973, 0.443760, (0.00741, -0.42140, 0.59129), 71, 36),
    Row("Restart", 0.004924, 0.443271, (0.02739, -0.42124, 0.59486), 79, 40),
    Row("DDIM", -0.012718, 0.576695, (0.66377, 0.04780, -0.52211), 19),
    Row("DDIM", -0.009341, 0.506380, (-0.46316, -0.68735, -0.06329), 19, 20, {"eta": 1}),
    Row("DDIM CFG++", -0.008072, 0.247174, (0.25776, 0.01437, -0.18213), 19),
    Row("PLMS", -0.012497, 0.573601, (0.66141, 0.05076, -0.53012), 20),
    Row("UniPC", -0.012252, 0.574121, (0.66403, 0.05028, -0.53076), 20),
    Row("UniPC", -0.012248, 0.574099, (0.66405, 0.05019, -0.53052), 20, 20, {"variant": "bh2"}),
    Row(
        "UniPC", -0.012238, 0.570458, (0.65933, 0.04911, -0.52443), 20, 20,
        {"variant": "vary_coeff"},
    ),
    Row(
        "UniPC", -0.010945, 0.521039, (0.60326, 0.05095, -0.49607), 20, 20,
        {"skip_type": "logSNR"},
    ),
    Row("LCM", 0.003936, 0.379639, (-0.49627, -0.21423, 0.64226), 8, 8),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_sampler_ends_where_the_original_ends(row: Row) -> None:
    found, calls = sample(row.label, row.steps, row.options)
    assert calls == row.calls
    assert float(found.mean()) == pytest.approx(row.mean, abs=TOLERANCE)
    assert float(found.std()) == pytest.approx(row.std, abs=TOLERANCE)
    assert found[0, 0, 0, :3].tolist() == pytest.approx(row.first, abs=TOLERANCE)


def test_no_sampler_is_in_the_table_without_a_vector() -> None:
    assert {row.label for row in ROWS} == set(SAMPLERS)


SCHEDULE_ROWS = {
    "Uniform": "14.6146 10.7468 8.0815 6.2049 4.8557 3.8654 3.1238 2.5572 2.1157 1.7648 1.4806"
    " 1.2458 1.0481 .8784 .7297 .5964 .4736 .3555 .2322 .0292 0",
    "Karras": "14.6146 11.7254 9.3402 7.3836 5.7894 4.4998 3.4648 2.6408 1.9909 1.4832 1.0908"
    " .7909 .5647 .3964 .273 .1842 .1213 .0779 .0485 .0292 0",
    "Exponential": "14.6146 10.5363 7.5961 5.4763 3.9481 2.8464 2.0521 1.4794 1.0666 .7689 .5544"
    " .3997 .2881 .2077 .1498 .108 .0778 .0561 .0405 .0292 0",
    "SGM Uniform": "14.6146 10.9073 8.3072 6.4477 5.0924 4.0861 3.3251 2.7391 2.2797 1.9132 1.6156"
    " 1.3696 1.1629 .986 .8319 .6951 .5712 .4557 .3437 .2255 0",
    "Simple": "14.6146 10.9042 8.3028 6.443 5.0878 4.0817 3.3211 2.7355 2.2765 1.9103 1.6129"
    " 1.3672 1.1606 .9838 .8299 .6932 .5693 .4538 .3417 .223 0",
    "DDIM": "11.0283 8.3907 6.5064 5.1344 4.1167 3.3478 2.7562 2.2929 1.9234 1.6237 1.3762 1.1682"
    " .9904 .8357 .6984 .5741 .4583 .3462 .2281 .0413 0",
    "KL Optimal": "14.6146 6.9957 4.565 3.3594 2.6329 2.1427 1.7864 1.5132 1.2948 1.1145 .9616"
    " .829 .7116 .606 .5094 .4198 .3356 .2555 .1783 .1032 .0292",
    "Beta": "14.6146 14.4152 13.9863 13.3927 12.6674 11.8355 10.9186 9.9368 8.9091 7.854 6.7898"
    " 5.7347 4.707 3.7252 2.8083 1.9764 1.2511 .6575 .2286 .0292 0",
    "Align Your Steps": "14.615 9.5217 6.3012 4.8 3.7179 3.0781 2.5489 2.1115 1.7703 1.511 1.266"
    " 1.0413 .8514 .6934 .5441 .4202 .2658 .1599 .0694 .029 0",
}
# At the model's own ends and with their default exponent these two equal another schedule.
SCHEDULE_ROWS["Normal"] = SCHEDULE_ROWS["Uniform"]
SCHEDULE_ROWS["Polyexponential"] = SCHEDULE_ROWS["Exponential"]


@pytest.mark.parametrize("label", schedules.SCHEDULES)
def test_schedule_of_twenty_steps_has_the_originals_levels(label: str) -> None:
    expected = [float(value) for value in SCHEDULE_ROWS[label].split()]
    assert schedules.build(label, 20, table()).tolist() == pytest.approx(expected, abs=6e-5)


def test_levels_of_the_default_model() -> None:
    assert float(table().alphas_cumprod[0]) == pytest.approx(0.99914998, abs=1e-8)
    assert float(table().alphas_cumprod[-1]) == pytest.approx(0.0046600983, abs=1e-9)
    assert table().sigma_min == pytest.approx(0.029167535, abs=5e-9)
    assert table().sigma_max == pytest.approx(14.614642, abs=1e-6)


def test_levels_after_the_fp16_downcast() -> None:
    found = SigmaTable(noise_schedule.downcast(alphas_cumprod()))
    assert (found.sigma_min, found.sigma_max) == (0.03125, 14.609375)


def test_levels_of_a_checkpoint_saved_in_fp16() -> None:
    found = SigmaTable(alphas_cumprod().half().float())
    assert found.sigma_min == pytest.approx(0.03126527, abs=1e-7)
    assert found.sigma_max == pytest.approx(14.612339, abs=2e-6)


def test_levels_of_zero_terminal_snr() -> None:
    found = SigmaTable(noise_schedule.zero_terminal_snr(alphas_cumprod()))
    assert found.sigma_max == pytest.approx(4518.76, abs=0.01)
    assert float(found.sigmas[998]) == pytest.approx(2254.24, abs=0.01)


def test_levels_of_a_latent_consistency_model() -> None:
    found = schedules.build("Uniform", 8, LcmTable(alphas_cumprod())).tolist()
    expected = [14.61464, 6.76838, 3.60099, 2.12037, 1.32306, 0.82986, 0.47645, 0.13445, 0]
    assert found == pytest.approx(expected, abs=1e-5)


def test_nv_numbers_are_those_of_a_card() -> None:
    stream = make_generator("NV", 0)
    assert stream.randn((12,)).tolist() == pytest.approx(
        [-0.9246624, -0.42534396, -2.6438458, 0.14518388, -0.12086651, -0.5797257, -0.6228513,
         -0.32838714, -1.074542, -0.3631441, -1.6710504, 2.265505], abs=1e-6,
    )  # fmt: skip
    second = [0.18082589, -0.5522627, 0.9238134, -0.73497033]
    assert stream.randn((4,)).tolist() == pytest.approx(second, abs=1e-6)
    long_seed = make_generator("NV", 12345678901).randn((4,)).tolist()
    expected = [0.64660764, -0.49690345, 1.6190792, -0.10494773]
    assert long_seed == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "first", "second"),
    [
        ("CPU", (-1.525596, -0.750232, -0.653981, -1.609485), -0.731003),
        ("NV", (-0.296278, 2.676448, -0.140846, -0.844095), -0.633984),
    ],
)
def test_a_large_latent_of_seed_one(source: str, first: tuple[float, ...], second: float) -> None:
    stream = make_generator(source, 1)
    assert stream.randn((4, 64, 64)).flatten()[:4].tolist() == pytest.approx(first, abs=1e-6)
    assert float(stream.randn((4, 64, 64)).flatten()[0]) == pytest.approx(second, abs=1e-6)


def test_slerp_of_two_noises() -> None:
    low, high = (make_generator("NV", seed).randn(SHAPE) for seed in (1000, 2000))
    found = slerp(0.3, low, high).flatten()[:3].tolist()
    assert found == pytest.approx([0.71002, 0.43819, -0.59619], abs=1e-5)


@dataclass(frozen=True)
class NoiseRow:
    arguments: dict[str, Any]
    corner: tuple[float, ...]  # [0, 0, :4]
    inside: tuple[float, ...]  # [1, 4, 2:6]
    mean: float


FIRST = NoiseRow(
    {}, (0.96654, 0.05109, -0.66446, -0.63997), (0.29084, -0.95564, -2.05308, -0.29799), -0.040156
)
SECOND = NoiseRow(
    {}, (0.07836, -0.35575, 1.64772, -0.52623), (-1.45282, 0.94488, -1.82724, 1.05353), 0.104593
)
SECOND_WITH_ENSD = NoiseRow(
    {"ensd": 31337},
    (-0.06558, 0.71927, -0.71685, 0.41164), (-0.24511, 0.91817, -0.91251, 0.78905), -0.044612,
)  # fmt: skip
VARIATION = NoiseRow(
    {"subseeds": [2000], "subseed_strength": 0.3},
    (0.71002, 0.43819, -0.59619, 0.00126), (0.69268, -0.49201, -1.73797, 0.19988), -0.037561,
)  # fmt: skip
FROM_SMALLER = NoiseRow(
    {"resize_from": (32 // 8, 48 // 8)},
    (0.96654, 0.05109, -0.66446, -0.63997), (-1.43344, -0.50619, 0.68381, 0.70494), -0.062283,
)  # fmt: skip
FROM_LARGER = NoiseRow(
    {"resize_from": (96 // 8, 128 // 8)},
    (-0.53037, -1.43344, -0.50619, 0.68381), (1.72059, 0.23084, -0.57811, -0.11656), -0.133592,
)  # fmt: skip


def assert_noise(found: Tensor, row: NoiseRow) -> None:
    assert found[0, 0, 0, :4].tolist() == pytest.approx(row.corner, abs=1e-5)
    assert found[0, 1, 4, 2:6].tolist() == pytest.approx(row.inside, abs=1e-5)
    assert float(found.mean()) == pytest.approx(row.mean, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, SECOND),
        (NoiseRow({"ensd": 31337}, FIRST.corner, FIRST.inside, FIRST.mean), SECOND_WITH_ENSD),
        (VARIATION, SECOND),
        (FROM_SMALLER, SECOND),
    ],
    ids=["plain", "ensd", "variation", "resized from smaller"],
)
def test_first_and_step_noise_of_a_pass(first: NoiseRow, second: NoiseRow) -> None:
    noise = ImageNoise([1000], SHAPE, source="NV", **first.arguments)
    assert_noise(noise.initial(), first)
    assert_noise(noise.next(), second)


def test_noise_resized_from_a_larger_picture() -> None:
    noise = ImageNoise([1000], SHAPE, source="NV", **FROM_LARGER.arguments)
    assert_noise(noise.initial(), FROM_LARGER)


def test_first_and_step_noise_of_the_cpu_source() -> None:
    noise = ImageNoise([1000], SHAPE, source="CPU")
    first, second = noise.initial(), noise.next()
    corner, inside = (
        (-0.53056, -1.12997, -0.67338, -0.76692),
        (-0.80054, -2.09853, 0.28578, -2.29749),
    )
    assert first[0, 0, 0, :4].tolist() == pytest.approx(corner, abs=1e-5)
    assert first[0, 1, 4, 2:6].tolist() == pytest.approx(inside, abs=1e-5)
    then = (1.17579, 1.62428, -0.48817, 1.98873)
    assert second[0, 0, 0, :4].tolist() == pytest.approx(then, abs=1e-5)


@pytest.mark.parametrize("seeds", [[1000], [1000, 1001]], ids=["alone", "in a batch"])
def test_brownian_increments_of_the_exponential_schedule(seeds: list[int]) -> None:
    sigmas = schedules.build("Exponential", 20, table())
    noise = BrownianNoise(seeds, SHAPE, sigmas, source="NV")
    expected = {
        0: (-1.15069, -0.42008, -1.51144),
        1: (-0.39131, 0.44543, -2.48032),
        10: (1.22763, -1.26496, 0.87095),
    }
    for step, values in expected.items():
        found = noise(sigmas[step], sigmas[step + 1])
        assert found.shape == (len(seeds), *SHAPE)
        assert found[0, 0, 0, :3].tolist() == pytest.approx(values, abs=2e-5)


@pytest.mark.parametrize(
    ("asked", "count", "first", "second", "last"),
    [
        (10, 10, 1, 101, 901),
        (15, 16, 1, 67, 991),
        (20, 20, 1, 51, 951),
        (30, 31, 1, 34, 991),
        (33, 34, 1, 31, 991),
        (50, 50, 1, 21, 981),
        (150, 167, 1, 7, 997),
    ],
)
def test_ddim_timesteps(asked: int, count: int, first: int, second: int, last: int) -> None:
    found = steps.ddim_timesteps(asked).tolist()
    assert (len(found), *found[:2], found[-1]) == (count, first, second, last)


def test_ddim_timesteps_of_one_step() -> None:
    assert steps.ddim_timesteps(1).tolist() == [1]


@pytest.mark.parametrize(
    ("strength", "t_enc", "exact_steps"),
    [(0.1, 2, 200), (0.3, 6, 66), (0.5, 10, 40), (0.55, 11, 36), (0.7, 14, 28), (0.75, 15, 26),
     (0.99, 19, 20), (1, 19, 20)],
)  # fmt: skip
def test_img2img_step_counts(strength: float, t_enc: int, exact_steps: int) -> None:
    assert steps.img2img_steps(20, strength, exact=False) == (20, t_enc)
    assert steps.img2img_steps(20, strength, exact=True) == (exact_steps, 19)
