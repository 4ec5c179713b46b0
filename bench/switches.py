"""What switching between two checkpoints costs: memory that must stay flat, and time.

    python -m bench.switches [--full-size] [--size sdxl]

A -> B -> A ..., 100 times with tiny ones, 6 times with full-size ones, in fresh processes: once
with memory for one of them only, once with both kept. After each switch the checkpoint encodes a
text, predicts and decodes, so that all its weights are in use; what A makes must be the same bits
each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.checkpoints import checkpoint
from bench.harness import (
    ROOT,
    Figure,
    Pairs,
    Sample,
    anonymous,
    measure_call,
    median,
    parser,
    peak_anonymous,
    report,
)
from modules.networks.kept import Limits
from modules.networks.model import Model
from modules.networks.models import Models

SWITCHES = {"tiny": 100, "small": 20}
FULL_SWITCHES = 6
FLAT = 1.03
WAYS = {"one": 1, "both": 2}  # how many stay loaded


@dataclass(frozen=True)
class Cat:
    """A prompt's chunk."""

    ids: Sequence[int] = (49406, 2368, *(49407,) * 75)
    weights: Sequence[float] = (1.0,) * 77
    placements: Sequence[tuple[int, str]] = ()


def picture(model: Model) -> Tensor:
    """What it makes of fixed numbers, (1, 3, 64, 64)."""
    spec, generator = model.spec, torch.Generator().manual_seed(1)
    x = torch.randn(1, spec.unet.in_channels, 8, 8, generator=generator)
    text = model.encode_text([[Cat()]])
    width = spec.unet.vector_width
    answer = model.predict(
        x,
        torch.tensor([500.0]),
        cross_attention=text.tokens,
        vector=torch.zeros(1, width) if width else None,
    )
    return model.decode(answer)


def child(paths: Sequence[Path], way: str, switches: int) -> dict[str, Any]:
    """Measured in a process of its own; the first two loads are not counted as switches."""
    models, pid = Models("cpu", limits=Limits(WAYS[way])), os.getpid()
    times: list[Sample] = []
    memory: list[int] = []
    made: dict[Path, set[str]] = {path: set() for path in paths}
    weights = 0
    with peak_anonymous() as peak:
        for number in range(switches + 2):
            path = paths[number % 2]
            times.append(measure_call(lambda path=path: models.get(path)))
            model = models.get(path)
            weights = model.weight_bytes
            made[path].add(hashlib.sha256(picture(model).numpy().tobytes()).hexdigest())
            del model
            memory.append(anonymous(pid))
    return {
        "times": [[each.cpu, each.wall] for each in times],
        "memory": memory,
        "peak": peak.bytes,
        "before": peak.before,
        "weights": weights,
        "kinds": [len(kinds) for kinds in made.values()],
    }


def figures(found: dict[str, dict[str, Any]], size: str) -> list[Figure]:
    """Of both ways' measurements."""
    told: list[Figure] = []
    loads = [Sample(*each) for each in found["one"]["times"]]
    for way, measured in found.items():
        memory, weights = measured["memory"], measured["weights"]
        name = f"{size}, {'room for one' if way == 'one' else 'both kept'}"
        settled, later = memory[1], memory[2:]
        kept = weights * WAYS[way]
        told += [
            Figure(
                f"{name}: anonymous memory after {len(later)} switches / after the first",
                later[-1] / settled,
                "x",
                bound=FLAT,
                note=f"{settled / 1e6:.0f} MB, then at most {max(later) / 1e6:.0f} MB,"
                f" at the end {later[-1] / 1e6:.0f} MB",
            ),
            Figure(
                f"{name}: peak above the imports / weights kept",
                (measured["peak"] - measured["before"]) / kept,
                "x",
                note=f"weights {kept / 1e6:.0f} MB, peak {measured['peak'] / 1e6:.0f} MB",
            ),
            Figure(f"{name}: pictures that differ", sum(measured["kinds"]) - 2, "", bound=0),
        ]
    again = tuple(Sample(*each) for each in found["both"]["times"][2:])
    told.append(Pairs(again, tuple(loads[2:])).figure(f"{size}: switch to a kept one / to a file"))
    first = median(each.cpu for each in loads[:2])
    told.append(
        Figure(
            f"{size}: switch to a file / first two loads",
            median(each.cpu for each in loads[2:]) / first,
            "x",
            note="the memory of the one that leaves is used again",
        )
    )
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size", help="tiny, small, sd15, sd21, sdxl or refiner")
    options.add_argument("--switches", type=int, help="how many")
    options.add_argument("--child", choices=WAYS, help="measure one way here, print JSON")
    given = options.parse_args()
    size = given.size or ("sd15" if given.full_size else "tiny")
    switches = given.switches or SWITCHES.get(size, FULL_SWITCHES)
    paths = [checkpoint(size, seed=seed) for seed in (0, 1)]
    if given.child:
        print(json.dumps(child(paths, given.child, switches)))
        return
    found: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        command = [sys.executable, "-m", "bench.switches", "--size", size, "--child", way]
        command += ["--switches", str(switches)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        found[way] = json.loads(done.stdout)
    report(figures(found, size), given.json)


if __name__ == "__main__":
    main()
