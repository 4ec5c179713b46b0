"""Whether the same request gives the same bytes: twice, after another size, alone and in a batch,
in a fresh process.

    python -m bench.determinism [--full-size] [--json FILE]

A figure is the number of requests whose pictures differed, and must be 0; for a batch it is the
largest difference of 8-bit levels to the same picture made alone, since a larger batch's arithmetic
may round otherwise. Tiny weights by default, at 64x64; --full-size: random SD1.5 at 256x256.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import random_checkpoint
from bench.harness import ROOT, Figure, parser, report
from bench.stand_ins import PROMPTS, Easel
from modules.generation.request import Request
from tests.tiny_checkpoint import write_tiny_checkpoint

SAMPLERS = ("Euler", "Euler a", "DPM++ 2M", "DPM++ 2M SDE", "DDIM", "UniPC", "LCM")
LEVELS = 1  # of 255: what a batch's arithmetic may change


def wish(sampler: str, side: int, steps: int, **changes: Any) -> Request:
    values = {**PROMPTS, "seed": 5, "subseed": 5, "width": side, "height": side, "steps": steps}
    return Request(**values, sampler_name=sampler, **changes)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def largest_difference(first: bytes, second: bytes) -> int:
    """In 8-bit levels."""
    return int(np.abs(pixels(first) - pixels(second)).max())


def figures_of(easel: Easel, samplers: tuple[str, ...], side: int, steps: int) -> list[Figure]:
    twice, after, batch = 0, 0, 0
    for sampler in samplers:
        request = wish(sampler, side, steps)
        (first,) = easel.make(request)
        twice += easel.make(request) != [first]
        easel.make(wish(sampler, side + 64, steps))
        after += easel.make(request) != [first]
        together = easel.make(wish(sampler, side, steps, batch_size=2))
        batch = max(batch, largest_difference(together[0], first))
    return [
        Figure("the same request twice", twice, "differ", bound=0),
        Figure("size A, B, A", after, "differ", bound=0),
        Figure("batch of 2 against alone", batch, "levels", bound=LEVELS),
    ]


def digest(folder: Path, sampler: str, side: int, steps: int) -> str:
    """Of the picture that this process makes."""
    (data,) = Easel(folder, sd_model_checkpoint="measured").make(wish(sampler, side, steps))
    return hashlib.sha256(data).hexdigest()


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--digest", type=Path, metavar="FOLDER", help="used by itself")
    given = options.parse_args()
    side, steps = (256, 2) if given.full_size else (64, 6)
    samplers = ("Euler a", "DPM++ 2M SDE") if given.full_size else SAMPLERS
    if given.digest is not None:
        print(digest(given.digest, samplers[0], side, steps))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "models" / "Stable-diffusion" / "measured.safetensors"
        path.parent.mkdir(parents=True)
        if given.full_size:
            random_checkpoint.main(["sd15", str(path)])
        else:
            write_tiny_checkpoint(path)
        command = [sys.executable, "-m", "bench.determinism", "--digest", name]
        command += ["--full-size"] if given.full_size else []
        other = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        same = other.stdout.split()[-1] == digest(folder, samplers[0], side, steps)
        easel = Easel(folder, sd_model_checkpoint="measured")
        figures = figures_of(easel, samplers, side, steps)
    figures.append(Figure("in another process", float(not same), "differ", bound=0))
    report(figures, given.json)
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
