"""What a CUDA card makes of it, in stages of under nine minutes: `python -m bench.gpu`.

First whether it is right (recorded calls, offloaded weights and LoRAs change no bit; 8-bit weights
change little), then how fast beside plain diffusers with the same weights, how little memory will
do, and how fast a checkpoint loads. `--tiny --device cpu` runs all of it anywhere, in a minute, to
prove the script. Needs Python 3.11, torch 2.11, transformers 5.17, diffusers, safetensors, Pillow,
scipy, OpenCV, psutil, torchsde with trampoline; no page and no server.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.gpu_reference import Reference
from bench.harness import ROOT, Figure, Pairs, Sample, interleave, median, parser, report
from bench.layouts import ARCHITECTURES
from bench.making import make
from bench.random_checkpoint import write_random_checkpoint
from modules.generation.request import Request
from modules.networks.economy import Economy
from modules.networks.models import Models, choose_device
from modules.networks.plans import Wish

LIMIT = 540  # seconds for a stage
CAPS = (12, 8, 6, 4)  # GiB of a smaller card, played by a limit on this one
PROMPT = "a still life with a yellow banana, water droplets, dramatic lighting"


@dataclass(frozen=True)
class Place:
    """Where everything runs, and with which weights."""

    device: torch.device
    folder: Path
    tiny: bool
    pairs: int

    def checkpoint(self, name: str) -> Path:
        """The file of that architecture; written when it is first asked for."""
        path = self.folder / f"{name}{'-tiny' if self.tiny else ''}.safetensors"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.tiny:
                from tests.tiny_families import write_tiny_family

                write_tiny_family(path, "sd1" if name == "sd15" else name)
            else:
                write_random_checkpoint(path, ARCHITECTURES[name]())
        return path

    def request(self, name: str, batch: int = 1) -> Request:
        side = 64 if self.tiny else {"sd15": 512, "sdxl": 1024}[name]
        sampler = {"sd15": ("Euler a", "Automatic"), "sdxl": ("DPM++ 2M", "Karras")}[name]
        steps = 4 if self.tiny else {"sd15": 20, "sdxl": 30}[name]
        return Request(
            prompt=PROMPT,
            seed=7,
            subseed=7,
            steps=steps,
            width=side,
            height=side,
            batch_size=batch,
            sampler_name=sampler[0],
            scheduler=sampler[1],
        )

    def models(self, wish: Wish = "auto", **economy: Any) -> Models:
        models = Models(self.device)
        models.economy = Economy(wish=lambda _: wish, **economy)
        return models


def synchronized(device: torch.device, call: Callable[[], object]) -> Sample:
    """A call and all that it set going on the device."""
    _wait(device)
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    _wait(device)
    return Sample(time.process_time() - cpu, time.perf_counter() - wall)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def wall_figure(name: str, pairs: Pairs, bound: float | None, pictures: int) -> Figure:
    """Ours over the reference in wall seconds, which is what a card's user waits for."""
    ours, theirs = (median(s.wall for s in side) for side in (pairs.a, pairs.b))
    note = f"ours {pictures / ours:.2f}, reference {pictures / theirs:.2f} images/s"
    return Figure(name, ours / theirs, "x", pairs.spread, bound, note)


# ------------------------------------------------------------------------------- stages


def correct(place: Place) -> list[Figure]:
    """Same request, same bytes, whatever the plan; the answer is 0 differing pictures."""
    figures = []
    request = place.request("sd15")
    path = place.checkpoint("sd15")
    plain = place.models("all")
    model = plain.get(path)
    with model.without_graphs():
        expected = make(model, request)
    for name, count in (("recorded calls", 3), ("recorded calls, batch of 2", 2)):
        asked = request if "batch" not in name else dataclasses.replace(request, batch_size=2)
        with model.without_graphs():
            wanted = make(model, asked)
        found = [make(model, asked) for _ in range(count)]
        wrong = sum(each != wanted for each in found)
        figures.append(Figure(f"{name} differ from single ones", wrong, "", bound=0))
    del model
    plain.unload()
    offloads: tuple[Wish, ...] = ("turns", "stream")
    for wish in offloads:
        models = place.models(wish)
        model = models.get(path)
        wrong = make(model, request) != expected
        words = model.plan.words()
        figures.append(Figure(f"offload {wish!r} differs", float(wrong), "", bound=0, note=words))
        del model
        models.unload()
    models = place.models("all", storage=lambda _: "fp8")
    narrow = _pixels(make(models.get(path), request))
    off = float((narrow - _pixels(expected)).abs().mean())
    figures.append(Figure("8-bit weights, mean change of a pixel", off, "of 255"))
    models.unload()
    return figures


def _pixels(pictures: list[bytes]) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(pictures[0])), dtype=np.float32))


