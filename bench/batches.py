"""What a batch gains: CPU seconds per picture in batches of 1, 2, 4 and 8, against pictures alone.

    python -m bench.batches [--full-size] [--pairs N] [--json FILE]

Rounds go through all sizes in turn. Tiny weights by default, at 128x128 in 10 steps; --full-size:
random SD1.5, 256x256 in 2 steps, batches up to 4. Above 1 a batch costs more than its pictures
alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import random_checkpoint
from bench.harness import Figure, Sample, measure_call, median, parser, quartile_range, report
from bench.stand_ins import PROMPTS, Easel
from modules.generation.request import Request
from tests.tiny_checkpoint import write_tiny_checkpoint


def figures_of(samples: dict[int, list[Sample]]) -> list[Figure]:
    """`samples`: of whole jobs of one batch, by its size; 1 must be among them."""
    figures = []
    alone = samples[1]
    for size, taken in samples.items():
        cpu = median(each.cpu for each in taken) / size
        wall = median(each.wall for each in taken) / size
        ratios = [one.cpu / size / first.cpu for one, first in zip(taken, alone, strict=True)]
        against = cpu / median(each.cpu for each in alone)
        note = f"{cpu:.3g} CPU s and {wall:.3g} wall s a picture"
        name = f"batch of {size}: CPU a picture against alone"
        figures.append(Figure(name, against, "x", quartile_range(ratios), None, note))
    return figures


def main() -> int:
    given = parser(__doc__).parse_args()
    sizes, side, steps = ((1, 2, 4), 256, 2) if given.full_size else ((1, 2, 4, 8), 128, 10)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "models" / "Stable-diffusion" / "measured.safetensors"
        path.parent.mkdir(parents=True)
        if given.full_size:
            random_checkpoint.main(["sd15", str(path), "--dtype", "fp32"])
        else:
            write_tiny_checkpoint(path)
        easel = Easel(Path(name), sd_model_checkpoint="measured")

        def make(size: int) -> None:
            values = {**PROMPTS, "seed": 1, "subseed": 1, "width": side, "height": side}
            easel.make(Request(**values, steps=steps, batch_size=size, sampler_name="Euler"))

        samples: dict[int, list[Sample]] = {size: [] for size in sizes}
        make(1)
        for number in range(given.pairs):
            for size in sizes:
                samples[size].append(measure_call(lambda size=size: make(size)))
            print(f"round {number + 1} of {given.pairs}", file=sys.stderr, flush=True)
    report(figures_of(samples), given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
