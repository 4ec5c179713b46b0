"""From the click on Interrupt to the picture that is shown, against what it may take: the longest
step, one decode, and one pause between two looks of the page.

With the real engine and the built-in model, at a size whose step takes about 0.3 s. The time from
the last step to the kept file, of whole jobs, counts as the decode. Wall time, within one run.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import Browser, Page

from bench.harness import Figure, median
from bench.page_browser import cold_page, go

GOAL_STEP = 0.3  # seconds
POLL = 0.2  # seconds between two looks of the page at a job that is stopping (results.js: SOON)
_LOOK = 0.02  # seconds between two looks of this benchmark
PROMPT = "a red barn on a hill"

# The moment of the click, and of the frame after the picture of this job was loaded.
_WATCH = """
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#txt2img_interrupt")) window.benchClick = performance.now();
}, true);
document.addEventListener("load", (event) => {
  if (!event.target.matches?.("#txt2img_gallery img") || !event.target.offsetParent) return;
  const job = event.target.src.match(/jobs\\/([^/]+)\\/images/)?.[1];
  if (job) requestAnimationFrame(() => { (window.benchShown ??= {})[job] ??= performance.now(); });
}, true);
"""


class Steps:
    """How a running job goes, looked at from beside the page: when which step was seen."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.job = ""
        self.seen: list[tuple[float, int]] = []  # perf_counter seconds, step
        self.ended = 0.0

    def watch(self, job: str) -> None:
        """Up to the job's end."""
        self.job = job
        while True:
            told = self._client.get(f"/easel/v1/jobs/{job}?brief=true").json()
            now = time.perf_counter()
            if told["step"] and (not self.seen or told["step"] != self.seen[-1][1]):
                self.seen.append((now, told["step"]))
            if told["state"] not in ("queued", "running"):
                self.ended = now
                assert told["state"] == "done", f"job {job} is {told['state']}: {told['error']}"
                return
            time.sleep(_LOOK)

    @property
    def longest(self) -> float:
        """Seconds of the longest step; steps that were passed over between two looks share."""
        pairs = zip(self.seen, self.seen[1:], strict=False)
        return max((b - a) / (n - m) for (a, m), (b, n) in pairs if n > m)

    @property
    def after_last(self) -> float:
        """Seconds from the last step to the end."""
        return self.ended - self.seen[-1][0]


def whole(client: httpx.Client, side: int, steps: int) -> Steps:
    """One job that is left alone."""
    wish = {"prompt": PROMPT, "steps": steps, "width": side, "height": side}
    job = client.post("/easel/v1/jobs", json={"request": wish}).raise_for_status().json()["id"]
    watched = Steps(client)
    watched.watch(job)
    return watched


def side_for(client: httpx.Client) -> int:
    """Pixels of a square picture whose step takes about GOAL_STEP."""
    whole(client, 512, 2)  # loads the model
    step = whole(client, 512, 5).longest
    return min(1536, max(256, round(512 * (GOAL_STEP / step) ** 0.5 / 64) * 64))


@contextmanager
def watching(url: str, job: str) -> Iterator[Steps]:
    """A job from beside; its end is waited for on leaving."""
    with httpx.Client(base_url=url, timeout=60) as client:
        steps = Steps(client)
        thread = threading.Thread(target=steps.watch, args=(job,))
        thread.start()
        yield steps
        thread.join()


def interrupted(page: Page, url: str, after: int) -> tuple[float, Steps]:
    """Generate, Interrupt after so many steps and a moment: seconds until the picture was shown."""
    with httpx.Client(base_url=url, timeout=60) as client:
        before = client.get("/easel/v1/jobs?limit=1").json()["total"]
        page.click("#txt2img_generate")
        while (list_ := client.get("/easel/v1/jobs?limit=1").json())["total"] == before:
            time.sleep(_LOOK)
    job = list_["jobs"][0]["id"]
    with watching(url, job) as steps:
        while len(steps.seen) < after:
            page.wait_for_timeout(20)
        page.wait_for_timeout(1000 * GOAL_STEP * random.random())
        page.click("#txt2img_interrupt")
        page.wait_for_function(f"window.benchShown?.['{job}']", polling=50)
    took = page.evaluate(f"window.benchShown['{job}'] - window.benchClick") / 1000
    return took, steps


def figures(browser: Browser, url: str, rounds: int) -> list[Figure]:
    with httpx.Client(base_url=url, timeout=60) as client:
        side = side_for(client)
        decodes = [whole(client, side, 3).after_last for _ in range(3)]
    told, allowed = [], []
    with cold_page(browser, _WATCH) as page:
        go(page, url)
        page.fill("#txt2img_prompt textarea", PROMPT)
        for control, value in (("steps", 100), ("width", side), ("height", side)):
            page.fill(f"#txt2img_{control} input[type=number]", str(value))
            page.press(f"#txt2img_{control} input[type=number]", "Tab")
        for number in range(rounds):
            took, steps = interrupted(page, url, 3 + number % 3)
            told.append(took)
            allowed.append(steps.longest + median(decodes) + POLL)
    ratios = [took / may for took, may in zip(told, allowed, strict=True)]
    over = max(took - may for took, may in zip(told, allowed, strict=True))
    how = (
        f"{rounds} times at {side}x{side}: shown after {median(told):.2f} s, "
        f"at most {max(told):.2f} s; "
        f"step {median(allowed) - median(decodes) - POLL:.2f} s, decode {median(decodes):.2f} s, "
        f"pause {POLL:.1f} s; the worst {1000 * over:+.0f} ms"
    )
    return [
        Figure(
            "Interrupt to picture / (step + decode + look), worst", max(ratios), "x", None, 1, how
        ),
        Figure(
            "Interrupt to picture / (step + decode + look), median", median(ratios), "x", None, 1
        ),
    ]
