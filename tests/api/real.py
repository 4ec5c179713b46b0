"""The whole program as a user starts it: a server process with its real worker, and tiny models."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.conftest import ROOT

CHECKPOINT = "one.safetensors"


def free_environment() -> dict[str, str]:
    """One thread for each process, so that results don't depend on the machine's load."""
    kept = {key: value for key, value in os.environ.items() if key != "COMMANDLINE_ARGS"}
    return {**kept, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass
class Server:
    """`python webui.py --nowebui` on a data folder; `start` and `stop` as often as wanted."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def start(self, *flags: str, seconds: float = 150) -> None:
        """Returns when the worker is ready. An assert with the log where it does not become so."""
        command = [sys.executable, "webui.py", "--nowebui", "--data-dir", str(self.folder)]
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), *flags],
                cwd=ROOT,
                env=free_environment(),
                stdout=output,
                stderr=output,
            )
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                if self.status()["worker"] == "ready":
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        self.stop()
        raise AssertionError(f"the server did not become ready:\n{log.read_text()}")

    def stop(self) -> int | None:
        """As Ctrl+C does; waits for the end. The exit status; None where nothing ran."""
        status = None
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                status = self.process.wait(20)
            except subprocess.TimeoutExpired:
                for child in psutil.Process(self.process.pid).children(recursive=True):
                    child.kill()
                self.process.kill()
                status = self.process.wait()
            self.process = None
        return status

    def status(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/easel/v1/status", timeout=5).json()

    def post(self, route: str, **body: Any) -> httpx.Response:
        with self.client as client:
            return client.post(f"/sdapi/v1/{route}", json=body)

    def txt2img(self, checkpoint: str = CHECKPOINT, **body: Any) -> dict[str, Any]:
        """The answer's body for small quick pictures. An assert where it is no success."""
        answer = self.post("txt2img", **wish(checkpoint, **body))
        assert answer.status_code == 200, answer.text[:2000]
        return answer.json()

    def job(self, job_id: str) -> dict[str, Any]:
        return httpx.get(f"{self.url}/easel/v1/jobs/{job_id}", timeout=10).json()

    def jobs(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.url}/easel/v1/jobs?limit=500", timeout=10).json()["jobs"]


def wish(checkpoint: str = CHECKPOINT, **body: Any) -> dict[str, Any]:
    """A body of txt2img: a 64x64 picture of three steps unless `body` says otherwise."""
    overrides = {"sd_model_checkpoint": checkpoint, **body.pop("override_settings", {})}
    quick = {"prompt": "a red barn", "seed": 11, "steps": 3, "width": 64, "height": 64}
    return {**quick, "sampler_name": "Euler", **body, "override_settings": overrides}


def wait_until(true: Any, seconds: float = 30.0) -> Any:
    """The first true answer of `true()`; an assert where none comes."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not so after {seconds} s")


def bytes_of(answer: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(text) for text in answer["images"]]


def sums_of(answer: dict[str, Any]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in bytes_of(answer)]


def account_of(answer: dict[str, Any]) -> dict[str, Any]:
    return json.loads(answer["info"])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
