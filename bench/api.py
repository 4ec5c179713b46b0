"""What the API costs, as ratios and CPU time within one run: `python -m bench.api`.

1. Pictures per second of 1 to 16 clients that each ask for one after the other through
   /sdapi/v1/txt2img. Rounds are interleaved, so that a busy machine slows all alike; medians.
2. CPU milliseconds of the server for one poll of /sdapi/v1/progress while a job runs.

With --url a running server is measured (its CPU time only if it is on this machine, by --pid);
without, one with the tests' painter in place of the engine: host costs only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

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
            while time.perf_counter() < until:
                body = {**WISH, "steps": steps}
                client.post("/sdapi/v1/txt2img", json=body).raise_for_status()
                made += 1
        return made

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        made = sum(pool.map(one, range(clients)))
    return made / (time.perf_counter() - began)


def poll_cost(server: Server, polls: int) -> float:
    """CPU milliseconds of one poll, without what the running job costs by itself."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    wish = {"request": {**WISH, "prompt": "slow 0.05", "steps": 1000}}
    with httpx.Client(base_url=server.url, timeout=30) as client:
        job = client.post("/easel/v1/jobs", json=wish).json()["id"]
        while client.get(f"/easel/v1/jobs/{job}").json()["step"] < 2:
            time.sleep(0.05)
        costs = []
        for _ in range(5):  # interleaved: at rest, polled
            before, began = _used(process), time.perf_counter()
            time.sleep(1.0)
            idle = (_used(process) - before) / (time.perf_counter() - began)
            before, began = _used(process), time.perf_counter()
            for _ in range(polls):
                client.get("/sdapi/v1/progress").raise_for_status()
            spent = _used(process) - before - idle * (time.perf_counter() - began)
            costs.append(1000 * spent / polls)
        client.post(f"/easel/v1/jobs/{job}/cancel")
    return statistics.median(costs)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    given = parser.parse_args()
    process = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            if given.url:
                server = Server(given.url, given.pid)
            else:
                server, process = started(folder)
            rates: dict[int, list[float]] = {count: [] for count in given.clients}
            rate(server, 1, 1.0, given.steps)  # warm
            for _ in range(given.rounds):
                for count in given.clients:
                    rates[count].append(rate(server, count, given.seconds, given.steps))
            medians = {count: statistics.median(found) for count, found in rates.items()}
            first = medians[given.clients[0]]
            told: dict[str, object] = {
                "pictures per second": {str(n): round(value, 2) for n, value in medians.items()},
                "against the first": {str(n): round(v / first, 3) for n, v in medians.items()},
            }
            if server.pid is not None:
                told["CPU ms per progress poll"] = round(poll_cost(server, 200), 3)
            print(json.dumps(told, indent=2))
        finally:
            if process is not None:
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
