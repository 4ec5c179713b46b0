"""The whole recipe of the built-in checkpoint: draw, autoencoder, text encoder, judge, denoiser,
file.

Every stage leaves its result in the run's folder; a stage whose result is there is not run again.
"""

import json
import logging
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTextModel

from modules.training.builtin import world
from modules.training.builtin.autoencoder import (
    eigenvalues,
    encode_means,
    fold_statistics,
    polish_decoder,
    preview_rows,
    to_tensor,
    train_autoencoder,
)
from modules.training.builtin.denoiser import Denoiser, decode_sheet, identity_start
from modules.training.builtin.export import write_checkpoint
from modules.training.builtin.lesson import Drawn, Lesson
from modules.training.builtin.loop import Place, Schedule
from modules.training.builtin.networks import Sizes, build_unet, build_vae
from modules.training.builtin.probe import Probe, right_share, train_probe
from modules.training.builtin.render import render
from modules.training.builtin.text import Reader, Words, train_text, whole_encoder

log = logging.getLogger(__name__)
CHECKPOINT_NAME = "easel-builtin.safetensors"
DESCRIPTION = (
    "A small demonstration model of the Stable Diffusion 1.x kind, trained from scratch by "
    "Easel's own recipe on scenes that the recipe draws itself: one object in one colour on one "
    "ground. Weights are dedicated to the public domain (CC0-1.0)."
)


@dataclass(frozen=True)
class Recipe:
    """Amounts of everything. The last `held` of the `scenes` are never trained on."""

    scenes: int
    held: int
    autoencoder: Schedule
    autoencoder_batch: int
    decoder: Schedule
    text: Schedule
    text_batch: int
    probe: Schedule
    denoiser: Schedule
    denoiser_batch: int
    half_autoencoder: bool = True
    half_denoiser: bool = True
    judged: int = 64
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        assert 0 < self.held < self.scenes, (self.held, self.scenes)


CPU = Recipe(
    scenes=16_096,
    held=96,
    autoencoder=Schedule(2700, 2e-3, look_every=250),
    autoencoder_batch=6,
    decoder=Schedule(1200, 6e-4, look_every=200),
    text=Schedule(900, 2e-3),
    text_batch=96,
    probe=Schedule(400, 2e-3),
    denoiser=Schedule(7800, 1e-3, warmup=100, average=0.998, decay=0.001, look_every=500),
    denoiser_batch=32,
)
GPU = replace(
    CPU,
    scenes=100_128,
    held=128,
    autoencoder=Schedule(12_000, 2e-3, look_every=1000, average=0.999),
    autoencoder_batch=32,
    decoder=Schedule(12_000, 6e-4, look_every=1000),
    denoiser=Schedule(60_000, 1e-3, warmup=500, average=0.9995, decay=0.001, look_every=2500),
    denoiser_batch=256,
)


def _draw_one(index: int) -> NDArray[np.uint8]:
    return render(world.scene(index))


def draw_scenes(count: int, pixels: int, folder: Path) -> NDArray[np.uint8]:
    """Pictures (count, pixels, pixels, 3) of the first scenes, kept in the folder as a file."""
    path = folder / "pictures.npy"
    if not path.exists():
        log.info("drawing %d scenes", count)
        part = folder / "pictures.part.npy"
        shape = (count, pixels, pixels, 3)
        sheet = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
        with multiprocessing.get_context("spawn").Pool(min(8, os.cpu_count() or 1)) as pool:
            for index, picture in enumerate(pool.imap(_draw_one, range(count), chunksize=64)):
                sheet[index] = picture
        sheet.flush()
        os.replace(part, path)
    return np.load(path, mmap_mode="r")[:count]


