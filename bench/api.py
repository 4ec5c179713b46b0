"""What the API costs, as ratios and CPU time within one run: `python -m bench.api`.

1. Pictures per second of 1 to 16 clients that each ask for one after the other through
   /sdapi/v1/txt2img. Rounds are interleaved, so that a busy machine slows all alike; medians.
2. CPU milliseconds of the server for one poll of /sdapi/v1/progress while a job runs.

With --url a running server is measured (its CPU time only if it is on this machine, by --pid);
without, one with the tests' painter in place of the engine: host costs only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.harness import Figure, median, parser, quartile_range, report
from tests.api.real import free_port

ROOT = Path(__file__).resolve().parent.parent
WISH = {"prompt": "a red barn", "width": 64, "height": 64}


@dataclass(frozen=True)
class Server:
    """`pid` None: its CPU time is not asked for."""

    url: str
    pid: int | None


def started(folder: str) -> tuple[Server, subprocess.Popen[bytes]]:
    """The painter's server, ready."""
    port = free_port()
    command = [sys.executable, "-m", "tests.api.fake_server", "--data-dir", folder]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT)
    server = Server(f"http://127.0.0.1:{port}", process.pid)
    for _ in range(600):
        try:
            if httpx.get(f"{server.url}/easel/v1/status").json()["worker"] == "ready":
                return server, process
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    process.kill()
    raise SystemExit("the server did not become ready")


def rate(server: Server, clients: int, seconds: float, steps: int) -> float:
    """Pictures per second of so many clients together."""
    until = time.perf_counter() + seconds

    def one(_: int) -> int:
        made = 0
        with httpx.Client(base_url=server.url, timeout=120) as client:
            while not made or time.perf_counter() < until:  # at least one, however busy it is
                body = {**WISH, "steps": steps}
                client.post("/sdapi/v1/txt2img", json=body).raise_for_status()
                made += 1
        return made

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        made = sum(pool.map(one, range(clients)))
    return made / (time.perf_counter() - began)


def poll_costs(server: Server, polls: int, pairs: int) -> list[float]:
    """CPU milliseconds of one poll, without what the running job costs by itself."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    wish = {"request": {**WISH, "prompt": "slow 0.05", "steps": 1000}}
    with httpx.Client(base_url=server.url, timeout=30) as client:
        job = client.post("/easel/v1/jobs", json=wish).json()["id"]
        while client.get(f"/easel/v1/jobs/{job}").json()["step"] < 2:
            time.sleep(0.05)
        costs = []
        for _ in range(pairs):  # interleaved: at rest, polled
            before, began = _used(process), time.perf_counter()
            time.sleep(1.0)
            idle = (_used(process) - before) / (time.perf_counter() - began)
            before, began = _used(process), time.perf_counter()
            for _ in range(polls):
                client.get("/sdapi/v1/progress").raise_for_status()
            spent = _used(process) - before - idle * (time.perf_counter() - began)
            costs.append(1000 * spent / polls)
        client.post(f"/easel/v1/jobs/{job}/cancel")
    return costs


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def figures(
    server: Server, counts: list[int], pairs: int, seconds: float, steps: int
) -> list[Figure]:
    """Times per picture against one client alone, its rate, and the cost of a poll."""
    rates: dict[int, list[float]] = {count: [] for count in counts}
    rate(server, 1, 1.0, steps)  # warm
    for _ in range(pairs):
        for count in counts:
            rates[count].append(rate(server, count, seconds, steps))
    first = rates[counts[0]]
    told = [Figure(f"pictures of {counts[0]} client", median(first), "/s", quartile_range(first))]
    for count in counts[1:]:
        ratios = [one / many for one, many in zip(first, rates[count], strict=True)]
        name = f"time per picture, {count} clients against {counts[0]}"
        note = f"{median(rates[count]):.1f} pictures/s"
        told.append(Figure(name, median(ratios), "x", quartile_range(ratios), None, note))
    if server.pid is not None:
        costs = poll_costs(server, 200, pairs)
        name = "CPU of one progress poll"
        told.append(Figure(name, median(costs), "ms", quartile_range(costs)))
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--url")
    options.add_argument("--pid", type=int)
    options.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    given = options.parse_args()
    process = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            if given.url:
                server = Server(given.url, given.pid)
            else:
                server, process = started(folder)
            found = figures(server, given.clients, given.pairs, given.seconds, given.steps)
        finally:
            if process is not None:
                process.terminate()
                process.wait(30)
    report(found, given.json)


if __name__ == "__main__":
    main()
