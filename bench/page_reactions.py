"""How long each control of the page takes from the input to what is drawn (Event Timing, as for
INP).

Knows no control by name: it finds those that are seen. What was slow is tried again alone, each
time on a page that was just opened: the machine or the control before it may have been the cause.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as BrowserError

from bench.harness import Figure
from bench.page_browser import cold_page, go

BOUND = 100.0  # ms
NAMED = 12  # the slowest controls are named, and at most so many are tried again
AGAIN = 3  # times
SHORTEST = 16.0  # ms; the browser tells nothing that is shorter
_CLICK = 400  # ms until a control counts as covered

_LISTEN = """
window.benchSlow = [];
window.benchEvents = new PerformanceObserver((list) => window.benchSlow.push(...list.getEntries()));
window.benchEvents.observe({ type: "event", durationThreshold: 16, buffered: true });
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
    found.push({
      number: found.length,
      owner: owner ? owner.id : "",
      words: (element.ariaLabel || element.textContent || element.type || "").trim().slice(0, 30),
      kind: element.type || element.tagName.toLowerCase(),
    });
  }
  return found;
}
"""
_FORGET = "document.querySelectorAll('[data-bench]').forEach((each) => delete each.dataset.bench)"
# Entries are there once what they waited for was drawn.
_TAKEN = """
async () => {
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  await new Promise((go) => setTimeout(go, 20));
  window.benchSlow.push(...window.benchEvents.takeRecords());
  const took = window.benchSlow.filter((entry) => entry.interactionId);
  window.benchSlow.length = 0;
  return took.map((entry) => entry.duration);
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


@dataclass(frozen=True)
class Control:
    """One control that is seen. `number` finds it on the page of which it was told."""

    tab: str
    number: int
    owner: str
    words: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.tab} / {self.owner or '?'} {self.words}".strip()


def reactions(browser: Browser, address: str) -> tuple[dict[str, float], dict[str, list[float]]]:
    """ms by the control's name: of all, one after the other over all tabs; and of the slow ones,
    each alone on a new page.
    """
    first: dict[str, float] = {}
    slow: dict[str, Control] = {}
    with cold_page(browser, _LISTEN) as page:
        go(page, address)
        bar = page.locator("#tabs > .tab-wrapper [role=tab]")
        tabs = dict.fromkeys(name.strip() for name in bar.all_text_contents() if name.strip())
        for tab in tabs:
            for control in controls_of(page, tab):
                took = react(page, control)
                if took is None:
                    continue
                first[control.name] = max(took, first.get(control.name, 0.0))
                if took > BOUND:
                    slow[control.name] = control
            page.evaluate(_FORGET)
    slowest = sorted(slow, key=lambda name: -first[name])[:NAMED]
    return first, {name: alone(browser, address, slow[name]) for name in slowest}


def controls_of(page: Page, tab: str) -> list[Control]:
    """Those of an opened tab that may be tried."""
    page.get_by_role("tab", name=tab, exact=True).first.click()
    page.wait_for_timeout(500)
    found = [Control(tab=tab, **each) for each in page.evaluate(_CONTROLS)]
    return [each for each in found if not any(word in each.name.lower() for word in AVOIDED)]


def alone(browser: Browser, address: str, control: Control) -> list[float]:
    """ms of one control, each time the first that is touched on a page that has come to rest."""
    took: list[float] = []
    with cold_page(browser, _LISTEN) as page:
        for _ in range(AGAIN):
            go(page, address)
            there = controls_of(page, control.tab)
            page.wait_for_timeout(1500)
            same = [each for each in there if each.name == control.name]
            took += [ms for each in same[:1] if (ms := react(page, each)) is not None]
    return took


def react(page: Page, control: Control) -> float | None:
    """ms of one control; None where it is not to be reached any more."""
    element = page.locator(f'[data-bench="{control.number}"]')
    page.evaluate(_TAKEN)
    try:
        if control.kind == "range":
            element.focus(timeout=_CLICK)
            page.keyboard.press("ArrowRight")
        else:
            element.click(timeout=_CLICK)
        if control.kind in ("textarea", "text", "search", "number"):
            page.keyboard.press("1")
        took = page.evaluate(_TAKEN)
    except BrowserError:
        return None
    finally:
        page.keyboard.press("Escape")  # closes what a click has opened
    return max(took, default=SHORTEST)


def figures(first: dict[str, float], again: dict[str, Sequence[float]]) -> list[Figure]:
    """How many are slow, also when tried alone, the middle one, and the slowest by name."""
    slow = [name for name, ms in first.items() if ms > BOUND]
    # One that could not be tried again stays slow; so do those for which there was no time.
    still = [name for name in slow if statistics.median(again.get(name) or [first[name]]) > BOUND]
    named = sorted(first, key=lambda name: -first[name])[:NAMED]
    return [
        Figure(
            "reaction, the middle control",
            statistics.median(first.values()),
            "ms",
            None,
            BOUND,
            f"of {len(first)} controls",
        ),
        Figure("controls slower than 100 ms, one after the other", float(len(slow)), ""),
        Figure("controls slower than 100 ms, also alone", float(len(still)), "", None, 0),
        *[
            Figure(f"reaction: {name}", first[name], "ms", None, None, _again(again.get(name, ())))
            for name in named
        ],
    ]


def _again(took: Sequence[float]) -> str:
    return "alone " + ", ".join(f"{ms:.0f}" for ms in took) + " ms" if took else ""
