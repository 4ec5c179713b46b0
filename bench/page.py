"""What the page costs, in a real Chromium: `python -m bench.page`, or some of it with --only.

ready      From an empty profile to `body[data-easel-ready]`, against an empty `gr.Blocks` page that
           the same Gradio serves in the same run. CPU is that of all of the browser's processes.
reaction   Each control that is seen is clicked (text: typed into; sliders: moved by a key), and the
           browser tells how long that took until it was drawn (page_reactions.py).
answers    The page's cheap calls while a picture is made, against those at rest.
idle       The open page for 20 s: CPU of the server and the browser, connections that it holds.
interrupt  From the click on Interrupt to the picture that is shown (page_interrupt.py).

ready, reaction and idle run with the tests' painter in place of the engine; the others with the
real one and the built-in model.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from bench import harness, page_interrupt, page_reactions
from bench.harness import Figure, Sample, interleave, measure_call, parser, report
from bench.page_browser import browser_seconds, cold_page, go, serving, serving_built_in
from tests.conftest import find_chromium

PARTS = ("ready", "reaction", "answers", "idle", "interrupt")
READY_BOUND = 1.5
ANSWER_BOUND = 2.0
IDLE_SECONDS = 20.0
KEPT_ALIVE = 32.0  # seconds; connections of the start have ended then (--timeout-keep-alive)
CALLS = 30  # of each kind, at rest and beside a job, in each round


def serve_empty(port: int) -> None:
    """The reference: one empty page of Gradio's, mounted as Easel's is, until it is ended."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    with gr.Blocks(analytics_enabled=False) as blocks:
        blocks.load(None, None, None, js="() => { document.body.dataset.easelReady = '' }")
    web = gr.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False)
    uvicorn.run(web, port=port, log_level="warning")


def open_cold(browser: Browser, address: str) -> Sample:
    """Seconds from navigation to ready, and the browser's CPU for it."""
    with cold_page(browser) as page:
        before = browser_seconds()
        wall = go(page, address)
        return Sample(browser_seconds() - before, wall)


def ready(browser: Browser, ours: str, pairs: int) -> list[Figure]:
    """Our page against an empty one."""
    from tests.browser.servers import free_port

    port = free_port()
    empty = f"http://127.0.0.1:{port}"
    with serving(["-m", "bench.page", "--serve-empty", str(port)], empty):
        open_cold(browser, ours), open_cold(browser, empty)
        taken = interleave(
            lambda: open_cold(browser, ours), lambda: open_cold(browser, empty), pairs
        )
    return [
        taken.figure("page ready, CPU of the browser", READY_BOUND),
        Figure("page ready, wall", taken.wall_ratio, "x", None, READY_BOUND),
    ]


def answers(url: str, rounds: int) -> list[Figure]:
    """Wall time of the page's cheap calls, at rest and while a picture is made, in turn. An answer
    that is an error is one here too.
    """
    with httpx.Client(base_url=url, timeout=60) as client:

        def get(path: str) -> Callable[[], httpx.Response]:
            return lambda: client.get(path).raise_for_status()

        def post(path: str, body: object) -> httpx.Response:
            return client.post(path, json=body).raise_for_status()

        wish = {"prompt": "a red barn", "steps": 150, "width": 64, "height": 64, "n_iter": 50}
        calls: dict[str, Callable[[], object]] = {
            "status": get("/easel/v1/status"),
            "jobs": get("/easel/v1/jobs?limit=20&brief=true"),
            "token count": lambda: post("/easel/v1/tokens", {"text": "a red barn", "styles": []}),
        }
        rest: dict[str, list[float]] = {name: [] for name in (*calls, "its own state")}
        busy: dict[str, list[float]] = {name: [] for name in rest}

        def measure(job: str, into: dict[str, list[float]]) -> None:
            asked = {**calls, "its own state": get(f"/easel/v1/jobs/{job}?brief=true&look=true")}
            for name, call in asked.items():
                into[name] += [measure_call(call).wall for _ in range(CALLS)]

        for _ in range(rounds):
            job = post("/easel/v1/jobs", {"request": wish}).json()["id"]
            while get(f"/easel/v1/jobs/{job}")().json()["step"] < 2:
                time.sleep(0.05)
            measure(job, busy)
            post(f"/easel/v1/jobs/{job}/cancel", {})
            while get(f"/easel/v1/jobs/{job}")().json()["state"] in ("queued", "running"):
                time.sleep(0.05)
            measure(job, rest)
    return [_answer(name, busy[name], rest[name]) for name in rest]


