"""How much dearer is a stroke on a large picture? Real Chromium, a picture of 2048x2048 against one
of 512x512, the same drags on the screen.

`python -m bench.canvas [--full-size] [--pairs N] [--json FILE]`. Main-thread time per move is
CPU time by the browser's own count (CDP `TaskDuration`), so that a busy machine counts little;
frames are those that the page was offered while the pointer moved. Needs Chromium and Playwright;
nothing leaves the host.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page

from bench.harness import Figure, Sample, interleave, median, parser, quartile_range, report

SIDES = (2048, 512)  # of the picture under test, and of the reference
MOVES = 60
# What is drawn: name, side's share that the brush is wide, layers that lie under it.
DRAGS = (("a fine brush", 1 / 32, 1), ("a broad brush", 1 / 8, 1), ("four layers", 1 / 32, 4))
_WATCH = """() => {
  window.frames_ = [];
  const look = (now) => { frames_.push(now); window.watch_ = requestAnimationFrame(look); };
  window.watch_ = requestAnimationFrame(look);
}"""
_FRAMES = """() => {
  cancelAnimationFrame(watch_);
  return frames_.slice(1).map((now, i) => now - frames_[i]);
}"""
_NOISE = """async (side) => {
  const pixels = new Uint8ClampedArray(side * side * 4);
  const random = (at) => (at * 2654435761) >>> 24;
  for (let at = 0; at < pixels.length; at++) pixels[at] = at % 4 === 3 ? 255 : random(at);
  await canvas.loadImage(await EaselCanvas.encodePng(pixels, side, side));
}"""


@dataclass
class Stage:
    """One page with a canvas of `side` pixels a side, and its frames of the last drags."""

    page: Page
    client: CDPSession
    side: int
    frames: list[float]
    goes: int = 0

    def prepare(self, share: float, layers: int) -> None:
        """The same picture again with so many layers, each with paint all over it."""
        self.page.evaluate(_NOISE, self.side)
        size = round(self.side * share)
        self.page.evaluate("size => canvas.setBrush({size, softness: 0.5, opacity: 0.8})", size)
        for _ in range(layers - 1):
            self.page.evaluate("canvas.setBrush({filled: true}), canvas.setTool('rectangle')")
            self.drag(0.02, 2)
            self.page.evaluate("canvas.addLayer(), canvas.togglePanel(false)")
        self.page.evaluate("canvas.setTool('brush')")
        self.page.evaluate("canvas.flush()")
        self.drag(0.5, MOVES)  # whatever the browser compiles, it has compiled now

    def drag(self, level: float, moves: int) -> None:
        """From corner to corner of a box; `level` 0..1 is where it begins."""
        box = self.page.locator(".ec-view").bounding_box()
        assert box
        left, top, width, height = (box[side] for side in ("x", "y", "width", "height"))
        end = (left + 0.98 * width, top + (0.98 - level / 2) * height)
        self.page.mouse.move(left + 0.02 * width, top + level * height)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=moves)
        self.page.mouse.up()

    def busy(self) -> tuple[float, float]:
        """Seconds of the main thread, and of the clock, so far."""
        found = self.client.send("Performance.getMetrics")["metrics"]
        named = {row["name"]: row["value"] for row in found}
        return named["TaskDuration"], named["Timestamp"]

    def measured(self) -> Sample:
        """Main-thread and wall seconds of one move, over one drag."""
        self.page.evaluate(_WATCH)
        before = self.busy()
        self.goes += 1
        self.drag(self.goes % 10 / 10, MOVES)
        after = self.busy()
        self.frames += self.page.evaluate(_FRAMES)
        return Sample(*((now - then) / MOVES for now, then in zip(after, before, strict=True)))


def measure(stages: tuple[Stage, Stage], pairs: int) -> list[Figure]:
    """Two figures for each kind of drag: main-thread time per move, and the time between frames."""
    figures = []
    for name, share, layers in DRAGS:
        for stage in stages:
            stage.prepare(share, layers)
            stage.frames = []
        taken = interleave(stages[0].measured, stages[1].measured, pairs)
        large, small = (1000 * median(s.cpu for s in of) for of in (taken.a, taken.b))
        note = f"{large:.1f} ms at {SIDES[0]}, {small:.1f} ms at {SIDES[1]}"
        figures.append(
            Figure(f"{name}: main thread per move", large / small, "x", taken.spread, 4, note)
        )
        figures.append(frame_figure(name, stages[0].frames, stages[1].frames))
    return figures


def frame_figure(name: str, large: list[float], small: list[float]) -> Figure:
    """Ratio of the median times between two frames; the note tells the slowest tenth."""
    tenth = [sorted(of)[int(len(of) * 0.9)] for of in (large, small)]
    note = f"median {median(large):.0f} and {median(small):.0f} ms, 9 of 10 within "
    note += " and ".join(f"{each:.0f} ms" for each in tenth)
    ratios = [each / median(small) for each in large]
    return Figure(
        f"{name}: between two frames",
        median(large) / median(small),
        "x",
        quartile_range(ratios),
        1.5,
        note,
    )


def main() -> int:
    from tests.browser.canvas_driver import open_browser
    from tests.browser.canvas_server import bare_page

    options = parser(__doc__).parse_args()
    chromium = os.environ.get("EASEL_CHROMIUM", "/usr/bin/chromium")
    with bare_page({}) as address, open_browser(chromium) as browser:
        stages = []
        for side in SIDES:
            page = browser.new_page(viewport={"width": 700, "height": 900})
            page.goto(f"{address}/?width={side}&height={side}")
            client = page.context.new_cdp_session(page)
            client.send("Performance.enable", {"timeDomain": "threadTicks"})
            stages.append(Stage(page, client, side, []))
        figures = measure((stages[0], stages[1]), options.pairs)
    report(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
