"""What a start costs, each against its floor in the same run: `python -m bench.start`.

1. Headless: to the first answer, against `import fastapi, uvicorn`.
2. With the page: to the whole page served, against `import gradio`.
3. Worker ready, against `import torch`.
4. First picture: from the start of the program to a PNG that an API client has, against `import
   torch`, a raw read of the weights and the bare calls of the networks. Tiny by default;
   --full-size takes random SD 1.5 weights in fp16, 256x256 and 4 steps.

1 and 2 count the server's own CPU: the worker starts beside it. 3 counts the worker's, 4 both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from bench import harness
from bench.checkpoints import checkpoint
from bench.harness import Figure, Sample, interleave, measure_call, measure_command, parser, report
from tests.api.real import free_port

PYTHON = sys.executable
HEADLESS_BOUND, PAGE_BOUND, PICTURE_BOUND = 2.0, 1.8, 1.5
STEPS = 4
NO_FLAGS = {"COMMANDLINE_ARGS": ""}


def imports(names: str) -> Callable[[], Sample]:
    """Python with only that."""
    return lambda: measure_command([PYTHON, "-c", f"import {names}"])


def until_served(path: str, *flags: str) -> Sample:
    """From the program's start to the answer's last byte; the server's own CPU."""
    with tempfile.TemporaryDirectory() as folder, httpx.Client(timeout=60) as client:
        port = free_port()
        address = f"http://127.0.0.1:{port}{path}"
        return measure_command(
            easel(folder, port, *flags), until=lambda: answers(client, address), env=NO_FLAGS
        )


def until_worker() -> Sample:
    """From the program's start to a worker that takes jobs; the worker's own CPU."""
    with tempfile.TemporaryDirectory() as folder, httpx.Client(timeout=60) as client:
        port = free_port()
        address = f"http://127.0.0.1:{port}/easel/v1/status"
        command = easel(folder, port, "--nowebui")
        with harness.started(command, env=NO_FLAGS) as (process, began):

            def ready() -> bool:
                return answers(client, address) and client.get(address).json()["worker"] == "ready"

            harness.wait_until(ready, process, 300)
            return Sample(workers_seconds(process.pid), time.perf_counter() - began)


def until_picture(path: Path, size: int) -> Sample:
    """From the program's start to a picture in the client's hands; CPU of server and worker."""
    with tempfile.TemporaryDirectory() as folder, httpx.Client(timeout=900) as client:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        command = easel(folder, port, "--nowebui", "--ckpt", str(path), "--no-hashing")
        with harness.started(command, env=NO_FLAGS) as (process, began):
            harness.wait_until(lambda: answers(client, f"{base}/easel/v1/status"), process, 300)
            wish = {
                "prompt": "a red barn",
                "steps": STEPS,
                "width": size,
                "height": size,
                "seed": 1,
            }
            changes = {"override_settings": {"sd_model_checkpoint": path.name}}
            answer = client.post(f"{base}/sdapi/v1/txt2img", json={**wish, **changes})
            answer.raise_for_status()
            assert answer.json()["images"], "no picture came"
            spent = harness.cpu_seconds(process.pid) + workers_seconds(process.pid)
            return Sample(spent, time.perf_counter() - began)


def floor_of_picture(path: Path, size: int) -> Sample:
    """`import torch`, a raw read, and the bare calls in a process that has the model loaded."""
    torch = measure_command([PYTHON, "-c", "import torch"])
    command = [PYTHON, "-m", "bench.start", "--bare", str(path), "--bare-size", str(size)]
    said = subprocess.run(command, cwd=harness.ROOT, check=True, capture_output=True, text=True)
    parts = [torch, *[Sample(**row) for row in json.loads(said.stdout.splitlines()[-1])]]
    return Sample(sum(part.cpu for part in parts), sum(part.wall for part in parts))


def bare(path: Path, size: int) -> None:
    """Print the samples of a raw read and of the networks' calls for one picture with CFG."""
    import torch

    from bench.load import raw_read
    from modules.networks.models import Models

    model = Models("cpu").get(path)
    latent = torch.randn(1, 4, size // 8, size // 8)
    width = model.text_encoders[0].config.hidden_size
    tokens = torch.zeros(1, 77, dtype=torch.long)

    def calls() -> None:
        with torch.no_grad():
            for _ in range(2):
                model.text_encoders[0](tokens)
            context = torch.zeros(2, 77, width)
            for step in range(STEPS):
                times = torch.full((2,), 900.0 - step)
                model.predict(latent.repeat(2, 1, 1, 1), times, cross_attention=context)
            model.decode(latent)

    taken = [measure_call(lambda: raw_read(path)), measure_call(calls)]
    print(json.dumps([{"cpu": sample.cpu, "wall": sample.wall} for sample in taken]))


def easel(folder: str, port: int, *flags: str) -> list[str]:
    """The program's command, on a data folder of its own."""
    return [PYTHON, "webui.py", "--data-dir", folder, "--port", str(port), *flags]


def answers(client: httpx.Client, address: str) -> bool:
    """Whether it does, with success and in full."""
    try:
        return client.get(address).status_code == 200
    except httpx.TransportError:
        return False


def workers_seconds(pid: int) -> float:
    """CPU of the processes below the server."""
    children = psutil.Process(pid).children(recursive=True)
    return sum(harness.cpu_seconds(child.pid) for child in children)


def figures(given: argparse.Namespace) -> list[Figure]:
    told: list[Figure] = []

    def compare(
        name: str, a: Callable[[], Sample], b: Callable[[], Sample], bound: float | None, pairs: int
    ) -> None:
        told.append(interleave(a, b, pairs).figure(name, bound))

    pairs = given.pairs
    imports("gradio, torch")(), until_served("/")  # everything lies in the system's cache
    status = "/easel/v1/status"
    compare(
        "headless, to the first answer, against import fastapi, uvicorn",
        lambda: until_served(status, "--nowebui"),
        imports("fastapi, uvicorn"),
        HEADLESS_BOUND,
        pairs,
    )
    compare(
        "to the page served, against import gradio",
        lambda: until_served("/"),
        imports("gradio"),
        PAGE_BOUND,
        pairs,
    )
    compare("worker ready, against import torch", until_worker, imports("torch"), None, pairs)
    path = checkpoint("sd15" if given.full_size else "tiny")
    size = 256 if given.full_size else 64
    compare(
        f"first picture, {'SD 1.5' if given.full_size else 'tiny'} {size}x{size}, {STEPS} steps",
        lambda: until_picture(path, size),
        lambda: floor_of_picture(path, size),
        PICTURE_BOUND if given.full_size else None,
        min(pairs, 3) if given.full_size else pairs,
    )
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--bare-size", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    os.environ.pop("COMMANDLINE_ARGS", None)
    if given.bare:
        bare(given.bare, given.bare_size)
    else:
        report(figures(given), given.json)


if __name__ == "__main__":
    main()