def _answer(name: str, busy: list[float], rest: list[float]) -> Figure:
    beside, alone = 1000 * statistics.median(busy), 1000 * statistics.median(rest)
    tenth = 1000 * statistics.quantiles(busy, n=10)[-1]
    note = f"median {beside:.1f} ms against {alone:.1f} ms at rest; 9 of 10 within {tenth:.1f} ms"
    label = f"answer while a picture is made / at rest: {name}"
    return Figure(label, beside / alone, "x", None, ANSWER_BOUND, note)


def idle(page: Page, pid: int) -> list[Figure]:
    """The open page, untouched."""
    page.wait_for_timeout(1000 * KEPT_ALIVE)
    before, browser = harness.cpu_seconds(pid), browser_seconds()
    held: list[int] = []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(int(IDLE_SECONDS)):
        page.wait_for_timeout(1000)
        open_now = psutil.Process(pid).net_connections("tcp")
        held.append(sum(each.status == psutil.CONN_ESTABLISHED for each in open_now))
    used = harness.cpu_seconds(pid) - before
    shown = browser_seconds() - browser
    how = f"over {IDLE_SECONDS:.0f} s; {len(asked)} requests"
    return [
        Figure("server's CPU, page open and untouched", _share(used), "%", None, 1, how),
        Figure("browser's CPU, page open and untouched", _share(shown), "%", None, 1, how),
        Figure("connections held by the idle page", statistics.median(held), "", None, 0),
    ]


def _share(seconds: float) -> float:
    return 100 * seconds / IDLE_SECONDS


@contextlib.contextmanager
def painted(folder: str) -> Iterator[tuple[str, int]]:
    """The whole program with the tests' painter: address and process id."""
    from tests.browser.servers import free_port

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    flags = ["--api", "--data-dir", f"{folder}/painted", "--port", str(port)]
    with serving(["-m", "tests.browser.serve", *flags], url) as pid:
        yield url, pid


def figures(given: argparse.Namespace) -> list[Figure]:
    from tests.browser.canvas_driver import FLAGS
    from tests.browser.servers import free_port

    found = find_chromium()
    if found is None:
        raise SystemExit("no Chromium is found; name one in EASEL_CHROMIUM")
    parts = given.only or PARTS
    told: list[Figure] = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        stack.callback(browser.close)
        if {"ready", "reaction", "idle"} & set(parts):
            with painted(folder) as (url, pid):
                if "ready" in parts:
                    told += ready(browser, url, given.pairs)
                if "idle" in parts:
                    with cold_page(browser) as page:
                        go(page, url)
                        told += idle(page, pid)
                if "reaction" in parts:
                    told += page_reactions.figures(*page_reactions.reactions(browser, url))
        if {"answers", "interrupt"} & set(parts):
            with serving_built_in(f"{folder}/real", free_port()) as url:
                if "answers" in parts:
                    told += answers(url, given.pairs)
                if "interrupt" in parts:
                    told += page_interrupt.figures(browser, url, given.pairs)
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", action="append", choices=PARTS, help="this part (repeatable)")
    options.add_argument("--serve-empty", type=int, metavar="PORT", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve_empty:
        serve_empty(given.serve_empty)
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # its servers end with it
        Path("/proc/self/status").exists() or sys.exit("needs Linux's /proc")
        report(figures(given), given.json)


if __name__ == "__main__":
    main()
