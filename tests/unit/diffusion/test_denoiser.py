"""What a model is asked, and what is made of its answer."""

from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.denoiser import EpsDenoiser, LcmDenoiser, VDenoiser
from modules.diffusion.noise_schedule import LcmTable, SigmaTable, alphas_cumprod

PICTURE = torch.linspace(-1, 1, 64).reshape(1, 4, 4, 4)
NOISE = torch.randn((1, 4, 4, 4), generator=torch.Generator().manual_seed(3))


class Recorder:
    """A model that gives one fixed answer and keeps what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        self.answer = answer
        self.asked: list[tuple[Tensor, Tensor, dict[str, Any]]] = []

    def __call__(self, x: Tensor, t: Tensor, **conditioning: Any) -> Tensor:
        self.asked.append((x, t, conditioning))
        return self.answer.expand_as(x)


def test_a_model_that_knows_the_noise_gives_back_the_picture(table: SigmaTable) -> None:
    sigma = torch.tensor(2.5)
    denoised = EpsDenoiser(Recorder(NOISE), table)(PICTURE + sigma * NOISE, sigma)
    torch.testing.assert_close(denoised, PICTURE)


def test_a_model_that_knows_v_gives_back_the_picture(table: SigmaTable) -> None:
    sigma = torch.tensor(2.5)
    alpha = 1 / (1 + sigma**2)
    velocity = alpha.sqrt() * NOISE - (1 - alpha).sqrt() * PICTURE
    denoised = VDenoiser(Recorder(velocity), table)(PICTURE + sigma * NOISE, sigma)
    torch.testing.assert_close(denoised, PICTURE)


def test_v_in_vp_space_gives_back_the_noise(table: SigmaTable) -> None:
    alpha = table.alphas_cumprod[301]
    x = alpha.sqrt() * PICTURE + (1 - alpha).sqrt() * NOISE
    velocity = alpha.sqrt() * NOISE - (1 - alpha).sqrt() * PICTURE
    found = VDenoiser(Recorder(velocity), table).eps(x, torch.tensor(301.7))
    torch.testing.assert_close(found, NOISE)


def test_the_model_sees_a_scaled_latent_and_a_fractional_timestep(table: SigmaTable) -> None:
    model = Recorder(NOISE)
    sigma = table.t_to_sigma(torch.tensor(500.25))
    EpsDenoiser(model, table)(PICTURE.expand(3, -1, -1, -1), sigma, cross_attention="tokens")
    x, t, conditioning = model.asked[0]
    torch.testing.assert_close(x[0], PICTURE[0] / (sigma**2 + 1).sqrt())
    assert t.shape == (3,) and t.dtype == torch.float32
    assert t.tolist() == pytest.approx([500.25] * 3, abs=2e-3)
    assert conditioning == {"cross_attention": "tokens"}


def test_quantized_timesteps_are_whole(table: SigmaTable) -> None:
    model = Recorder(NOISE)
    sigma = table.t_to_sigma(torch.tensor(500.25))
    EpsDenoiser(model, table, quantize=True)(PICTURE, sigma)
    assert model.asked[0][1].tolist() == [500.0]


def test_each_image_may_have_its_own_level(table: SigmaTable) -> None:
    denoiser = EpsDenoiser(Recorder(NOISE), table)
    sigmas = torch.tensor([0.5, 5.0])
    together = denoiser(PICTURE.expand(2, -1, -1, -1), sigmas)
    for image in range(2):
        torch.testing.assert_close(together[image], denoiser(PICTURE, sigmas[image])[0])


def test_a_half_precision_answer_is_promoted(table: SigmaTable) -> None:
    denoised = EpsDenoiser(Recorder(NOISE.half()), table)(PICTURE, torch.tensor(1.0))
    assert denoised.dtype == torch.float32


def test_an_lcm_model_is_asked_at_its_own_timesteps_only() -> None:
    model = Recorder(NOISE)
    denoiser = LcmDenoiser(model, LcmTable(alphas_cumprod()))
    sigma = torch.tensor(2.5)
    denoised = denoiser(PICTURE + sigma * NOISE, sigma)
    t = float(model.asked[0][1][0])
    assert (t - 19) % 20 == 0
    # Far from t = 0 its boundary weights leave the prediction almost alone.
    torch.testing.assert_close(denoised, PICTURE, rtol=0, atol=1e-3)


def test_an_lcm_model_may_predict_v() -> None:
    sigma = torch.tensor(2.5)
    velocity = (NOISE - sigma * PICTURE) / (sigma**2 + 1).sqrt()
    denoiser = LcmDenoiser(Recorder(velocity), LcmTable(alphas_cumprod()), velocity=True)
    denoised = denoiser(PICTURE + sigma * NOISE, sigma)
    torch.testing.assert_close(denoised, PICTURE, rtol=0, atol=1e-3)


def test_its_numbers_are_those_of_tensors_to_the_last_bit(table: SigmaTable) -> None:
    generator = torch.Generator().manual_seed(0)
    for sigma in torch.exp(torch.rand(300, generator=generator) * 6.3 - 3.6):
        model = Recorder(NOISE)
        EpsDenoiser(model, table)(PICTURE, sigma)
        x, t, _ = model.asked[0]
        assert torch.equal(x, PICTURE * (1 / (sigma**2 + 1) ** 0.5))
        assert float(t) == float(table.sigma_to_t(sigma))
