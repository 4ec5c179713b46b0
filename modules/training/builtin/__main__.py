"""`python -m modules.training.builtin --out DIR [--resume]`: trains the built-in checkpoint."""

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

import torch

from modules.training.builtin.loop import Place
from modules.training.builtin.recipe import (
    CHECKPOINT_NAME,
    CPU,
    GPU,
    append_figures,
    polish_alone,
    train,
)

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
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch decides)")
    parser.add_argument(
        "--helper", action="store_true", help="a second process for gradients; use with --threads 1"
    )
    parser.add_argument("--steps", type=int, default=0, help="denoiser steps (0: the recipe's)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", type=Path, default=VOCABULARY, help="CLIP's vocab.json")
    return parser.parse_args(argv)


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
    recipe = GPU if cuda else CPU
    if chosen.start:
        recipe = recipe.going_on()
    if chosen.steps:
        recipe = replace(recipe, denoiser=replace(recipe.denoiser, steps=chosen.steps))
    device = torch.device("cuda" if cuda else "cpu")
    place = Place(chosen.out, device, torch.bfloat16, chosen.seed)
    if alone:
        polish_alone(recipe, chosen.vocabulary, place, chosen.start)
        return 0
    note = append_figures(chosen.out / "log" / "figures.jsonl")
    path = train(recipe, chosen.vocabulary, place, note, chosen.helper and not cuda, chosen.start)
    logging.getLogger(__name__).info("wrote %s (%d bytes)", path, path.stat().st_size)
    assert path.name == CHECKPOINT_NAME
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