def _speed(place: Place, name: str, batch: int, bound: float | None) -> list[Figure]:
    models = place.models("all")
    model = models.get(place.checkpoint(name))
    request = place.request(name, batch)
    reference = Reference(model, request)

    def ours() -> Sample:
        return synchronized(place.device, lambda: make(model, request))

    def theirs() -> Sample:
        with model.without_graphs():
            return synchronized(place.device, reference.make)

    def bare() -> Sample:
        with model.without_graphs():
            return synchronized(place.device, reference.bare)

    for warm in (ours, ours, theirs, bare):
        warm()
    size = f"{request.width}x{request.height}, batch {batch}"
    beside = interleave(ours, theirs, place.pairs)
    floor = interleave(ours, bare, place.pairs)
    ours_wall, bare_wall = (median(s.wall for s in side) for side in (floor.a, floor.b))
    note = f"ours {ours_wall:.3f} s, bare eager calls {bare_wall:.3f} s"
    found = [
        wall_figure(f"{name} {size} beside diffusers", beside, bound, batch),
        Figure(f"{name} {size} beside bare calls", ours_wall / bare_wall, "x", note=note),
    ]
    models.unload()
    return found


def sd15(place: Place) -> list[Figure]:
    """The goal is 1.8 times diffusers' speed at batch 1."""
    return [*_speed(place, "sd15", 1, 1 / 1.8), *_speed(place, "sd15", 8, None)]


def sdxl(place: Place) -> list[Figure]:
    """The goal is 1.15 times diffusers' speed at batch 1."""
    return _speed(place, "sdxl", 1, 1 / 1.15)


def memory(place: Place) -> list[Figure]:
    """Smaller cards, played by a limit: which plan is chosen, and what it costs in time."""
    if place.device.type != "cuda":
        return []
    total = torch.cuda.get_device_properties(place.device).total_memory
    figures = []
    for name in ("sd15", "sdxl"):
        path, request, whole = place.checkpoint(name), place.request(name), 0.0
        for cap in (total / 2**30, *CAPS):
            torch.cuda.set_per_process_memory_fraction(min(1.0, cap * 2**30 / total), place.device)
            models = place.models(most_bytes=int(cap * 2**30))
            model = models.get(path)
            again = functools.partial(make, model, request)
            for _ in range(2):
                again()
            torch.cuda.reset_peak_memory_stats(place.device)
            took = synchronized(place.device, again).wall
            whole = whole or took
            peak = torch.cuda.max_memory_allocated(place.device) / 1e9
            figures.append(
                Figure(
                    f"{name}, a card of {cap:.0f} GiB: time over that of the whole card",
                    took / whole,
                    "x",
                    note=f"peak {peak:.2f} GB; {model.plan.words()}",
                )  # fmt: skip
            )
            del model, again
            models.unload()
        torch.cuda.set_per_process_memory_fraction(1.0, place.device)
    return figures


def load(place: Place) -> list[Figure]:
    """From the file onto the device, beside reading the file's bytes."""
    figures = []
    for name in ("sd15", "sdxl"):
        path = place.checkpoint(name)

        def ours(path: Path = path) -> Sample:
            models = place.models("all")
            sample = synchronized(place.device, lambda: models.get(path))
            models.unload()
            return sample

        def raw(path: Path = path) -> Sample:
            return synchronized(torch.device("cpu"), path.read_bytes)

        ours()
        raw()
        pairs = interleave(ours, raw, place.pairs)
        took, read = (median(s.wall for s in side) for side in (pairs.a, pairs.b))
        note = f"ours {took:.2f} s, the bytes alone {read:.2f} s"
        figures.append(Figure(f"{name}: load beside a raw read", took / read, "x", note=note))
    return figures


STAGES = {"correct": correct, "sd15": sd15, "sdxl": sdxl, "memory": memory, "load": load}


def main() -> int:
    options = parser(__doc__)
    options.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    options.add_argument("--folder", type=Path, default=ROOT / "tmp" / "bench-gpu")
    options.add_argument("--device", default="cuda")
    options.add_argument("--tiny", action="store_true", help="tiny weights, to try the script")
    given = options.parse_args()
    if unknown := set(given.stages) - set(STAGES):
        options.error(f"there is no stage {', '.join(sorted(unknown))}")
    if len(given.stages) != 1:
        return max(_apart(name, given) for name in given.stages or STAGES)
    device = choose_device(given.device)
    pairs = 1 if given.tiny else given.pairs
    figures = STAGES[given.stages[0]](Place(device, given.folder, given.tiny, pairs))
    if device.type == "cuda":
        print(torch.cuda.get_device_name(device))
    report(figures, given.json)
    return 1 if any(figure.ok is False for figure in figures) else 0


def _apart(stage: str, given: object) -> int:
    """A stage in a process of its own: what it leaves on the card goes with it."""
    options = [f"--{name}={getattr(given, name)}" for name in ("folder", "device", "pairs")]
    flags = ["--tiny"] if getattr(given, "tiny", False) else []
    command = [sys.executable, "-m", "bench.gpu", stage, *options, *flags]
    print(f"== {stage}", flush=True)
    try:
        return subprocess.run(command, cwd=ROOT, timeout=LIMIT, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"{stage} took more than {LIMIT} s and was ended")
        return 1


if __name__ == "__main__":
    sys.exit(main())
