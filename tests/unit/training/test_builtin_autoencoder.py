"""Claims about the built-in autoencoder: it learns, and polishing leaves latents alone."""

from typing import Any, cast

import numpy as np
import pytest
import torch

from modules.training.builtin import polish
from modules.training.builtin.autoencoder import (
    encode_means,
    fold_statistics,
    psnr,
    to_tensor,
    train_autoencoder,
)
from modules.training.builtin.loop import Place, Schedule
from modules.training.builtin.networks import LATENT_SCALE, Sizes, build_vae
from modules.training.builtin.polish import Polishing, polish_decoder, take_polished
from modules.training.builtin.render import render
from modules.training.builtin.world import scene

TINY = Sizes(resolution=32, vae_channels=(8, 8, 8, 8))


@pytest.fixture(scope="module")
def pictures():
    return np.stack([render(scene(index), 32) for index in range(24)])


@pytest.fixture
def place(tmp_path):
    (tmp_path / "log").mkdir()
    return Place(tmp_path, torch.device("cpu"), None)


@pytest.mark.full
def test_a_short_training_tells_the_pictures_apart(pictures, place):
    torch.manual_seed(0)
    vae, held = build_vae(TINY), to_tensor(pictures[16:])
    flat = psnr(held.mean((0, 2, 3), keepdim=True).expand_as(held), held)  # one colour for all
    with torch.no_grad():
        assert psnr(vae(held).sample, held) < flat

    train_autoencoder(
        vae, pictures[:16], pictures[16:], Schedule(60, 1e-2, warmup=2), place, batch=4
    )

    with torch.no_grad():
        assert psnr(vae(held).sample, held) > flat + 3.0
    assert (place.folder / "log" / "autoencoder.png").exists()


@pytest.mark.full
def test_polishing_changes_the_decoder_and_no_latent(pictures, place, monkeypatch):
    monkeypatch.setattr(polish, "CRITIC_FROM", 0.8)
    torch.manual_seed(0)
    vae = cast(Any, build_vae(TINY))  # diffusers types decode's answer too narrowly
    means = encode_means(vae, to_tensor(pictures), place)
    mean, deviation = means.mean((0, 2, 3)), means.std((0, 2, 3))
    fold_statistics(vae, mean.tolist(), deviation.tolist())
    latents = (means - mean[:, None, None]) / deviation[:, None, None]
    whole = to_tensor(pictures)
    with torch.no_grad():
        before = psnr(vae.decode(latents / LATENT_SCALE).sample, whole)

    polish_decoder(vae, latents, pictures, 8, Schedule(24, 5e-3, warmup=2), place, batch=4)

    with torch.no_grad():
        assert psnr(vae.decode(latents / LATENT_SCALE).sample, whole) > before + 0.5
    after = encode_means(vae, whole, place) * LATENT_SCALE
    assert torch.allclose(after, latents, atol=1e-3)
    twin = cast(Any, build_vae(TINY))
    assert take_polished(twin, place)
    with torch.no_grad():
        assert torch.equal(twin.decode(latents).sample, vae.decode(latents).sample)


def test_the_critic_learns_from_its_own_loss_alone_and_pulls_at_the_decoder(pictures):
    torch.manual_seed(0)
    polishing = Polishing(build_vae(TINY))
    real = to_tensor(pictures[:2])
    made = polishing.decoder(torch.randn(2, 4, 4, 4))

    plain = torch.autograd.grad(
        polishing.loss(made, real, with_critic=False), polishing.last_layer, retain_graph=True
    )[0]
    polishing.loss(made, real, with_critic=True).backward()

    critic = polishing.critic
    own = (1 - critic(real)[0]).relu().mean() + (1 + critic(made.detach())[0]).relu().mean()
    expected = torch.autograd.grad(own, list(critic.parameters()))
    for parameter, gradient in zip(critic.parameters(), expected, strict=True):
        assert torch.allclose(cast(torch.Tensor, parameter.grad), gradient, atol=1e-6)
    assert not torch.allclose(cast(torch.Tensor, polishing.last_layer.grad), plain, rtol=0.05)
