"""Claims about the built-in checkpoint's training: it starts right, learns, and can be taken up
again.
"""

import multiprocessing
import time
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from modules.training.builtin import captions
from modules.training.builtin.autoencoder import eigenvalues
from modules.training.builtin.board import Curves, sheet
from modules.training.builtin.denoiser import Denoiser, identity_start
from modules.training.builtin.helper import Helper
from modules.training.builtin.lesson import Drawn, Lesson, draw_steps
from modules.training.builtin.loop import Place, Schedule, Stage, step_generator
from modules.training.builtin.networks import Sizes, alphas_cumprod, build_text, build_unet
from modules.training.builtin.recipe import tokenize_scenes
from modules.training.builtin.sampling import sample
from modules.training.builtin.text import Words

VOCABULARY = Path(__file__).parents[3] / "configs" / "clip" / "vocab.json"

TINY = Sizes(
    resolution=32,
    text_width=16,
    unet_channels=(16, 16),
    unet_attention=(False, True),
    unet_heads=2,
    unet_groups=1,
    vae_channels=(8, 8, 8, 8),
)


def _drawn(count: int) -> Drawn:
    generator = torch.Generator().manual_seed(0)
    colours = torch.arange(count) % 3
    flat = colours[:, None, None, None] - 1.0 + torch.zeros(count, 4, 4, 4)
    tokens = torch.full((count, captions.VARIANTS, 77), 2, dtype=torch.uint8)
    tokens[:, :, 1:] = (colours + 3).to(torch.uint8)[:, None, None]
    noise = 0.1 * torch.randn(flat.shape, generator=generator)
    return Drawn(flat + noise, tokens, torch.zeros(count, 5, dtype=torch.int64))


def _denoiser(folder: Path, steps: int, rate: float = 3e-3) -> Denoiser:
    torch.manual_seed(0)
    unet = build_unet(TINY)
    identity_start(unet)
    place = Place(folder, torch.device("cpu"), None)
    schedule = Schedule(steps, rate, warmup=5, average=0.9)
    empty = torch.full((77,), 2)
    text = build_text(TINY, vocabulary=8)
    lesson = Lesson(unet, text, _drawn(48), empty, place, batch=16)
    return Denoiser(lesson, _drawn(16), schedule)


def test_a_fresh_denoiser_already_answers_with_its_input(tmp_path):
    unet = _denoiser(tmp_path, 1).lesson.module.eval()
    noise = torch.randn(4, 4, 8, 8)

    with torch.no_grad():
        made = unet(noise, torch.full((4,), 999), torch.randn(4, 77, 16)).sample

    assert float((made - noise).square().mean()) < 1e-3


@pytest.mark.full
def test_some_steps_of_training_lower_the_loss(tmp_path):
    denoiser = _denoiser(tmp_path, 60)

    denoiser.train()

    losses = [value for _, name, value in denoiser.stage.curves.rows if name == "loss"]
    fresh = _denoiser(tmp_path / "none", 60)
    with torch.no_grad():
        start = float(fresh.lesson.loss(60, torch.Generator().manual_seed(1))[0])
        end = float(denoiser.lesson.loss(60, torch.Generator().manual_seed(1))[0])
    assert losses and end < 0.7 * start