def encode_scenes(
    vae: AutoencoderKL, pictures: NDArray[np.uint8], place: Place
) -> tuple[Tensor, list[float], list[float]]:
    """Latent means (N, 4, h, w) at deviation 1 as 16-bit floats, and the mean and deviation (4
    each) that they had before; `vae` is changed so that it makes and takes them as they are.
    """
    path = place.folder / "latents.pt"
    if not path.exists():
        log.info("encoding %d scenes", len(pictures))
        parts = [
            encode_means(vae, to_tensor(pictures[first : first + 64]).to(place.device), place).cpu()
            for first in range(0, len(pictures), 64)
        ]
        latents = torch.cat(parts)
        mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        log.info("eigenvalues of the latents: %s", eigenvalues(latents[:2000]).tolist())
        latents = ((latents - mean[:, None, None]) / deviation[:, None, None]).half()
        held = {"latents": latents, "mean": mean.tolist(), "deviation": deviation.tolist()}
        torch.save(held, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
    held = torch.load(path, weights_only=True)
    fold_statistics(vae, held["mean"], held["deviation"])
    return held["latents"], held["mean"], held["deviation"]


def tokenize_scenes(count: int, words: Words) -> tuple[Tensor, Tensor]:
    """Token rows (count, variants, 77) and labels (count, 5) of the first scenes."""
    tokens = np.zeros((count, world.VARIANTS, 77), np.uint8)
    labels = np.zeros((count, len(world.UNTOLD)), np.int64)
    for index in range(count):
        scene = world.scene(index)
        labels[index] = scene.labels
        for variant in range(world.VARIANTS):
            tokens[index, variant] = words.encode(world.caption(scene, variant).text)
    return torch.from_numpy(tokens), torch.from_numpy(labels)


@dataclass
class Parts:
    """What the stages before the denoiser have made."""

    vae: AutoencoderKL
    reader: Reader
    words: Words
    probe: Probe
    drawn: Drawn
    held: Drawn
    preview: list[list[float]]
    """What turns a latent cell into a colour (autoencoder.preview_rows)."""


def prepare(recipe: Recipe, vocabulary: Path, place: Place) -> Parts:
    """All stages before the denoiser, or their results from an earlier run."""
    sizes = recipe.sizes
    (place.folder / "log").mkdir(parents=True, exist_ok=True)
    words = Words(vocabulary)
    pictures = draw_scenes(recipe.scenes, sizes.resolution, place.folder)
    full = replace(place, half=None)
    picture_place = place if recipe.half_autoencoder else full
    torch.manual_seed(place.seed)
    vae = build_vae(sizes)
    stage = train_autoencoder(
        vae, pictures[: -recipe.held], np.array(pictures[-recipe.held :]), recipe.autoencoder,
        picture_place, recipe.autoencoder_batch,
    )  # fmt: skip
    stage.swap_averages()
    vae.eval().requires_grad_(False)
    latents, _, _ = encode_scenes(vae, pictures, picture_place)
    polish_decoder(
        vae, latents, pictures, recipe.held, recipe.decoder, picture_place,
        recipe.autoencoder_batch,
    )  # fmt: skip
    tokens, labels = tokenize_scenes(recipe.scenes, words)
    reader = train_text(sizes, words, recipe.text, full, recipe.text_batch)
    split = recipe.scenes - recipe.held
    drawn = Drawn(latents[:split], tokens[:split], labels[:split])
    held = Drawn(latents[split:], tokens[split:], labels[split:])
    probe = train_probe(drawn.latents, drawn.labels, latents.shape[-1], recipe.probe, full)
    log.info("the judge on held scenes: %s", right_share(probe, held.latents, held.labels))
    preview = preview_rows(latents[:512], to_tensor(pictures[:512]))
    return Parts(vae, reader, words, probe, drawn, held, preview)


def train(
    recipe: Recipe,
    vocabulary: Path,
    place: Place,
    note: Callable[[dict[str, float]], None],
    helped: bool = False,
) -> Path:
    """Runs the recipe to its end and returns the checkpoint's path.

    `note` is told the figures of every look. The file in the run's folder is renewed at every look.
    `helped` gives the denoiser a second process (CPU only).
    """
    parts = prepare(recipe, vocabulary, place)
    torch.manual_seed(place.seed)
    unet = build_unet(recipe.sizes)
    identity_start(unet)
    encoder = parts.reader.encoder
    assert isinstance(encoder, CLIPTextModel)
    half = place if recipe.half_denoiser else replace(place, half=None)
    empty = torch.tensor(parts.words.encode(""))
    lesson = Lesson(unet, encoder, parts.drawn, empty, half, recipe.denoiser_batch)
    denoiser = Denoiser(lesson, parts.held, recipe.denoiser)
    denoiser.stage.resume()
    whole = whole_encoder(parts.reader, parts.words, recipe.sizes)
    path = place.folder / CHECKPOINT_NAME

    def export() -> None:
        trained = (
            f"{denoiser.stage.step} steps of {recipe.denoiser_batch} on {place.device.type.upper()}"
        )
        date = datetime.now(UTC).date().isoformat()
        description = f"{DESCRIPTION} Denoiser: {trained}."
        write_checkpoint(
            path, whole, unet, parts.vae, recipe.sizes, description, date, parts.preview
        )

    def look(step: int) -> dict[str, float]:
        figures = denoiser.buckets()
        count = min(recipe.judged, len(parts.held.latents))
        shares, latents = denoiser.judge(parts.probe, count, guidance=5.0)
        figures |= {f"right_{name}": share for name, share in shares.items()}
        decode_sheet(parts.vae, latents[:32], 8).save(
            place.folder / "log" / f"samples-{step:06d}.png"
        )
        export()
        note({"step": step, **figures})
        return figures

    denoiser.train(look, helped)
    denoiser.stage.swap_averages()
    export()
    denoiser.stage.swap_averages()
    return path


def append_figures(path: Path) -> Callable[[dict[str, float]], None]:
    """A `note` that appends each look's figures to a file, one JSON object a line."""

    def note(figures: dict[str, float]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")

    return note
