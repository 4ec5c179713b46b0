"""What the page costs, in a real Chromium: `python -m bench.page`.

1. Ready: from an empty profile to `body[data-easel-ready]`, against an empty `gr.Blocks` page that
   the same Gradio serves in the same run. CPU is that of all of the browser's processes.
2. Reaction: each control that is seen is clicked (text: typed into; sliders: moved by a key), and
   the browser tells how long the click took until it was drawn (Event Timing, as for INP).
3. Answers: the page's cheap calls while a picture is made, against those at rest.
4. Idle: the open page for 20 s; CPU of the server, and connections that it holds.

1, 2 and 4 run with the tests' painter in place of the engine; 3 with the real one and the built-in
model.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

from bench import harness
from bench.harness import Figure, Sample, interleave, measure_call, parser, report
from tests.conftest import find_chromium

READY_BOUND = 1.5
REACTION_BOUND = 100.0  # ms
ANSWER_BOUND = 2.0
IDLE_SECONDS = 20.0
SLOWEST = 12  # controls that are named
DESK = {"width": 1280, "height": 900}
EMPTY = "window.easelEmpty"

# Seen from within, so that no polling from outside disturbs.
_WATCH = """
(() => {
  const seen = () => {
    if (document.body?.dataset.easelReady === undefined) return false;
    window.benchReady = performance.now();
    return true;
  };
  if (!seen()) {
    const observer = new MutationObserver(() => seen() && observer.disconnect());
    observer.observe(document, { childList: true, subtree: true, attributes: true });
  }
  window.benchSlow = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.interactionId) window.benchSlow.push([entry.name, entry.duration]);
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
})();
"""
_CONTROLS = """
() => {
  const wanted = 'button, [role="tab"], input, textarea, select, summary, label.toggle';
  const found = [];
  for (const element of document.querySelectorAll(wanted)) {
    const box = element.getBoundingClientRect();
    const hidden = !element.offsetParent || box.width < 2 || box.height < 2 || element.disabled;
    if (hidden || element.closest("dialog") || element.type === "file") continue;
    if (element.type === "color") continue;  // opens the system's own window
    const owner = element.closest("[id]");
    element.dataset.bench = found.length;
    found.push([
      found.length,
      owner ? owner.id : "",
      (element.ariaLabel || element.textContent || element.type || "").trim().slice(0, 30),
      element.type || element.tagName.toLowerCase(),
    ]);
  }
  return found;
}
"""
# What leads away from the page, opens the system's own windows or starts work without end.
AVOIDED = (
    "forever",
    "upload",
    "download",
    "webcam",
    "reload",
    "restart",
    "file",
    "logout",
    "folder",
)


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


@contextmanager
def serving(command: list[str], address: str) -> Iterator[int]:
    """A server until it answers; its process id."""

    def answers() -> bool:
        try:
            return httpx.get(address, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    with harness.started([sys.executable, *command]) as (process, _):
        harness.wait_until(answers, process, 180)
        yield process.pid


def browser_seconds() -> float:
    """CPU of all processes below this one that are Chromium's."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            if "chrom" in child.name():
                total += harness.cpu_seconds(child.pid)
        except (psutil.NoSuchProcess, FileNotFoundError):
            pass
    return total


@contextmanager
def cold_page(browser: Browser) -> Iterator[Page]:
    """A tab of a profile that knows nothing."""
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    context.set_default_timeout(30_000)
    context.add_init_script(_WATCH)
    try:
        yield context.new_page()
    finally:
        context.close()


def open_cold(browser: Browser, address: str) -> Sample:
    """Seconds from navigation to ready, and the browser's CPU for it."""
    with cold_page(browser) as page:
        before = browser_seconds()
        wall = go(page, address)
        return Sample(browser_seconds() - before, wall)


def go(page: Page, address: str) -> float:
    """Open it; seconds until it said that it was ready."""
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.benchReady !== undefined", polling=50)
    return page.evaluate("window.benchReady") / 1000


def reactions(page: Page) -> dict[str, float]:
    """ms from input to drawn, by control, over all tabs; the longest where one is tried twice."""
    told: dict[str, float] = {}
    tabs = page.locator("#tabs > .tab-wrapper [role=tab]").all_text_contents()
    for tab in dict.fromkeys(name.strip() for name in tabs if name.strip()):
        page.get_by_role("tab", name=tab, exact=True).first.click()
        page.wait_for_timeout(500)
        for number, owner, words, kind in page.evaluate(_CONTROLS):
            name = f"{tab} / {owner or '?'} {words}".strip()
            if any(word in name.lower() for word in AVOIDED):
                continue
            took = react(page, number, kind)
            if took is not None:
                told[name] = max(took, told.get(name, 0.0))
        page.evaluate(
            "document.querySelectorAll('[data-bench]').forEach(e => delete e.dataset.bench)"
        )
    return told


def react(page: Page, number: int, kind: str) -> float | None:
    """ms of one control; None where it is not to be reached any more."""
    element = page.locator(f'[data-bench="{number}"]')
    page.evaluate("window.benchSlow.length = 0")
    try:
        if kind == "range":
            element.focus(timeout=1000)
            page.keyboard.press("ArrowRight")
        else:
            element.click(timeout=1000)
        if kind in ("textarea", "text", "search", "number"):
            page.keyboard.press("1")
    except BrowserError:
        return None
    finally:
        page.wait_for_timeout(60)  # the entry comes after the drawing
        page.keyboard.press("Escape")  # closes what a click has opened
    slow = page.evaluate("window.benchSlow.map((entry) => entry[1])")
    return max(slow, default=16.0)  # the browser tells nothing that is shorter


