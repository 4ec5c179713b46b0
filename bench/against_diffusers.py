"""Pictures per second and CPU time against diffusers' pipeline, and against the bare network calls.

    python -m bench.against_diffusers [--full-size] [--dtype fp32] [--pairs N] [--json FILE]

All three run the same modules in one process: `bare` is nothing but the U-Net calls of the steps,
with both CFG rows, one decoding and the two texts' encoding; `ours` is the worker from the job's
record to the file's bytes; `diffusers` is its pipeline from encoded prompts to the same PNG. Each
job has another prompt, so that no cache helps us. Tiny weights by default, at 128x128; --full-size
writes random SD1.5 weights (--dtype fp16 as files mostly are: on the CPU they are upcast when they
are loaded) and makes pictures of 256x256 in 4 steps.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from bench import random_checkpoint
from bench.harness import Figure, Sample, measure_call, median, parser, quartile_range, report
from bench.stand_ins import PROMPTS, Easel, pipeline, png
from modules.generation.request import Request
from modules.networks.model import Model
from tests.tiny_checkpoint import write_tiny_checkpoint

GOAL = 1.02  # of the bare calls' CPU time, at full size


def bare(model: Model, steps: int, size: tuple[int, int]) -> None:
    """The networks' own work for one picture."""
    factor, channels = model.spec.vae_factor, model.spec.latent_channels
    latent = torch.randn(1, channels, size[1] // factor, size[0] // factor)
    rows, t = torch.cat([latent, latent]), torch.tensor([500.0, 500.0])
    with torch.inference_mode():
        encoder = model.text_encoders[0]
        texts = [encoder(torch.zeros(1, 77, dtype=torch.long))[0] for _ in range(2)]
        context = torch.cat(texts)
        for _ in range(steps):
            model.unet(rows, t, encoder_hidden_states=context, return_dict=False)
        model.vae.decode(latent / model.spec.latent_scale, return_dict=False)  # type: ignore[arg-type]


def taken(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[Sample]]:
    """Samples of each way, in turn; the first round only warms up."""
    samples: dict[str, list[Sample]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            sample = measure_call(way)
            if number:
                samples[name].append(sample)
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    return samples


def ratio(
    samples: dict[str, list[Sample]], first: str, second: str, *, wall: bool = False
) -> float:
    def of(name: str) -> float:
        return median(each.wall if wall else each.cpu for each in samples[name])

    return of(first) / of(second)


def figures_of(samples: dict[str, list[Sample]], what: str, bound: float | None) -> list[Figure]:
    def spread(first: str, second: str) -> float:
        pairs = zip(samples[first], samples[second], strict=True)
        return quartile_range([a.cpu / b.cpu for a, b in pairs])

    def of(name: str) -> str:
        cpu, wall = (median(getattr(s, kind) for s in samples[name]) for kind in ("cpu", "wall"))
        return f"{name} {cpu:.3g} CPU s, {wall:.3g} wall s"

    rows = [("ours", "bare", bound), ("diffusers", "bare", None), ("ours", "diffusers", None)]
    figures = [
        Figure(
            f"{what}: CPU of {first} over {second}",
            ratio(samples, first, second),
            "x",
            spread(first, second),
            goal,
            f"{of(first)}; {of(second)}; wall {ratio(samples, first, second, wall=True):.3f}",
        )
        for first, second, goal in rows
    ]
    for name in ("ours", "diffusers"):
        per_second = 1 / median(each.wall for each in samples[name])
        figures.append(Figure(f"{what}: {name}", per_second, "pictures/s"))
    return figures


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--dtype", choices=random_checkpoint.DTYPES, default="fp32")
    given = options.parse_args()
    size, steps = ((256, 256), 4) if given.full_size else ((128, 128), 20)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models" / "Stable-diffusion" / "measured.safetensors"
        path.parent.mkdir(parents=True)
        if given.full_size:
            random_checkpoint.main(["sd15", str(path), "--dtype", given.dtype])
        else:
            torch.set_num_threads(1)
            write_tiny_checkpoint(path)
        easel = Easel(Path(folder), randn_source="CPU", sd_model_checkpoint="measured")
        numbers = itertools.count()

        def ours() -> None:
            wish = {**PROMPTS, "prompt": f"{PROMPTS['prompt']}, number {next(numbers)}"}
            easel.make(
                Request(
                    **wish, seed=1, subseed=1, width=size[0], height=size[1], steps=steps,
                    sampler_name="Euler",
                )
            )  # fmt: skip

        ours()
        model = easel.model
        make = pipeline(model, "EulerDiscreteScheduler")
        ways: dict[str, Callable[[], object]] = {
            "bare": lambda: bare(model, steps, size),
            "ours": ours,
            "diffusers": lambda: [png(image) for image in make(steps=steps, size=size)],
        }
        samples = taken(ways, given.pairs)
        what = f"{'SD1.5 ' + given.dtype if given.full_size else 'tiny'} {size[0]}x{size[1]}"
        figures = figures_of(samples, what, GOAL if given.full_size else None)
    report(figures, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
