"""The decoder's last training: alone, on latents as the denoiser makes them, against a critic.

The latents stay as they are, so this may run beside the denoiser's training. A plain error makes
soft edges wherever the latents leave room; a small critic that learns to tell drawn pictures
from decoded ones, patch by patch, makes the decoder commit itself.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn

from modules.training.builtin.autoencoder import (
    decoded,
    picture_loss,
    psnr,
    to_pictures,
    to_tensor,
)
from modules.training.builtin.board import sheet
from modules.training.builtin.loop import Place, Schedule, Stage
from modules.training.builtin.networks import LATENT_SCALE, move

LATENT_NOISE = 0.05
"""Deviation of the noise on latents that do not come from the denoiser."""
CRITIC_FROM = 0.1
"""Share of the steps after which the critic takes part."""
CRITIC_WEIGHT = 0.35
"""The critic's pull on the last layer, relative to the plain error's."""
LIKENESS_WEIGHT = 0.5
"""Weight of how far the decoded picture's features in the critic are from the drawn one's."""

Soften = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""(latents (B, 4, h, w), scene numbers (B,), random numbers) to latents as a denoiser has them."""


class Critic(nn.Module):
    """Pictures (B, 3, H, W) to one number per patch (high: looks drawn), and its features."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        self.steps = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 4, stride=2, padding=1),
                nn.Identity() if before == 3 else nn.GroupNorm(4, after),
                nn.LeakyReLU(0.2),
            )
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        for step in self.steps:
            picture = step(picture)
            features.append(picture)
        return self.last(picture), features


class Polishing(nn.Module):
    """What is trained together: the decoder with its 1x1 convolution, and the critic."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        assert vae.post_quant_conv is not None
        self.post_quant_conv, self.decoder = vae.post_quant_conv, vae.decoder
        self.critic = Critic()

    @property
    def last_layer(self) -> Tensor:
        return self.decoder.conv_out.weight

    def loss(self, made: Tensor, real: Tensor, with_critic: bool) -> Tensor:
        """Of decoded and drawn pictures (B, 3, H, W): the decoder's loss plus the critic's own."""
        plain = picture_loss(made - real)
        if not with_critic:
            return plain
        # the decoder is judged by a critic that its judgement does not train
        still = {name: value.detach() for name, value in self.critic.named_parameters()}
        verdict, features = torch.func.functional_call(self.critic, still, (made,))
        with torch.no_grad():
            _, wanted = self.critic(real)
        likeness = torch.stack(
            [functional.l1_loss(one, other) for one, other in zip(features, wanted, strict=True)]
        ).mean()
        pull = -verdict.mean()
        strong = torch.autograd.grad(plain, self.last_layer, retain_graph=True)[0].norm()
        weak = torch.autograd.grad(pull, self.last_layer, retain_graph=True)[0].norm()
        weight = CRITIC_WEIGHT * (strong / (weak + 1e-6)).clamp(0.0, 10.0).detach()
        on_real, _ = self.critic(real)
        on_made, _ = self.critic(made.detach())
        own = functional.relu(1.0 - on_real).mean() + functional.relu(1.0 + on_made).mean()
        return plain + weight * pull + LIKENESS_WEIGHT * likeness + own


def polish_decoder(
    vae: AutoencoderKL,
    latents: Tensor,
    pictures: NDArray[np.uint8],
    held: int,
    schedule: Schedule,
    place: Place,
    batch: int = 6,
    soften: Soften | None = None,
) -> None:
    """Trains the decoder alone, on latents (N, 4, h, w) of deviation 1 that stay as they are.

    The last `held` scenes measure. `vae` must have its statistics folded. Two thirds of the
    latents go through `soften` where it is given, the others get a little noise. Resumes if it
    can.
    """
    polishing = Polishing(vae).requires_grad_(True)
    move(polishing, place.device)
    stage = Stage("decoder", polishing, schedule, place)
    stage.resume()
    count = len(latents) - held
    sample = to_tensor(pictures[count:]).to(place.device)

    def loss(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = torch.randint(0, count, (batch,), generator=generator).sort().values
        clean = latents[chosen].float()
        latent = clean + LATENT_NOISE * torch.randn(clean.shape, generator=generator)
        if soften is not None:
            soft = torch.rand(batch, generator=generator) < 0.67
            if soft.any():
                latent[soft] = soften(clean[soft], chosen[soft], generator).cpu()
        latent = latent.contiguous(memory_format=torch.channels_last)
        with place.autocast():
            made = decoded(vae, latent.to(place.device) / LATENT_SCALE)
            real = to_tensor(pictures[chosen.numpy()]).to(place.device)
            value = polishing.loss(made, real, step >= CRITIC_FROM * schedule.steps)
        return value, {"l1": float((made - real).detach().abs().mean())}

    def look(step: int) -> dict[str, float]:
        latent = latents[count:].float().to(place.device) / LATENT_SCALE
        with place.autocast():
            made = torch.cat([decoded(vae, part) for part in latent.split(16)])
        pairs = [
            two for both in zip(pictures[count:], to_pictures(made), strict=True) for two in both
        ]
        sheet(pairs[:48], 8).save(place.folder / "log" / "decoder.png")
        return {"psnr": psnr(made, sample)}

    stage.train(loss, look)
    stage.swap_averages()
    vae.eval().requires_grad_(False)


def take_polished(vae: AutoencoderKL, place: Place) -> bool:
    """Gives `vae` the averages of the decoder in the run's folder, if one lies there."""
    path = place.folder / "decoder.pt"
    if not path.exists():
        return False
    held = torch.load(path, map_location=place.device, weights_only=True)
    polishing = Polishing(vae)
    polishing.load_state_dict(held["module"])
    with torch.no_grad():
        for parameter, average in zip(polishing.parameters(), held["averages"], strict=False):
            parameter.copy_(average)
    vae.eval().requires_grad_(False)
    return True