def answer_times(url: str, pairs: int) -> list[Figure]:
    """Wall and CPU of the page's cheap calls, at rest and while a picture is made, in turn."""
    told = []
    with httpx.Client(base_url=url, timeout=60) as client:
        calls: dict[str, Callable[[], Any]] = {
            "status": partial(client.get, "/easel/v1/status"),
            "jobs": partial(client.get, "/easel/v1/jobs?limit=20"),
            "token count": partial(client.get, "/easel/v1/tokens", params={"text": "a red barn"}),
        }
        calls = {name: call for name, call in calls.items() if call().status_code == 200}
        rest: dict[str, list[float]] = {name: [] for name in calls}
        busy: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(pairs):
            for name, call in calls.items():
                rest[name] += [measure_call(call).wall for _ in range(30)]
            wish = {"prompt": "a red barn", "steps": 150, "width": 64, "height": 64, "n_iter": 50}
            job = client.post("/easel/v1/jobs", json={"request": wish}).json()["id"]
            while client.get(f"/easel/v1/jobs/{job}").json()["step"] < 2:
                time.sleep(0.05)
            for name, call in calls.items():
                busy[name] += [measure_call(call).wall for _ in range(30)]
            client.post(f"/easel/v1/jobs/{job}/cancel")
            while client.get(f"/easel/v1/jobs/{job}").json()["state"] in ("queued", "running"):
                time.sleep(0.05)
        for name in calls:
            ratio = statistics.median(busy[name]) / statistics.median(rest[name])
            note = (
                f"median {1000 * statistics.median(busy[name]):.1f} ms against "
                f"{1000 * statistics.median(rest[name]):.1f} ms at rest"
            )
            told.append(
                Figure(
                    f"answer of {name} while a picture is made",
                    ratio,
                    "x",
                    None,
                    ANSWER_BOUND,
                    note,
                )
            )
    return told


def idle(page: Page, pid: int) -> list[Figure]:
    """The open page, untouched."""
    page.wait_for_timeout(8000)  # connections that were kept alive have ended
    before, browser = harness.cpu_seconds(pid), browser_seconds()
    page.wait_for_timeout(1000 * IDLE_SECONDS)
    used = harness.cpu_seconds(pid) - before
    shown = browser_seconds() - browser
    held = [
        connection
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED
    ]
    how = f"over {IDLE_SECONDS:.0f} s; the whole browser {shown:.2f} CPU s"
    return [
        Figure(
            "server's CPU, page open and untouched", 100 * used / IDLE_SECONDS, "%", None, 1, how
        ),
        Figure("connections held by the idle page", float(len(held)), "", None, 0),
    ]


def figures(given: argparse.Namespace) -> list[Figure]:
    from tests.browser.canvas_driver import FLAGS
    from tests.browser.servers import free_port

    ports = [free_port() for _ in range(3)]
    ours, empty, real = (f"http://127.0.0.1:{port}" for port in ports)
    found = find_chromium()
    if found is None:
        raise SystemExit("no Chromium is found; name one in EASEL_CHROMIUM")
    told: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        painted = ["-m", "tests.browser.serve", "--api", "--data-dir", f"{folder}/a"]
        with (
            serving([*painted, "--port", str(ports[0])], ours) as pid,
            serving(["-m", "bench.page", "--serve-empty", str(ports[1])], empty),
        ):
            browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
            open_cold(browser, ours), open_cold(browser, empty)
            pairs = interleave(
                lambda: open_cold(browser, ours), lambda: open_cold(browser, empty), given.pairs
            )
            told.append(pairs.figure("page ready, CPU of the browser", READY_BOUND))
            told.append(Figure("page ready, wall", pairs.wall_ratio, "x", None, READY_BOUND))
            if not given.only_ready:
                with cold_page(browser) as page:
                    go(page, ours)
                    told += idle(page, pid)
                    told += reaction_figures(reactions(page))
            browser.close()
        if not given.only_ready:
            command = ["webui.py", "--data-dir", f"{folder}/b", "--port", str(ports[2])]
            with serving(command, f"{real}/easel/v1/status"):
                while httpx.get(f"{real}/easel/v1/status").json()["worker"] != "ready":
                    time.sleep(0.2)
                told += answer_times(real, given.pairs)
    return told


def reaction_figures(took: dict[str, float]) -> list[Figure]:
    """How many are slow, the middle one, and the slowest by name."""
    ordered = sorted(took.items(), key=lambda item: -item[1])
    slow = sum(ms > REACTION_BOUND for ms in took.values())
    middle = statistics.median(took.values())
    return [
        Figure("reaction, the middle control", middle, "ms", None, REACTION_BOUND),
        Figure(f"controls slower than 100 ms, of {len(took)}", float(slow), "", None, 0),
        *[
            Figure(f"reaction: {name}", ms, "ms", None, REACTION_BOUND)
            for name, ms in ordered[:SLOWEST]
        ],
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only-ready", action="store_true", help="the first question alone")
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
