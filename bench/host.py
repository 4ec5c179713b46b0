"""CPU milliseconds per step and per picture around networks that compute nothing.

    python -m bench.host [--pairs N] [--json FILE]

Easel's worker, from the job's record to the file's bytes, beside diffusers' pipeline, from encoded
prompts to PIL pictures, in turn. All threads count. A step is the difference between jobs of many
and of few steps; a picture is what is left, without the PNG encoder (and the decoder, of a start
picture), which costs both the same. Pictures are 512x512 with CFG; random numbers come from torch's
CPU generator, unless a row says NV.
"""

from __future__ import annotations

import hashlib
import io
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from bench.harness import Figure, measure_call, parser, quartile_range, report
from bench.stand_ins import PROMPTS, Easel, pipeline, png, put_in
from modules.generation.request import Hires, Init, Request
from tests.tiny_checkpoint import write_tiny_checkpoint

FEW, MANY = 10, 150  # steps
REPEATS = 5  # the least of them counts: what a busy machine adds is no cost of ours
STEP_GOAL, IMAGE_GOAL = 0.15, 5.0  # CPU milliseconds
SIZE = (512, 512)


@dataclass(frozen=True)
class Case:
    """changes: of the request. scheduler: diffusers' counterpart, with its options; None: none is
    measured. goals: whether the row is held to them. images: per job.
    """

    name: str
    changes: dict[str, Any]
    scheduler: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    images: int = 1
    source: str = "CPU"
    goals: bool = True
    larger: float = 1.0  # how much longer the sides of the finished picture are


def cases(sha256: str) -> list[Case]:
    """`sha256`: of the start picture."""
    init = Init(images=(sha256,), denoising_strength=1.0)
    hires = Hires(denoising_strength=0.7, scale=1.5, upscaler="Latent", steps=5)
    dpm = {"use_karras_sigmas": True}
    return [
        Case("Euler", {"sampler_name": "Euler"}, "EulerDiscreteScheduler"),
        Case("Euler a", {"sampler_name": "Euler a"}, "EulerAncestralDiscreteScheduler"),
        Case("DPM++ 2M", {"sampler_name": "DPM++ 2M"}, "DPMSolverMultistepScheduler", dpm),
        Case("DDIM", {"sampler_name": "DDIM"}, "DDIMScheduler"),
        Case("UniPC", {"sampler_name": "UniPC"}, "UniPCMultistepScheduler", goals=False),
        Case("Euler, CFG 1", {"sampler_name": "Euler", "cfg_scale": 1.0}),
        Case("Euler, img2img", {"sampler_name": "Euler", "init": init}),
        Case(
            "Euler, batch of 4",
            {"sampler_name": "Euler", "batch_size": 4},
            "EulerDiscreteScheduler",
            images=4,
            goals=False,
        ),
        Case(
            "Euler, hires fix",
            {"sampler_name": "Euler", "hires": hires},
            goals=False,
            larger=1.5,
        ),
        Case("Euler a, NV", {"sampler_name": "Euler a"}, source="NV", goals=False),
        Case("DPM++ 2M SDE", {"sampler_name": "DPM++ 2M SDE"}, goals=False),
    ]


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds of one step and of one picture."""

    step: float
    image: float


def cost(few: float, many: float, images: int, coding: float = 0.0) -> Cost:
    """From the CPU seconds of a job of FEW and of MANY steps; `coding`: seconds of all PNGs."""
    step = (many - few) / (MANY - FEW)
    return Cost(1000 * step, 1000 * (few - FEW * step - coding) / images)


def measured(make: Callable[[int], Any], images: int, coding: float = 0.0) -> Cost:
    few, many = (_least(lambda n=n: make(n)) for n in (FEW, MANY))
    return cost(few, many, images, coding)


def _least(call: Callable[[], Any]) -> float:
    """CPU seconds of one."""
    return min(measure_call(call).cpu for _ in range(REPEATS))


def figures_of(case: Case, easel: Easel, pairs: int, start: bytes) -> list[Figure]:
    """`start`: the PNG that img2img begins with."""
    width, height = SIZE
    wish = {**PROMPTS, "seed": 1, "subseed": 1, "width": width, "height": height, **case.changes}

    def ours(steps: int) -> list[bytes]:
        return easel.make(Request(**wish, steps=steps))

    theirs = None
    if case.scheduler is not None:
        made = pipeline(easel.model, case.scheduler, **case.options)
        theirs = lambda steps: made(steps=steps, size=SIZE, images=case.images)  # noqa: E731
        theirs(3)
    (first, *_) = ours(6)
    image = _opened(first)
    assert image.size == (round(width * case.larger), round(height * case.larger))
    of_ours: list[Cost] = []
    of_theirs: list[Cost] = []
    for _ in range(pairs):
        coding = _least(lambda: png(image)) * case.images
        if "init" in case.changes:
            coding += _least(lambda: _opened(start))
        of_ours.append(measured(ours, case.images, coding))
        if theirs is not None:
            of_theirs.append(measured(theirs, case.images))
    return [_figure(case, what, of_ours, of_theirs) for what in ("step", "image")]


def _figure(case: Case, what: str, ours: list[Cost], theirs: list[Cost]) -> Figure:
    values = [getattr(each, what) for each in ours]
    note = ""
    if theirs:
        other = [getattr(each, what) for each in theirs]
        note = f"diffusers {statistics.median(other):.3g} ms +- {quartile_range(other):.2g}"
    bound = {"step": STEP_GOAL, "image": IMAGE_GOAL}[what] if case.goals else None
    name = f"{case.name}: per {what}"
    return Figure(name, statistics.median(values), "ms", quartile_range(values), bound, note)


def _opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def main() -> int:
    given = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    start = png(Image.linear_gradient("L").convert("RGB").resize(SIZE))
    sha256 = hashlib.sha256(start).hexdigest()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models" / "Stable-diffusion" / "tiny.safetensors"
        path.parent.mkdir(parents=True)
        write_tiny_checkpoint(path)
        roads: dict[str, Easel] = {}
        for case in cases(sha256):
            if case.source not in roads:
                easel = Easel(Path(folder), randn_source=case.source, sd_model_checkpoint="tiny")
                easel.give({sha256: start})
                easel.make(Request(**PROMPTS, seed=1, subseed=1, steps=1, width=64, height=64))
                put_in(easel.model)
                roads[case.source] = easel
            figures += figures_of(case, roads[case.source], given.pairs, start)
            print(case.name, file=sys.stderr, flush=True)
    report(figures, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
