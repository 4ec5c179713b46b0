"""The autoencoder's training on drawn scenes, and the folding of its latent statistics.

Plain reconstruction finds latents in which colour hides in a thin direction, which a denoiser
then cannot learn. Three cheap terms prevent it: early alignment of three channels with averaged
brightness and colour, a pull towards uncorrelated channels, and the error of the 8x-averaged
picture.
"""

import logging
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from modules.training.builtin.board import sheet
from modules.training.builtin.loop import Place, Schedule, Stage
from modules.training.builtin.networks import LATENT_SCALE, move

log = logging.getLogger(__name__)
CROP_SHARE = 0.45
"""Share of the steps that see crops of half the width; the end must see whole pictures."""


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) in -1..1, channels last in memory."""
    tensor = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2)
    return tensor.to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1.0


def to_pictures(tensor: Tensor) -> NDArray[np.uint8]:
    """(B, 3, H, W) in -1..1 to (B, H, W, 3) uint8."""
    scaled = ((tensor.float().clamp(-1, 1) + 1.0) * 127.5).round()
    return scaled.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in -1..1."""
    return float(10.0 * torch.log10(4.0 / functional.mse_loss(one, other)))


def _opponent(picture: Tensor) -> Tensor:
    """Brightness and two colour differences of the 8x-averaged picture, scaled, (B, 3, H/8,
    W/8).
    """
    red, green, blue = functional.avg_pool2d(picture, 8).unbind(1)
    return torch.stack(
        ((red + 2 * green + blue) * 0.375, (red - blue) * 1.5, (2 * green - red - blue)), 1
    )


def _moments(vae: AutoencoderKL, picture: Tensor) -> Tensor:
    """Means and log variances (B, 8, H/8, W/8) of pictures (B, 3, H, W)."""
    assert vae.quant_conv is not None
    return vae.quant_conv(vae.encoder(picture)).float()


def decoded(vae: AutoencoderKL, latent: Tensor) -> Tensor:
    """Pictures (B, 3, H, W), about -1..1, of latents (B, 4, H/8, W/8) without the latent scale."""
    assert vae.post_quant_conv is not None
    return vae.decoder(vae.post_quant_conv(latent)).float()


def picture_loss(error: Tensor) -> Tensor:
    """Of a difference (B, 3, H, W): single pixels, edges, 4x averages and 8x averages."""
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (
        error[..., 1:, :] - error[..., :-1, :]
    ).abs().mean()
    coarse = functional.avg_pool2d(error, 4).abs().mean()
    tint = functional.avg_pool2d(error, 8).square().mean()
    return error.abs().mean() + 0.5 * edges + 0.5 * coarse + 1.5 * tint


