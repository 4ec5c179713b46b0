"""What loading a checkpoint costs: time against a raw read, and memory against its weights.

    python -m bench.load [--full-size] [--size sdxl]

Each way of loading is measured in a fresh process: the first load with its peak of anonymous
memory, then loads and raw reads of the same file in turn. "Kept" is an fp16 file whose weights stay
as they are, as for a graphics card; "cast" is what a CPU needs that computes in fp32. A mapped
file's pages are read when they are first used, so a load is told with all of them touched, too.
The file is in the system's cache; --cold drops it from there before each go.
"""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.checkpoints import checkpoint
from bench.harness import (
    ROOT,
    Figure,
    Pairs,
    Sample,
    interleave,
    measure_call,
    parser,
    peak_anonymous,
    report,
)
from modules.networks.model import Model, PrecisionPolicy
from modules.networks.models import Models

WAYS = ("kept", "cast")
_BOUNDS = {"kept": 0.35, "cast": 1.1}
_CHUNK = 1 << 24


class AsTheFileIs(PrecisionPolicy):
    """Every network in fp16, also on a CPU: it is loaded and not run."""

    def network_dtype(self, device: torch.device) -> torch.dtype:
        return torch.float16


def raw_read(path: Path) -> None:
    """All bytes, through one buffer."""
    buffer = bytearray(_CHUNK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def raw_cast(path: Path) -> None:
    """All bytes as fp16, cast to fp32 into fresh memory: no less can be done."""
    half = torch.from_file(str(path), size=path.stat().st_size // 2, dtype=torch.float16)
    half.to(torch.float32)


def touch(model: Model) -> None:
    """Read one number of each page."""
    for network in model.networks:
        for weight in network.parameters():
            weight.view(-1)[:: mmap.PAGESIZE // weight.element_size()].sum()


def drop_from_cache(path: Path) -> None:
    """Of this file's pages those that nobody maps."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def child(path: Path, way: str, pairs: int, cold: bool) -> dict[str, Any]:
    """Measured in a process that has loaded nothing yet."""
    torch.tensor([1.0]).half().float().sum()  # what torch sets up at its first operation
    models = Models("cpu", AsTheFileIs() if way == "kept" else PrecisionPolicy())
    prepare: Callable[[], None] = (lambda: drop_from_cache(path)) if cold else (lambda: None)
    raw_read(path)  # into the system's cache
    prepare()
    with peak_anonymous(every=0.002) as peak:
        first = measure_call(lambda: models.get(path))
    assert models.loaded is not None
    weights = models.loaded.weight_bytes

    def load(touched: bool) -> Sample:
        models.unload()
        prepare()
        return measure_call(lambda: touch(models.get(path)) if touched else models.get(path))

    def read() -> Sample:
        models.unload()
        prepare()
        return measure_call(lambda: (raw_read if way == "kept" else raw_cast)(path))

    loads = interleave(lambda: load(False), read, pairs)
    touching = interleave(lambda: load(True), read, pairs)
    return {
        "before": peak.before,
        "peak": peak.bytes,
        "weights": weights,
        "first": [first.cpu, first.wall],
        "loads": _plain(loads),
        "touching": _plain(touching),
    }


def _plain(pairs: Pairs) -> list[list[list[float]]]:
    return [[[each.cpu, each.wall] for each in side] for side in (pairs.a, pairs.b)]


def _pairs(plain: list[list[list[float]]]) -> Pairs:
    a, b = (tuple(Sample(*each) for each in side) for side in plain)
    return Pairs(a, b)


def figures(found: dict[str, Any], size: str, way: str) -> list[Figure]:
    """Of one child's measurements."""
    name = f"{size}, fp16 file {'kept in fp16' if way == 'kept' else 'cast to fp32'}"
    weights, before, peak = (found[key] for key in ("weights", "before", "peak"))
    full = size not in ("tiny", "small")
    cpu, wall = found["first"]
    reference = "a raw read" if way == "kept" else "a bare cast of the file"
    note = f"weights {weights / 1e6:.0f} MB; {before / 1e6:.0f} MB before, peak {peak / 1e6:.0f} MB"
    return [
        Figure(
            f"{name}: peak anonymous memory of the process / weights",
            peak / weights,
            "x",
            bound=_BOUNDS[way] if full else None,
            note=note,
        ),
        Figure(
            f"{name}: peak above the imports / weights",
            (peak - before) / weights,
            "x",
            bound=_BOUNDS[way],
        ),
        _pairs(found["loads"]).figure(
            f"{name}: load / {reference}", note=f"first {cpu:.2f} CPU s, {wall:.2f} wall s"
        ),
        _pairs(found["touching"]).figure(f"{name}: load and touch all / {reference}"),
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size", help="tiny, small, sd15, sd21, sdxl or refiner")
    options.add_argument("--cold", action="store_true", help="without the system's file cache")
    options.add_argument("--child", choices=WAYS, help="measure one way here, print JSON")
    given = options.parse_args()
    size = given.size or ("sd15" if given.full_size else "small")
    path = checkpoint(size)
    if given.child:
        print(json.dumps(child(path, given.child, given.pairs, given.cold)))
        return
    told: list[Figure] = []
    for way in WAYS:
        command = [sys.executable, "-m", "bench.load", "--size", size, "--child", way]
        command += ["--pairs", str(given.pairs), *["--cold"] * given.cold]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        told += figures(json.loads(done.stdout), size, way)
    report(told, given.json)


if __name__ == "__main__":
    main()
