"""Jobs under fire: kills worker and server at random moments, then looks at what is there."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from modules.app import App, build_app
from modules.flags import parse
from modules.generation.request import Request
from modules.jobs.job import JobView
from tests.unit.jobs.house import ROOT

_LONGEST_WAIT = 300.0  # seconds for one more picture, on a machine that does much else
Pictures = dict[tuple[int, int], str]  # (number of the job, index) -> sha256 of the file


def closed_app(folder: Path) -> App:
    """The App over `folder`, to put jobs in or to look; not started."""
    return build_app(parse(["--data-dir", str(folder)], {}))


def submit_all(folder: Path, wishes: list[Request]) -> list[str]:
    app = closed_app(folder)
    try:
        return [app.submit(wish) for wish in wishes]
    finally:
        app.close()


def run_to_the_end(folder: Path, worker: str, *, kills: int, chance: random.Random) -> int:
    """Serve until all is done, with that many kills on the way; how many there were.

    A kill comes up to 0.2 s after a picture was finished since the last one, so that no job is
    ever to blame for two deaths of its worker.
    """
    done = 0
    server = _serve(folder, worker)
    while True:
        if done < kills and _one_more_picture(folder, server):
            time.sleep(chance.uniform(0, 0.2))
            done += _kill_one(server, chance)
        else:
            server.wait(_LONGEST_WAIT)
        if server.poll() == 0:
            return done
        if server.poll() is not None:
            assert server.returncode == -signal.SIGKILL, "the server ended by itself"
            server = _serve(folder, worker)


def pictures_of(views: list[JobView], app: App) -> Pictures:
    return {
        (number, item.index): hashlib.sha256(
            app.jobs.image_bytes(view.id, item.index)[0]
        ).hexdigest()
        for number, view in enumerate(views)
        for item in view.items
    }


def picture_files(folder: Path) -> list[Path]:
    """Every file in the output folders, whatever its name."""
    found = (folder / "outputs").rglob("*")
    return [path for path in found if path.is_file() and not path.name.startswith("grid-")]


def _serve(folder: Path, worker: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.unit.jobs.app_process", str(folder), worker]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def _kill_one(server: subprocess.Popen[bytes], chance: random.Random) -> int:
    """Kill the server or its worker; 0 where there was nothing left to kill. A worker whose server
    is gone must end by itself.
    """
    try:
        process = psutil.Process(server.pid)
        workers = process.children()
        victim = chance.choice([process, *workers])
        victim.kill()
    except psutil.NoSuchProcess:
        return 0
    if victim is process:
        server.wait()
        deadline = time.monotonic() + 30
        while any(_is_alive(worker) for worker in workers):
            assert time.monotonic() < deadline, "a worker without a server goes on"
            time.sleep(0.005)
    return 1


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _one_more_picture(folder: Path, server: subprocess.Popen[bytes]) -> bool:
    """Wait for it; False where the server ended first."""
    before = len(picture_files(folder))
    deadline = time.monotonic() + _LONGEST_WAIT
    while len(picture_files(folder)) <= before:
        if server.poll() is not None:
            return False
        assert time.monotonic() < deadline, "no picture came"
        time.sleep(0.005)
    return True