def vae_loss(
    vae: AutoencoderKL, picture: Tensor, progress: float, noise: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch of pictures (B, 3, H, W) at this share (0..1) of the training."""
    mean, log_variance = _moments(vae, picture).chunk(2, 1)
    log_variance = log_variance.clamp(-20, 10)
    latent = mean + noise * torch.exp(0.5 * log_variance)
    made = decoded(vae, latent)
    error = made - picture
    kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()
    align = (mean[:, :3] - _opponent(picture)).square().mean()
    rows = mean.permute(1, 0, 2, 3).flatten(1)
    correlation = torch.corrcoef(rows)
    apart = (correlation - torch.eye(4, device=mean.device)).square().sum()
    pull = 0.02 + 0.3 * (1.0 - progress) ** 3
    loss = picture_loss(error) + 5e-4 * kl + pull * align + 0.01 * apart
    return loss, {"l1": float(error.detach().abs().mean()), "kl": float(kl.detach())}


def _crop(pictures: NDArray[np.uint8], generator: torch.Generator) -> NDArray[np.uint8]:
    side = pictures.shape[1] // 2
    top, left = (int(n) for n in torch.randint(0, side + 1, (2,), generator=generator))
    return pictures[:, top : top + side, left : left + side]


def train_autoencoder(
    vae: AutoencoderKL,
    pictures: NDArray[np.uint8],
    held: NDArray[np.uint8],
    schedule: Schedule,
    place: Place,
    batch: int = 6,
) -> Stage:
    """Trains `vae` on pictures (N, H, W, 3); `held` pictures measure it. Resumes if it can."""
    move(vae, place.device)
    stage = Stage("autoencoder", vae, schedule, place)
    stage.resume()
    sample = to_tensor(held).to(place.device)

    def loss(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        progress = step / schedule.steps
        cropped = progress < CROP_SHARE
        count = batch * 3 if cropped else batch
        chosen = (
            torch.randint(0, len(pictures), (count,), generator=generator).sort().values.numpy()
        )
        seen = pictures[chosen]
        if cropped:
            seen = _crop(seen, generator)
        if torch.rand((), generator=generator) < 0.5:
            seen = seen[:, :, ::-1]
        picture = to_tensor(seen).to(place.device)
        shape = (count, 4, picture.shape[2] // 8, picture.shape[3] // 8)
        noise = torch.randn(shape, generator=generator).to(place.device)
        with place.autocast():
            return vae_loss(vae, picture, progress, noise)

    def look(step: int) -> dict[str, float]:
        mean = encode_means(vae, sample, place)
        with place.autocast():
            made = decoded(vae, mean)
        pairs = [p for two in zip(held[:24], to_pictures(made)[:24], strict=False) for p in two]
        sheet(pairs, 8).save(place.folder / "log" / "autoencoder.png")
        low, high = eigenvalues(mean)[[0, -1]].tolist()
        return {"psnr": psnr(made, sample), "eigenvalue_low": low, "eigenvalue_high": high}

    stage.train(loss, look)
    return stage


@torch.no_grad()
def encode_means(vae: AutoencoderKL, pictures: Tensor, place: Place, batch: int = 32) -> Tensor:
    """Latent means (N, 4, H/8, W/8) of pictures (N, 3, H, W), without the latent scale."""
    found = []
    for part in pictures.split(batch):
        with place.autocast():
            found.append(_moments(vae, part)[:, :4])
    return torch.cat(found)


def eigenvalues(latents: Tensor) -> Tensor:
    """Eigenvalues (4,) of the channels' correlation matrix, smallest first: near 1 is healthy."""
    rows = latents.permute(1, 0, 2, 3).flatten(1)
    return torch.linalg.eigvalsh(torch.corrcoef(rows))


@torch.no_grad()
def fold_statistics(vae: AutoencoderKL, mean: Sequence[float], deviation: Sequence[float]) -> None:
    """Makes LATENT_SCALE times the latents have mean 0 and deviation 1 per channel, exactly.

    `mean` and `deviation` (4 each) are the statistics before; the change goes into the two 1x1
    convolutions next to the latents, so that pictures come out as before.
    """
    assert vae.quant_conv is not None and vae.post_quant_conv is not None
    device = vae.quant_conv.weight.device
    centre = torch.tensor(mean, device=device)
    spread = torch.tensor(deviation, device=device) * LATENT_SCALE
    weight, bias = vae.quant_conv.weight, vae.quant_conv.bias
    assert bias is not None
    weight[:4] /= spread[:, None, None, None]
    bias[:4] = (bias[:4] - centre) / spread
    bias[4:] -= 2.0 * torch.log(spread)
    after = vae.post_quant_conv
    assert after.bias is not None
    after.bias += after.weight[:, :, 0, 0] @ centre
    after.weight *= spread[None, :, None, None]


def preview_rows(latents: Tensor, pictures: Tensor) -> list[list[float]]:
    """Five rows of three numbers that turn a latent cell into a colour, by least squares.

    latents (N, 4, h, w) of deviation 1, pictures (N, 3, 8h, 8w) in -1..1. A cell's colour in -1..1
    is its four channels times the first four rows plus the fifth.
    """
    cells = latents.float().permute(0, 2, 3, 1).reshape(-1, 4)
    colours = functional.avg_pool2d(pictures, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    known = torch.cat((cells, torch.ones(len(cells), 1)), 1)
    return torch.linalg.lstsq(known, colours).solution.tolist()
