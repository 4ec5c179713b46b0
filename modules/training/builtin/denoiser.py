"""The U-Net's training on cached latents, with the text encoder frozen, and how it is judged.

A small network obeys early if it starts as the identity: its untrained output is its input, which
at high noise is nearly the noise itself.
"""

import logging

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn

from modules.training.builtin.autoencoder import decoded, to_pictures
from modules.training.builtin.board import sheet
from modules.training.builtin.helper import Helper
from modules.training.builtin.lesson import Drawn, Lesson
from modules.training.builtin.loop import Look, Schedule, Stage
from modules.training.builtin.networks import LATENT_SCALE, Sizes
from modules.training.builtin.probe import Probe, right_share
from modules.training.builtin.sampling import sample

log = logging.getLogger(__name__)
ANCHOR = 4.0
"""Size of the constant channels beside the identity path; they keep its scale through the norms."""


def has_room(sizes: Sizes) -> bool:
    """Whether a norm group at the finest level has the ten channels that identity_start takes."""
    return sizes.unet_channels[0] // sizes.unet_groups >= 10


@torch.no_grad()
def identity_start(unet: UNet2DConditionModel) -> None:
    """Sets weights so that the fresh network's output equals its input (of deviation 1).

    Channels 0-7 of the first norm group carry +x and -x through the skip around the whole
    network, since silu(a) - silu(-a) = a. Channels 8 and 9 are the constants +ANCHOR and -ANCHOR:
    with them a group norm divides by nearly a constant, not by the picture's own deviation.
    """
    for name, module in unet.named_modules():
        if name.endswith(("conv2", "proj_out")):  # every residual branch starts silent
            for parameter in module.parameters():
                parameter.zero_()
    first, norm, last = unet.conv_in, unet.conv_norm_out, unet.conv_out
    bridge = unet.get_submodule(f"up_blocks.{len(unet.up_blocks) - 1}.resnets.1.conv_shortcut")
    assert isinstance(norm, nn.GroupNorm) and isinstance(bridge, nn.Conv2d)
    assert first.bias is not None and bridge.bias is not None and last.bias is not None
    per_group = norm.num_channels // norm.num_groups
    assert per_group >= 10, f"{per_group} channels per norm group are too few for the identity path"
    skip = bridge.in_channels - first.out_channels
    first.weight[:10] = 0.0
    first.bias[:10] = 0.0
    bridge.weight[:per_group] = 0.0
    bridge.bias[:per_group] = 0.0
    last.weight.zero_()
    last.bias.zero_()
    for channel in range(4):
        for offset, sign in ((0, 1.0), (1, -1.0)):
            row = 2 * channel + offset
            first.weight[row, channel, 1, 1] = sign
            last.weight[channel, row, 1, 1] = sign
    first.bias[8], first.bias[9] = ANCHOR, -ANCHOR
    for row in range(10):
        bridge.weight[row, skip + row] = 1.0
    norm.weight[:8] = ((8.0 + 2.0 * ANCHOR**2) / per_group) ** 0.5


class Denoiser:
    """A U-Net in training, with what it is measured by."""

    def __init__(self, lesson: Lesson, held: Drawn, schedule: Schedule) -> None:
        """`held` scenes are never trained on; their first captions tell everything."""
        self.lesson, self.held = lesson, held
        self.stage = Stage("denoiser", lesson.module, schedule, lesson.place)

    def train(self, look: Look | None = None, helped: bool = False) -> None:
        """Runs to the schedule's end; `helped` starts a second process for gradients (CPU)."""
        helper = Helper(self.lesson, self.lesson.place.seed) if helped else None
        self.stage.take_gradient = helper.take if helper else None
        try:
            self.stage.train(self.lesson.loss, look)
        finally:
            if helper:
                helper.stop()

    @torch.no_grad()
    def buckets(self, count: int = 160) -> dict[str, float]:
        """Noise error of held scenes in five bands of steps, and what the right caption is
        worth.
        """
        generator = torch.Generator().manual_seed(5)
        count = min(count, len(self.held.latents))
        latent = self.held.latents[:count].float().to(self.lesson.place.device)
        noise = torch.randn(latent.shape, generator=generator).to(self.lesson.place.device)
        steps = (
            ((torch.arange(count) * 37 % count + 0.5) / count * 1000)
            .long()
            .to(self.lesson.place.device)
        )
        context = self.lesson.contexts(self.held.tokens[:count, 0])
        found = {}
        errors = []
        for told in (context, context.roll(1, 0)):
            parts = [
                self.lesson.epsilon(*part)
                for part in zip(
                    self.lesson.noised(latent, steps, noise).split(32),
                    steps.split(32),
                    told.split(32),
                    strict=True,
                )
            ]
            errors.append((torch.cat(parts) - noise).square().mean((1, 2, 3)))
        for band in range(5):
            inside = (steps >= 200 * band) & (steps < 200 * band + 200)
            found[f"eps{band}"] = float(errors[0][inside].mean())
            found[f"gain{band}"] = float(
                (errors[1] - errors[0])[inside].mean() / errors[0][inside].mean()
            )
        return found

    @torch.no_grad()
    def pictures(self, count: int, guidance: float, steps: int = 16, seed: int = 3) -> Tensor:
        """Latents (count, 4, h, w) sampled for the first held scenes' full captions."""
        self.lesson.module.eval()
        generator = torch.Generator().manual_seed(seed)
        made = []
        for first in range(0, count, 32):
            tokens = self.held.tokens[first : min(first + 32, count), 0]
            shape = (len(tokens), *self.held.latents.shape[1:])
            noise = torch.randn(shape, generator=generator).to(self.lesson.place.device)
            context, empty = (
                self.lesson.contexts(tokens),
                self.lesson.contexts(self.lesson.empty_tokens[None]),
            )
            made.append(
                sample(
                    self.lesson.epsilon, context, empty, noise, self.lesson.alphas, steps, guidance
                )
            )
        return torch.cat(made)

    def judge(self, probe: Probe, count: int, guidance: float) -> tuple[dict[str, float], Tensor]:
        """Right shares of sampled pictures by attribute, and their latents."""
        latents = self.pictures(count, guidance)
        return right_share(probe, latents, self.held.labels[:count]), latents


def decode_sheet(vae: AutoencoderKL, latents: Tensor, columns: int) -> Image.Image:
    """A sheet of the pictures that these latents (deviation 1) decode to."""
    with torch.no_grad():
        pictures = torch.cat([decoded(vae, p / LATENT_SCALE) for p in latents.split(16)])
    return sheet(list(to_pictures(pictures)), columns)
