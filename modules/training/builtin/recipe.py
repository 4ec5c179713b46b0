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
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTextModel

from modules.training.builtin import captions, world
from modules.training.builtin.autoencoder import (
    eigenvalues,
    encode_means,
    fold_statistics,
    preview_rows,
    to_tensor,
    train_autoencoder,
)
from modules.training.builtin.denoiser import Denoiser, decode_sheet, has_room, identity_start
from modules.training.builtin.export import write_checkpoint
from modules.training.builtin.lesson import Drawn, Lesson
from modules.training.builtin.loop import Place, Schedule, TimeUp
from modules.training.builtin.networks import LATENT_SCALE, Sizes, build_unet, build_vae, move
from modules.training.builtin.polish import polish_decoder, take_polished
from modules.training.builtin.probe import Probe, right_share, train_probe
from modules.training.builtin.render import render
from modules.training.builtin.text import Reader, Words, train_text, whole_encoder
from modules.training.builtin.warm import Started

log = logging.getLogger(__name__)
CHECKPOINT_NAME = "easel-builtin.safetensors"
DESCRIPTION = (
    "A small demonstration model of the Stable Diffusion 1.x kind, trained from scratch by "
    "Easel's own recipe on still lifes that the recipe draws itself. Weights are dedicated "
    "to the public domain (CC0-1.0)."
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
    half_autoencoder: bool = False
    half_denoiser: bool = False
    judged: int = 64
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        assert 0 < self.held < self.scenes, (self.held, self.scenes)

    def going_on(self) -> "Recipe":
        """The same for a run that starts from a finished checkpoint: smaller steps."""
        rate = 0.7 * self.denoiser.rate
        return replace(self, denoiser=replace(self.denoiser, rate=rate))


CPU = Recipe(
    scenes=16_096,
    held=96,
    autoencoder=Schedule(2700, 2e-3, look_every=250),
    autoencoder_batch=6,
    decoder=Schedule(1200, 4e-4, warmup=50, average=0.99, look_every=100),
    text=Schedule(700, 2e-3),
    text_batch=64,
    probe=Schedule(400, 2e-3),
    denoiser=Schedule(7800, 1e-3, warmup=100, average=0.998, decay=0.001, look_every=500),
    denoiser_batch=32,
)
GPU = replace(
    CPU,
    sizes=Sizes(
        resolution=256,
        unet_channels=(64, 96, 96),
        unet_attention=(False, True, True),
        unet_heads=8,
        unet_groups=32,
        vae_channels=(64, 64, 64, 64),
        vae_groups=32,
    ),
    scenes=40_128,
    held=128,
    autoencoder=Schedule(12_000, 2e-3, look_every=1000, average=0.999),
    autoencoder_batch=32,
    decoder=Schedule(6_000, 4e-4, warmup=200, average=0.999, look_every=1000),
    text=Schedule(1500, 2e-3),
    text_batch=128,
    probe=Schedule(1500, 2e-3),
    denoiser=Schedule(60_000, 1e-3, warmup=500, average=0.9995, decay=0.001, look_every=2500),
    denoiser_batch=256,
    half_autoencoder=True,
    half_denoiser=True,
)
"""At 256 pixels with the 32 norm groups that LDM code takes for granted. Not run yet."""


def _draw_one(index: int, pixels: int) -> NDArray[np.uint8]:
    return render(world.scene(index), pixels)


def draw_scenes(count: int, pixels: int, folder: Path) -> NDArray[np.uint8]:
    """Pictures (count, pixels, pixels, 3) of the first scenes, kept in the folder as a file."""
    path = folder / "pictures.npy"
    if not path.exists():
        log.info("drawing %d scenes", count)
        part = folder / "pictures.part.npy"
        shape = (count, pixels, pixels, 3)
        sheet = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
        with multiprocessing.get_context("spawn").Pool(min(16, os.cpu_count() or 1)) as pool:
            draw = partial(_draw_one, pixels=pixels)
            for index, picture in enumerate(pool.imap(draw, range(count), chunksize=64)):
                sheet[index] = picture
        sheet.flush()
        os.replace(part, path)
    return np.load(path, mmap_mode="r")[:count]


def encode_scenes(
    vae: AutoencoderKL, pictures: NDArray[np.uint8], place: Place, are_folded: bool
) -> Tensor:
    """Latent means (N, 4, h, w) at deviation 1 as 16-bit floats. `vae` is changed so that it makes
    and takes them as they are, unless its statistics `are_folded` already.
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
        if are_folded:
            mean, deviation = torch.zeros(4), torch.full((4,), 1.0 / LATENT_SCALE)
        log.info("eigenvalues of the latents: %s", eigenvalues(latents[:2000]).tolist())
        latents = ((latents - mean[:, None, None]) / deviation[:, None, None]).half()
        held = {"latents": latents, "mean": mean.tolist(), "deviation": deviation.tolist()}
        torch.save(held, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
    held = torch.load(path, weights_only=True)
    if not are_folded:
        fold_statistics(vae, held["mean"], held["deviation"])
    return held["latents"]


def tokenize_scenes(count: int, words: Words) -> tuple[Tensor, Tensor]:
    """Token rows (count, variants, 77) and labels (count, attributes) of the first
    scenes."""
    tokens = np.zeros((count, captions.VARIANTS, 77), np.uint8)
    labels = np.zeros((count, len(world.CLASSES)), np.int64)
    for index in range(count):
        scene = world.scene(index)
        labels[index] = scene.labels
        for variant in range(captions.VARIANTS):
            tokens[index, variant] = words.encode(captions.caption(scene, variant).text)
    return torch.from_numpy(tokens), torch.from_numpy(labels)


@dataclass
class Parts:
    """What the stages before the denoiser have made."""

    vae: AutoencoderKL
    reader: Reader
    words: Words
    drawn: Drawn
    held: Drawn
    pictures: NDArray[np.uint8]
    unet: UNet2DConditionModel
    """As the denoiser's training begins with it."""
    preview: list[list[float]]
    """What turns a latent cell into a colour (autoencoder.preview_rows)."""


def prepare(recipe: Recipe, vocabulary: Path, place: Place, start: Path | None = None) -> Parts:
    """All stages before the denoiser, or their results from an earlier run.

    `start` is a finished checkpoint whose networks the run goes on from (warm.py).
    """
    sizes = recipe.sizes
    (place.folder / "log").mkdir(parents=True, exist_ok=True)
    words = Words(vocabulary)
    pictures = draw_scenes(recipe.scenes, sizes.resolution, place.folder)
    full = replace(place, half=None)
    picture_place = place if recipe.half_autoencoder else full
    torch.manual_seed(place.seed)
    old = Started(start, recipe.sizes) if start else None
    if old:
        vae = old.vae
        move(vae, place.device)
    else:
        vae = build_vae(sizes)
        stage = train_autoencoder(
            vae, pictures[: -recipe.held], np.array(pictures[-recipe.held :]), recipe.autoencoder,
            picture_place, recipe.autoencoder_batch,
        )  # fmt: skip
        stage.swap_averages()
    vae.eval().requires_grad_(False)
    latents = encode_scenes(vae, pictures, picture_place, are_folded=old is not None)
    tokens, labels = tokenize_scenes(recipe.scenes, words)
    if old and old.knows_the_words:
        reader = old.reader(words).to(place.device)
    else:
        reader = train_text(sizes, words, recipe.text, full, recipe.text_batch)
    split = recipe.scenes - recipe.held
    drawn = Drawn(latents[:split], tokens[:split], labels[:split])
    held = Drawn(latents[split:], tokens[split:], labels[split:])
    preview = preview_rows(latents[:512], to_tensor(pictures[:512]))
    torch.manual_seed(place.seed)
    if old:
        unet = old.denoiser(reader, words, held.tokens[:, 0])
    else:
        unet = build_unet(sizes)
        if has_room(sizes):
            identity_start(unet)
    return Parts(vae, reader, words, drawn, held, pictures, unet, preview)


def make_probe(recipe: Recipe, parts: Parts, place: Place) -> Probe:
    """The judge, trained on the drawn scenes."""
    side = parts.drawn.latents.shape[-1]
    full = replace(place, half=None)
    probe = train_probe(parts.drawn.latents, parts.drawn.labels, side, recipe.probe, full)
    shares = right_share(probe, parts.held.latents, parts.held.labels)
    log.info("the judge on held scenes: %s", shares)
    return probe


def make_lesson(recipe: Recipe, parts: Parts, place: Place) -> Lesson:
    """The denoiser's lesson on these parts."""
    encoder = parts.reader.encoder
    assert isinstance(encoder, CLIPTextModel)
    half = place if recipe.half_denoiser else replace(place, half=None)
    empty = torch.tensor(parts.words.encode(""))
    return Lesson(parts.unet, encoder, parts.drawn, empty, half, recipe.denoiser_batch)


def train(
    recipe: Recipe,
    vocabulary: Path,
    place: Place,
    note: Callable[[dict[str, float]], None],
    helped: bool = False,
    start: Path | None = None,
) -> Path:
    """Runs the recipe to its end and returns the checkpoint's path.

    `note` is told the figures of every look. The file in the run's folder is renewed at every look.
    `helped` gives the denoiser a second process (CPU only). `start` as in `prepare`. TimeUp where
    the place's time is over; the file is renewed before.
    """
    parts = prepare(recipe, vocabulary, place, start)
    lesson = make_lesson(recipe, parts, place)
    denoiser = Denoiser(lesson, parts.held, recipe.denoiser)
    denoiser.stage.resume()
    probe = make_probe(recipe, parts, place)
    path = place.folder / CHECKPOINT_NAME

    def look(step: int) -> dict[str, float]:
        take_polished(parts.vae, place)
        figures = denoiser.buckets()
        count = min(recipe.judged, len(parts.held.latents))
        shares, latents = denoiser.judge(probe, count, guidance=5.0)
        figures |= {f"right_{name}": share for name, share in shares.items()}
        decode_sheet(parts.vae, latents[:32], 8).save(
            place.folder / "log" / f"samples-{step:06d}.png"
        )
        export(recipe, parts, path, step, place, start)
        note({"step": step, **figures})
        return figures

    try:
        denoiser.train(look, helped)
    except TimeUp:
        denoiser.stage.swap_averages()
        export(recipe, parts, path, denoiser.stage.step, place, start)
        raise
    denoiser.stage.swap_averages()
    polish(recipe, parts, lesson, place)
    export(recipe, parts, path, denoiser.stage.step, place, start)
    return path


def polish(recipe: Recipe, parts: Parts, lesson: Lesson, place: Place) -> None:
    """The decoder's last training, on what the lesson's denoiser makes of the scenes."""
    picture_place = place if recipe.half_autoencoder else replace(place, half=None)
    lesson.module.eval()

    def soften(clean: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        return lesson.half_clean(clean, parts.drawn.tokens[chosen, 0], generator)

    latents = torch.cat((parts.drawn.latents, parts.held.latents))
    polish_decoder(
        parts.vae, latents, parts.pictures, len(parts.held.latents), recipe.decoder, picture_place,
        recipe.autoencoder_batch, soften,
    )  # fmt: skip


def polish_alone(recipe: Recipe, vocabulary: Path, place: Place, start: Path | None = None) -> None:
    """The decoder's last training in a process of its own, with the denoiser as it lies in the
    folder now; the denoiser's process takes the result over at its next look.
    """
    parts = prepare(recipe, vocabulary, place, start)
    lesson = make_lesson(recipe, parts, place)
    denoiser = Denoiser(lesson, parts.held, recipe.denoiser)
    if denoiser.stage.resume():
        denoiser.stage.swap_averages()
    polish(recipe, parts, lesson, place)


def export(
    recipe: Recipe, parts: Parts, path: Path, step: int, place: Place, start: Path | None
) -> None:
    """Writes the checkpoint of the parts as they are."""
    trained = f"{step} steps of {recipe.denoiser_batch} on {place.device.type.upper()}"
    if start:
        trained += f", going on from {start.name}"
    whole = whole_encoder(parts.reader, parts.words, recipe.sizes)
    write_checkpoint(
        path, whole, parts.unet, parts.vae, recipe.sizes, f"{DESCRIPTION} Denoiser: {trained}.",
        datetime.now(UTC).date().isoformat(), parts.preview,
    )  # fmt: skip


def append_figures(path: Path) -> Callable[[dict[str, float]], None]:
    """A `note` that appends each look's figures to a file, one JSON object a line."""

    def note(figures: dict[str, float]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")

    return note
