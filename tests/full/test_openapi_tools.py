"""The API's description in the hands of strangers' tools: a client is generated from it and makes a
picture, and thousands of requests are made up from it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.real import free_environment, free_port, wait_until
from tests.conftest import ROOT
from tests.full.tool_venv import tool_folder

pytestmark = pytest.mark.full
REQUESTS = 2000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the painter as its worker."""
    folder, port = tmp_path_factory.mktemp("tools"), free_port()
    command = [sys.executable, "-m", "tests.api.fake_server"]
    flags = ["--data-dir", str(folder), "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *flags], cwd=ROOT, env=free_environment(), stdout=log, stderr=log
        )
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_ready(address), 60)
        yield address
        server.send_signal(signal.SIGINT)
        server.wait(30)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/easel/v1/status", timeout=5).json()["worker"] == "ready"
    except (httpx.TransportError, ValueError):
        return False


USE = """
import sys, time
from client import Client
from client.api.easel import easel_submit, easel_read_job, easel_read_image, easel_list_jobs
from client.models import JobState, Problem, Submission, Wish

client = Client(base_url=sys.argv[1])
wish = Wish(prompt="a red apple", steps=2, seed=5, n_iter=2)
sent = easel_submit.sync(client=client, body=Submission(request=wish))
job = easel_read_job.sync(sent.id, client=client, wait=20)
assert job.state == JobState.DONE, job
assert [item.seed for item in job.items] == [5, 6], job.items
answer = easel_read_image.sync_detailed(sent.id, 1, client=client)
assert answer.content.startswith(b"\\x89PNG"), answer
assert sent.id in [job.id for job in easel_list_jobs.sync(client=client).jobs]
wrong = easel_submit.sync(client=client, body=Submission(request=Wish(sampler_name="none")))
assert isinstance(wrong, Problem) and "none" in wrong.errors, wrong
print("the client works")
"""


def test_a_generated_client_makes_a_picture(address: str, tmp_path: Path) -> None:
    tools = tool_folder()
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    generated = subprocess.run(
        [tools / "openapi-python-client", "generate", "--url", f"{address}/openapi.json"]
        + ["--meta", "none", "--output-path", str(tmp_path / "client")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert generated.returncode == 0, generated.stdout + generated.stderr
    assert "WARNING" not in generated.stdout, generated.stdout
    (tmp_path / "use.py").write_text(USE)
    used = subprocess.run(
        [tools / "python", "use.py", address], cwd=tmp_path, capture_output=True, text=True
    )
    assert "the client works" in used.stdout, used.stdout + used.stderr


class Reaper(threading.Thread):
    """Ends every job soon, so that a wish for ten thousand pictures holds up nobody."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._client = httpx.Client(base_url=address, timeout=30)
        self.ended = threading.Event()

    def run(self) -> None:
        asked = {"state": ["running", "queued"], "limit": 100}
        while not self.ended.wait(0.3):
            for job in self._client.get("/easel/v1/jobs", params=asked).json()["jobs"]:
                self._client.post(f"/easel/v1/jobs/{job['id']}/cancel")


def test_no_request_that_fits_the_description_or_nearly_breaks_the_server(
    address: str, tmp_path: Path
) -> None:
    """Any status that the description does not name is a failure: so is every 500."""
    tools = tool_folder()
    reaper = Reaper(address)
    reaper.start()
    try:
        run = subprocess.run(
            [tools / "st", "run", f"{address}/openapi.json", "--phases", "coverage,fuzzing"]
            + ["--checks", "status_code_conformance,response_schema_conformance"]
            + ["--max-examples", "20", "--request-timeout", "30", "--no-shrink"]
            + ["--suppress-health-check", "all", "--generation-database", "none"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    finally:
        reaper.ended.set()
        reaper.join(30)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    made = re.search(r"(\d+) generated", run.stdout)
    assert made and int(made.group(1)) >= REQUESTS, run.stdout[-500:]
    assert is_ready(address) or time.sleep(5) or is_ready(address)
    answer = httpx.post(f"{address}/sdapi/v1/txt2img", json={"steps": 2}, timeout=30)
    assert answer.status_code == 200 and answer.json()["images"]