def test_a_resumed_run_goes_on_at_its_step_and_ends_with_the_same_weights(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = _denoiser(tmp_path / "a", 6)
    whole.train()
    first = _denoiser(tmp_path / "b", 6)
    first.stage.train(first.lesson.loss, stop_at=3)

    second = _denoiser(tmp_path / "b", 6)
    assert second.stage.resume() and second.stage.step == 3
    second.train()

    assert second.stage.step == 6
    for one, other in zip(whole.stage.parameters, second.stage.parameters, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(whole.stage.averages, second.stage.averages, strict=True):
        assert torch.equal(one, other)


def _losses(folder: Path, lesson: Lesson, steps: int) -> list[float]:
    seen: list[float] = []

    def loss(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        value, figures = lesson.loss(step, generator)
        seen.append(float(value.detach()))
        return value, figures

    Stage("denoiser", lesson.module, Schedule(steps, 1e-3), lesson.place).train(loss)
    return seen


@pytest.mark.full
def test_two_trainings_with_one_seed_have_the_same_losses(tmp_path):
    one, other = (_losses(tmp_path, _denoiser(tmp_path, 8).lesson, 8) for _ in range(2))

    assert one == other and len(set(one)) == 8


@pytest.mark.full
def test_two_trainings_of_the_recipes_own_networks_have_the_same_first_200_losses(tmp_path):
    runs = []
    for _ in range(2):
        torch.manual_seed(1)
        unet, words = build_unet(Sizes()), Words(VOCABULARY)
        identity_start(unet)
        tokens, labels = tokenize_scenes(64, words)
        latents = torch.randn(64, 4, 16, 16, generator=torch.Generator().manual_seed(0))
        text = build_text(Sizes(), vocabulary=words.rows)
        empty = torch.tensor(words.encode(""))
        place = Place(tmp_path, torch.device("cpu"), None)
        lesson = Lesson(unet, text, Drawn(latents, tokens, labels), empty, place, batch=8)
        runs.append(_losses(tmp_path, lesson, 200))

    assert len(runs[0]) == 200 and runs[0] == runs[1]


def test_exchanging_the_weights_with_their_averages_twice_changes_nothing(tmp_path):
    stage = _denoiser(tmp_path, 4).stage
    weight = cast(nn.Conv2d, stage.module.conv_in).weight
    stage.train(lambda step, generator: (weight.square().sum(), {}), stop_at=2)
    before = weight.detach().clone()

    stage.swap_averages()
    between = weight.detach().clone()
    stage.swap_averages()

    assert not torch.equal(before, between)
    assert torch.equal(before, weight)


def test_half_of_the_training_steps_lie_at_the_noisy_end():
    steps = draw_steps(200, torch.Generator().manual_seed(0))

    assert steps.min() >= 0 and steps.max() <= 999
    assert 0.75 < float((steps >= 400).float().mean()) < 0.85


def test_a_denoiser_that_knows_the_picture_samples_that_picture():
    alphas, target = alphas_cumprod(), torch.full((2, 4, 4, 4), 0.7)

    def epsilon(latent, steps, context):
        alpha = torch.tensor(
            [
                alphas.log()[int(s)].lerp(alphas.log()[min(int(s) + 1, 999)], float(s % 1))
                for s in steps
            ]
        ).exp()[:, None, None, None]
        return (latent - alpha.sqrt() * target.repeat(2, 1, 1, 1)) / (1 - alpha).sqrt()

    context = torch.zeros(2, 77, 8)
    made = sample(epsilon, context, context[:1], torch.randn(2, 4, 4, 4), alphas, steps=10)

    assert torch.allclose(made, target, atol=0.02)


def test_dead_latent_channels_show_in_the_smallest_eigenvalue():
    healthy = torch.randn(8, 4, 8, 8)
    dead = healthy.clone()
    dead[:, 3] = dead[:, 2] + 0.01 * dead[:, 3]

    assert float(eigenvalues(healthy)[0]) > 0.7
    assert float(eigenvalues(dead)[0]) < 0.01


def test_curves_and_sheets_are_drawn_as_pictures(tmp_path):
    curves = Curves()
    for step in range(0, 100, 10):
        curves.add(step, {"loss": 1.0 / (step + 1), "never": -1.0})

    curves.draw(tmp_path / "log" / "curves.png")

    assert (tmp_path / "log" / "curves.png").stat().st_size > 500
    assert set(curves.series()) == {"loss"}
    picture = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    assert sheet([picture] * 5, columns=3).size == (28, 18)


@pytest.mark.parametrize("step, share", [(0, 0.2), (5, 1.0), (100, 0.1)])
def test_the_rate_warms_up_and_falls_to_its_last_share(step, share):
    schedule = Schedule(100, 2.0, warmup=5, final_rate=0.1)

    assert schedule.rate_at(step) == pytest.approx(2.0 * share, rel=0.02)


def _taken(helper: Helper) -> list[torch.Tensor]:
    """The helper's next gradient; it starts a Python and runs on what others leave over."""
    deadline = time.monotonic() + 300
    while (taken := helper.take()) is None:
        assert time.monotonic() < deadline, "the helper leaves no gradient"
        time.sleep(0.02)
    return taken


@pytest.mark.full
def test_a_helper_leaves_gradients_at_the_newest_weights_and_is_not_waited_for(tmp_path):
    lesson = _denoiser(tmp_path, 1).lesson
    parameters = list(lesson.module.parameters())
    helper = Helper(lesson, seed=7)
    (process,) = multiprocessing.active_children()

    def own(count: int) -> list[torch.Tensor]:
        lesson.module.zero_grad()
        lesson.loss(count, step_generator(7, f"helper/{process.pid}", count))[0].backward()
        return [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]

    try:
        assert helper.take() is None, "a trainer that asks too early is kept waiting"
        taken = [_taken(helper)]
        expected = [own(0)]
        with torch.no_grad():
            for parameter in parameters:
                parameter.mul_(1.1)
        _taken(helper)  # begun before
        taken.append(_taken(helper))
        expected.append(own(2))
    finally:
        helper.stop()
    for one, other in zip(taken, expected, strict=True):
        assert max(float(gradient.abs().max()) for gradient in one) > 0.01
        for helped, ours in zip(one, other, strict=True):
            assert torch.allclose(helped, ours, rtol=1e-2, atol=1e-4)


def test_a_gradient_that_lies_ready_is_averaged_with_the_steps_own(tmp_path):
    applied = []
    for ready in (None, [torch.full((2,), 3.0)]):
        weight = nn.Parameter(torch.tensor([5.0, 5.0]))
        place = Place(tmp_path, torch.device("cpu"), None)
        stage = Stage("plain", nn.ParameterList([weight]), Schedule(1, 1e-3, clip=1e9), place)
        stage.take_gradient = lambda ready=ready: ready
        stage.train(lambda step, generator, weight=weight: (weight.sum(), {}))
        assert weight.grad is not None
        helped = [name for _, name, _ in stage.curves.rows if name == "helped"]
        applied.append((weight.grad.tolist(), helped))

    assert applied == [([1.0, 1.0], []), ([2.0, 2.0], ["helped"])]
