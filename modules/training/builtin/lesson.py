"""What the denoiser learns from one batch: cached scenes, training steps and their weights.

The loss gives the noisy end its due, because what is decided there (tint, ground, place) no later
step can repair. Everything here can be pickled, so that a helper process can compute it too.
"""

from dataclasses import dataclass

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from modules.training.builtin.loop import Place
from modules.training.builtin.networks import alphas_cumprod, move

EMPTY_SHARE = 0.1
"""Share of the captions that are emptied, for classifier-free guidance."""


@dataclass(frozen=True)
class Drawn:
    """Cached scenes. latents (N, 4, h, w) of deviation 1; tokens (N, V, 77); labels (N,
    attributes)."""

    latents: Tensor
    tokens: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        assert len(self.latents) == len(self.tokens) == len(self.labels) > 0


def draw_steps(count: int, generator: torch.Generator) -> Tensor:
    """Training steps (count,), stratified: half over all, half over the noisy 60 % of them."""
    spread = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    even = spread[::2] * 1000
    noisy = 400 + spread[1::2] * 600
    return torch.cat((even, noisy)).long().clamp(0, 999)


def step_weight(alphas: Tensor) -> Tensor:
    """Weight of the noise error at these cumulative alphas: that of v-prediction, bounded."""
    return 1.0 / (alphas + 0.02)


class Lesson:
    """The U-Net (`module`), the frozen text encoder, the scenes, and a batch's loss."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        text: CLIPTextModel,
        drawn: Drawn,
        empty_tokens: Tensor,
        place: Place,
        batch: int,
    ) -> None:
        """`text` reads the tokens' rows; `empty_tokens` (77,) are those of the empty caption."""
        self.module: nn.Module = unet
        move(unet, place.device)
        if place.device.type == "cpu":
            # torch's fused attention takes a third of a half-precision CPU step, this a twentieth
            unet.set_attn_processor(AttnProcessor())
        self.text = text.eval().requires_grad_(False)
        nn.Module.to(text, place.device)
        self.drawn, self.empty_tokens = drawn, empty_tokens
        self.place, self.batch = place, batch
        self.alphas = alphas_cumprod().to(place.device)

    @torch.no_grad()
    def contexts(self, tokens: Tensor) -> Tensor:
        """Context rows (B, 77, width) of token rows (B, 77)."""
        return self.text(tokens.long().to(self.place.device)).last_hidden_state

    def epsilon(self, latent: Tensor, steps: Tensor, context: Tensor) -> Tensor:
        """The network's estimate of the noise in latents (B, 4, h, w) at steps (B,)."""
        latent = latent.contiguous(memory_format=torch.channels_last)
        with self.place.autocast():
            return self.module(latent, steps, context, return_dict=False)[0].float()

    def noised(self, latent: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """Latents (B, 4, h, w) with this noise at these steps (B,)."""
        alpha = self.alphas[steps][:, None, None, None]
        return alpha.sqrt() * latent + (1 - alpha).sqrt() * noise

    @torch.no_grad()
    def half_clean(self, latent: Tensor, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """What the network takes latents (B, 4, h, w) for that were noised to a random step.

        tokens (B, 77) tell what they show. Low steps come most often.
        """
        steps = (20 + 380 * torch.rand(len(latent), generator=generator) ** 1.5).long()
        steps = steps.to(self.place.device)
        noise = torch.randn(latent.shape, generator=generator).to(self.place.device)
        mixed = self.noised(latent.to(self.place.device), steps, noise)
        alpha = self.alphas[steps][:, None, None, None]
        made = self.epsilon(mixed, steps, self.contexts(tokens))
        return (mixed - (1 - alpha).sqrt() * made) / alpha.sqrt()

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """One batch's weighted noise error."""
        chosen = torch.randint(0, len(self.drawn.latents), (self.batch,), generator=generator)
        variant = torch.randint(0, self.drawn.tokens.shape[1], (self.batch,), generator=generator)
        tokens = self.drawn.tokens[chosen, variant].long()
        tokens[torch.rand(self.batch, generator=generator) < EMPTY_SHARE] = self.empty_tokens.long()
        steps = draw_steps(self.batch, generator).to(self.place.device)
        latent = self.drawn.latents[chosen].float()
        noise = torch.randn(latent.shape, generator=generator).to(self.place.device)
        mixed = self.noised(latent.to(self.place.device), steps, noise)
        made = self.epsilon(mixed, steps, self.contexts(tokens))
        error = (made - noise).square().mean((1, 2, 3))
        weighted = (error * step_weight(self.alphas[steps])).mean()
        return weighted, {"eps": float(error.detach().mean())}
