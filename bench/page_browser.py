"""What the page's benchmarks share: a server until it answers, a browser that knows nothing of it,
and the CPU of all its processes. Knows nothing of what is measured. Needs Linux's /proc.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
from playwright.sync_api import Browser, Page, ViewportSize

from bench import harness

DESK: ViewportSize = {"width": 1280, "height": 900}

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
})();
"""


@contextmanager
def serving(command: list[str], address: str) -> Iterator[int]:
    """A server, from when it answers; its process id."""

    def answers() -> bool:
        try:
            return httpx.get(address, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    with harness.started([sys.executable, *command]) as (process, _):
        harness.wait_until(answers, process, 180)
        yield process.pid


@contextmanager
def serving_built_in(folder: str, port: int) -> Iterator[str]:
    """The whole program with the model that it brings along, its worker ready; the address."""
    url = f"http://127.0.0.1:{port}"
    command = ["webui.py", "--data-dir", folder, "--port", str(port)]
    with serving(command, f"{url}/easel/v1/status"):
        while httpx.get(f"{url}/easel/v1/status", timeout=30).json()["worker"] != "ready":
            time.sleep(0.2)
        yield url


@contextmanager
def cold_page(browser: Browser, *scripts: str) -> Iterator[Page]:
    """A tab of a profile that knows nothing; `scripts` run before those of the page."""
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(30_000)
    for script in (_WATCH, *scripts):
        context.add_init_script(script)
    try:
        yield context.new_page()
    finally:
        context.close()


def go(page: Page, address: str) -> float:
    """Open it; seconds until it said that it was ready."""
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.benchReady !== undefined", polling=50)
    return page.evaluate("window.benchReady") / 1000


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
