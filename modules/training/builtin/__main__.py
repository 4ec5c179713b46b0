"""`python -m modules.training.builtin --out DIR [--resume]`: trains the built-in checkpoint."""

import argparse
import logging
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from modules.training.builtin.loop import Place, TimeUp
from modules.training.builtin.recipe import (
    CHECKPOINT_NAME,
    CPU,
    GPU,
    Recipe,
    append_figures,
    polish_alone,
    train,
)
from modules.training.builtin.warm import UnfitStart

log = logging.getLogger(__name__)
VOCABULARY = Path(__file__).parents[3] / "configs" / "clip" / "vocab.json"


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m modules.training.builtin", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run: results, log/, checkpoints"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="FILE",
        help="start from the weights of a finished checkpoint of this kind",
    )  # fmt: skip
    parser.add_argument(
        "--stage", choices=("all", "decoder"), default="all",
        help="decoder: only the decoder's last training, beside a run in the same folder",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="save and stop after so long (0: at the end)"
    )
    parser.add_argument(
        "--bring",
        type=Path,
        metavar="DIR",
        help="copy the checkpoint and pictures there at the end",
    )
    parser.add_argument(
        "--half", choices=("auto", "none", "bfloat16", "float16"), default="auto",
        help="mixed precision (auto: bfloat16 on a GPU)",
    )  # fmt: skip
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch decides)")
    parser.add_argument(
        "--helper", action="store_true", help="a second process for gradients; use with --threads 1"
    )
    parser.add_argument("--steps", type=int, default=0, help="denoiser steps (0: the recipe's)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", type=Path, default=VOCABULARY, help="CLIP's vocab.json")
    return parser.parse_args(argv)


def chosen_half(name: str, cuda: bool) -> torch.dtype | None:
    """The autocast type: bfloat16 where a GPU computes, none on a CPU, unless one is named."""
    if name == "auto":
        return torch.bfloat16 if cuda else None
    return {"none": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def chosen_recipe(cuda: bool, goes_on: bool, steps: int, half: torch.dtype | None) -> Recipe:
    """The recipe of the device, for a run that starts from a file, with that many steps."""
    recipe = GPU if cuda else CPU
    if goes_on:
        recipe = recipe.going_on()
    if steps:
        recipe = replace(recipe, denoiser=replace(recipe.denoiser, steps=steps))
    if half is not None:
        recipe = replace(recipe, half_autoencoder=True, half_denoiser=True)
    return recipe


def main(argv: list[str]) -> int:
    chosen = _arguments(argv)
    alone = chosen.stage == "decoder"
    if (chosen.out / "pictures.npy").exists() and not (chosen.resume or alone):
        sys.stderr.write(
            f"{chosen.out} holds a run already: add --resume to go on, or name another folder\n"
        )
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
    )
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    cuda = chosen.device == "cuda" or (chosen.device == "auto" and torch.cuda.is_available())
    half = chosen_half(chosen.half, cuda)
    recipe = chosen_recipe(cuda, chosen.start is not None, chosen.steps, half)
    until = time.monotonic() + 60.0 * chosen.minutes if chosen.minutes else None
    device = torch.device("cuda" if cuda else "cpu")
    place = Place(chosen.out, device, half, chosen.seed, until=until)
    try:
        if alone:
            polish_alone(recipe, chosen.vocabulary, place, chosen.start)
            return 0
        note = append_figures(chosen.out / "log" / "figures.jsonl")
        path = train(recipe, chosen.vocabulary, place, note, chosen.helper and not cuda,
                     chosen.start)  # fmt: skip
        log.info("wrote %s (%d bytes)", path, path.stat().st_size)
    except TimeUp as reached:
        log.info("time is up: %s. Go on with --resume", reached)
    except UnfitStart as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    finally:
        if chosen.bring:
            bring(chosen.out, chosen.bring)
    return 0


def bring(run: Path, where: Path) -> None:
    """Copies the checkpoint and the newest pictures of a run's folder, eight files at most."""
    where.mkdir(parents=True, exist_ok=True)
    pictures = sorted((run / "log").glob("*.png"), key=lambda path: path.stat().st_mtime)
    for path in [run / CHECKPOINT_NAME, run / "log" / "figures.jsonl", *pictures[-6:]]:
        if path.exists():
            shutil.copy2(path, where / path.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
