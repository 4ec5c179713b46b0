"""How long each control of the page takes from the input to what is drawn (Event Timing, as for
INP).

Knows no control by name: it finds those that are seen. What was slow is tried again alone, each
time on a page that was just opened: the machine or the control before it may have been the cause.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from bench.harness import Figure
from bench.page_browser import cold_page, go

BOUND = 100.0  # ms
NAMED = 12  # the slowest controls are named
ALONE = 20  # at most so many of them are tried again alone
AGAIN = 3  # times
EVERYWHERE = "page"  # in place of a tab: what stands beside all of them
SHORTEST = 16.0  # ms; the browser tells nothing that is shorter

_LISTEN = """
window.benchSlow = [];
window.benchEvents = new PerformanceObserver((list) => window.benchSlow.push(...list.getEntries()));
window.benchEvents.observe({ type: "event", durationThreshold: 16, buffered: true });
"""
_CONTROLS = """
() => {
  for (const each of document.querySelectorAll("[data-bench]")) delete each.dataset.bench;
  const wanted = 'button, [role="tab"], input, textarea, select, summary, label.toggle';
  const found = [];
  for (const element of document.querySelectorAll(wanted)) {
    const box = element.getBoundingClientRect();
    const hidden = !element.offsetParent || box.width < 2 || box.height < 2 || element.disabled;
    if (hidden || element.closest("dialog") || element.type === "file") continue;
    if (element.type === "color") continue;  // opens the system's own window
    const owner = element.closest('[id]:not([id^="html-"])');  // those are others on each page
    element.dataset.bench = found.length;
    found.push({
      number: found.length,
      owner: owner ? owner.id : "",
      words: (element.ariaLabel || element.textContent || element.type || "").trim().slice(0, 30),
      kind: element.role === "tab" ? "tab" : element.type || element.tagName.toLowerCase(),
      within: Boolean(element.closest("[role=tabpanel]")),
    });
  }
  return found;
}
"""
# Where it may be clicked; null where it is not seen, or something else lies over it.
_PLACE = """
async (number) => {
  const element = document.querySelector(`[data-bench="${number}"]`);
  if (!element?.offsetParent) return null;
  element.scrollIntoView({ block: "center", behavior: "instant" });
  await new Promise(requestAnimationFrame);
  const box = element.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const there = document.elementFromPoint(x, y);
  return there && (element.contains(there) || there.contains(element)) ? [x, y] : null;
}
"""
# Also what opens only when the server has answered, and so after Escape.
_CLOSE = """
() => {
  for (const each of document.querySelectorAll("dialog[open]")) each.close();
  for (const each of document.querySelectorAll('.ez-drawer [aria-label="Close"]'))
    if (each.offsetParent) each.click();
}
"""
_FOCUS = """(number) => document.querySelector(`[data-bench="${number}"]`).focus()"""
# Entries are there once what they waited for was drawn.
_TAKEN = """
async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
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
    """One control that is seen. `number` finds it until the page is asked again what is seen."""

    tab: str
    number: int
    owner: str
    words: str
    kind: str

    @property
    def is_tab(self) -> bool:
        return self.kind == "tab"

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
            for control, took in of_tab(page, tab, set(first)):
                first[control.name] = took
                if took > BOUND:
                    slow[control.name] = control
    slowest = sorted(slow, key=lambda name: -first[name])[:ALONE]
    return first, {name: alone(browser, address, slow[name]) for name in slowest}


def of_tab(page: Page, tab: str, tried: set[str]) -> Iterator[tuple[Control, float]]:
    """ms of each control of a tab: what is seen at first, then what the tabs within it show."""
    inner = [each for each in opened(page, tab) if each.is_tab]
    yield from _of_what_is_seen(page, tab, tried)
    for known in inner:
        now = {each.name: each for each in opened(page, tab)}
        if known.name in tried or known.name not in now:
            continue
        tried.add(known.name)
        if (took := react(page, now[known.name])) is not None:
            yield known, took
        if known.tab == tab:  # one of the page's own shows what comes in its turn
            yield from _of_what_is_seen(page, tab, tried)


def _of_what_is_seen(page: Page, tab: str, tried: set[str]) -> Iterator[tuple[Control, float]]:
    for control in seen(page, tab):
        if not control.is_tab and control.name not in tried:
            tried.add(control.name)
            if (took := quickest(page, control)) is not None:
                yield control, took


def opened(page: Page, tab: str) -> list[Control]:
    """What is seen once the tab was opened."""
    page.evaluate(_CLOSE)
    page.get_by_role("tab", name=tab, exact=True).first.dispatch_event("click")
    there, before = -1, -2
    while there != before:  # a tab may be filled only now
        page.wait_for_timeout(600)
        there, before = len(page.evaluate(_CONTROLS)), there
    return seen(page, tab)


def seen(page: Page, tab: str) -> list[Control]:
    """What is seen now and may be tried."""
    found = [
        Control(tab=tab if each.pop("within") else EVERYWHERE, **each)
        for each in page.evaluate(_CONTROLS)
    ]
    return [each for each in found if not any(word in each.name.lower() for word in AVOIDED)]


def alone(browser: Browser, address: str, control: Control) -> list[float]:
    """ms of one control, each time the first that is touched on a page that has come to rest."""
    took: list[float] = []
    with cold_page(browser, _LISTEN) as page:
        for _ in range(AGAIN):
            go(page, address)
            there = seen(page, "") if control.tab == EVERYWHERE else opened(page, control.tab)
            page.wait_for_timeout(1000)
            same = [each for each in there if each.name == control.name]
            took += [ms for each in same[:1] if (ms := react(page, each)) is not None]
    return took


def quickest(page: Page, control: Control) -> float | None:
    """ms of one control; where that is slow, the least of some goes: the machine has other work."""
    took = react(page, control)
    for _ in range(AGAIN - 1):
        if took is None or took <= BOUND:
            break
        took = min(took, react(page, control) or took)
    return took


def react(page: Page, control: Control) -> float | None:
    """ms of one control; None where it is not to be reached any more."""
    place = page.evaluate(_PLACE, control.number)
    if place is None:
        page.evaluate(_CLOSE)  # what a control before has opened
        place = page.evaluate(_PLACE, control.number)
    if place is None:
        return None
    page.evaluate("window.benchEvents.takeRecords(), window.benchSlow.length = 0")
    if control.kind == "range":
        page.evaluate(_FOCUS, control.number)
        page.keyboard.press("ArrowRight")
    else:
        page.mouse.click(*place)
    if control.kind in ("textarea", "text", "search", "number"):
        page.keyboard.press("1")
    took = page.evaluate(_TAKEN)
    page.keyboard.press("Escape")
    return max(took, default=SHORTEST)


def figures(first: dict[str, float], again: Mapping[str, Sequence[float]]) -> list[Figure]:
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
