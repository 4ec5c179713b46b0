"""The server without its doors, as a process that a test may kill: `... DATA_DIR fake|real`.

It ends by itself, with code 0, when no job waits or runs any more.
"""

from __future__ import annotations

import sys
import time

from modules.app import WORKER, build_app
from modules.flags import parse
from modules.jobs.job import JobState
from tests.unit.jobs.house import FAKE


def serve(folder: str, worker: str) -> None:
    flags = parse(["--data-dir", folder, "--use-cpu", "all"], {})
    app = build_app(flags, worker_command=FAKE if worker == "fake" else WORKER)
    app.start()
    # One look at both states: between two looks a waiting job can begin and be in neither.
    while app.jobs.list(states=(JobState.QUEUED, JobState.RUNNING), limit=1):
        time.sleep(0.02)
    app.close()


if __name__ == "__main__":
    serve(*sys.argv[1:])
