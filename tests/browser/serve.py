"""Starts Easel as webui.py does, with the painter of tests/unit/jobs in place of the engine.

Run as `python -m tests.browser.serve [flags of Easel]`.
"""

import sys
from functools import partial

import webui
from modules import app

PAINTER = [sys.executable, "-m", "tests.unit.jobs.fake_worker"]

if __name__ == "__main__":
    app.build_app = partial(app.build_app, worker_command=PAINTER)
    sys.exit(webui.main(sys.argv[1:]))
