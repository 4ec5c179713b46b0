"""Easel as a process of its own, for the browser to visit."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 150.0  # seconds; a busy machine imports slowly


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`painted`: with the painter in place of the engine; otherwise the real thing."""

    def __init__(self, folder: Path, *flags: str, painted: bool = True) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        entrance = ["-m", "tests.browser.serve"] if painted else ["webui.py"]
        self.command = [sys.executable, *entrance, "--api", "--data-dir", str(folder)]
        self.command += ["--port", str(self.port), *flags]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # Two threads of the worker's on a busy machine mostly wait for each other.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COMMANDLINE_ARGS": ""}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.is_ready():
            said = (self.folder / "server.log").read_text("utf-8", "replace")[-3000:]
            assert self.process.poll() is None, f"the server ended at once:\n{said}"
            assert time.monotonic() < deadline, f"the server does not get ready:\n{said}"
            time.sleep(0.2)

    def is_ready(self) -> bool:
        try:
            return self.get("easel/v1/status")["worker"] in ("ready", "busy")
        except (URLError, ConnectionError, TimeoutError):
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def get(self, path: str) -> Any:
        with urlopen(f"{self.address}/{path}", timeout=20) as answer:
            return json.load(answer)

    def bytes(self, path: str) -> bytes:
        with urlopen(f"{self.address}/{path}", timeout=20) as answer:
            return answer.read()

    def post(self, path: str, body: Any = None) -> Any:
        text = json.dumps(body if body is not None else {}).encode()
        asked = Request(
            f"{self.address}/{path}", data=text, headers={"Content-Type": "application/json"}
        )
        with urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def settle(self) -> None:
        """End what runs or waits, so that the next test begins on an idle server."""
        for job in self.unfinished():
            self.post(f"easel/v1/jobs/{job['id']}/cancel")
        deadline = time.monotonic() + 30
        while self.unfinished():
            assert time.monotonic() < deadline, "cancelled jobs do not end"
            time.sleep(0.05)

    def skip(self, job: str) -> None:
        """End that running job's picture here; the job goes on with its next, or is done."""
        self.post(f"easel/v1/jobs/{job}/skip")

    def unfinished(self) -> list[dict[str, Any]]:
        return self.get("easel/v1/jobs?state=queued&state=running&limit=100")["jobs"]

    def newest(self, kind: str) -> dict[str, Any]:
        return self.get(f"easel/v1/jobs?kind={kind}&limit=1")["jobs"][0]
