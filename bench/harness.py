"""What all benchmarks share: samples, pairs taken in turn, peak memory, the table and the JSON.

Every result is a ratio within one run, taken A B A B, for a busy machine slows both alike. CPU
seconds are judged, wall seconds reported. It knows nothing of what is measured. POSIX only; memory
needs Linux's /proc.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from modules.generation.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("torch", "gradio", "fastapi", "diffusers", "transformers", "safetensors")
_LOOK = 0.01  # seconds between two looks at a process


@dataclass(frozen=True)
class Sample:
    """What one go took, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Pairs:
    """Samples of A and B that were taken in turn. Ratios are A over B: small is good for A."""

    a: tuple[Sample, ...]
    b: tuple[Sample, ...]

    @property
    def cpu_ratio(self) -> float:
        """Of the medians."""
        return median(s.cpu for s in self.a) / median(s.cpu for s in self.b)

    @property
    def wall_ratio(self) -> float:
        """Of the medians."""
        return median(s.wall for s in self.a) / median(s.wall for s in self.b)

    @property
    def spread(self) -> float:
        """Inter-quartile range of the CPU ratios of single pairs."""
        return quartile_range([a.cpu / b.cpu for a, b in zip(self.a, self.b, strict=True)])

    def figure(self, name: str, bound: float | None = None, note: str = "") -> Figure:
        """The CPU ratio with its bound; the note tells CPU and wall seconds of both."""
        parts = [
            f"{what} {median(s.cpu for s in of):.2f} CPU s, {median(s.wall for s in of):.2f} wall s"
            for what, of in (("ours", self.a), ("reference", self.b))
        ]
        parts.append(f"wall ratio {self.wall_ratio:.2f}")
        told = "; ".join([note, *parts] if note else parts)
        return Figure(name, self.cpu_ratio, "x", self.spread, bound, told)


@dataclass(frozen=True)
class Figure:
    """One row of a table. `spread` is an inter-quartile range in its unit; `bound` the goal."""

    name: str
    value: float
    unit: str
    spread: float | None = None
    bound: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.bound is None else self.value <= self.bound


def median(values: Any) -> float:
    """Of any iterable of numbers."""
    return statistics.median(values)


def quartile_range(values: Sequence[float]) -> float:
    """0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return high - low


def interleave(a: Callable[[], Sample], b: Callable[[], Sample], pairs: int) -> Pairs:
    """A B A B ..., so many pairs. Who needs a warm-up calls `a` and `b` once before."""
    taken = [(a(), b()) for _ in range(pairs)]
    return Pairs(tuple(first for first, _ in taken), tuple(second for _, second in taken))


def measure_call(call: Callable[[], Any]) -> Sample:
    """Of this process, all its threads."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Sample(time.process_time() - cpu, time.perf_counter() - wall)


def measure_command(
    argv: Sequence[str],
    *,
    until: Callable[[], bool] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> Sample:
    """A command's own CPU and wall seconds up to its end, or up to when `until` first holds; then
    it is ended. Children that still run are not counted. RuntimeError where it fails or is late.
    """
    with started(argv, env=env) as (process, began):
        if until is None:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"{list(argv)} ended with {process.returncode}")
            return Sample(usage.ru_utime + usage.ru_stime, time.perf_counter() - began)
        wait_until(until, process, timeout)
        return Sample(cpu_seconds(process.pid), time.perf_counter() - began)


@contextmanager
def started(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A command in the program's folder, and the perf_counter at its start; ended on leaving.

    Python keeps the bytecode of what it imports, as it does unless it is told otherwise: where the
    surroundings forbid it, our sources would be compiled at each start and an installed package's
    never.
    """
    surroundings = {**os.environ, **(env or {})}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen(list(argv), cwd=ROOT, env=surroundings, stdout=subprocess.DEVNULL)
    try:
        yield process, began
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], timeout: float) -> None:
    """RuntimeError where the process ends before, or the time (seconds) does."""
    late = time.perf_counter() + timeout
    while not holds():
        if process.poll() is not None:
            raise RuntimeError(
                f"{process.args} ended with {process.returncode} before it was ready"
            )
        if time.perf_counter() > late:
            raise RuntimeError(f"{process.args} was not ready within {timeout:g} s")
        time.sleep(_LOOK)


def cpu_seconds(pid: int) -> float:
    """Of a running process: all its threads, and its children that have ended (Linux)."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rpartition(")")[2].split()  # from the third field on
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


@dataclass
class Peak:
    """The highest anonymous memory seen so far, in bytes, and the one before anything began."""

    before: int = 0
    bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def peak_anonymous(pid: int | None = None, every: float = _LOOK) -> Iterator[Peak]:
    """Watch RssAnon of a process (this one, if None): the memory that no file backs (Linux)."""
    watched = pid or os.getpid()
    before = anonymous(watched)
    peak = Peak(before, before)

    def watch() -> None:
        while not peak._ended.wait(every):
            peak.bytes = max(peak.bytes, anonymous(watched))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        peak._ended.set()
        thread.join()
        peak.bytes = max(peak.bytes, anonymous(watched))


def anonymous(pid: int) -> int:
    """RssAnon in bytes; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def parser(description: str | None) -> argparse.ArgumentParser:
    """With the options that all benchmarks have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--full-size", action="store_true", help="random SD1.5 or SDXL weights")
    made.add_argument("--pairs", type=int, default=5, help="how often A B is repeated")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def report(figures: Sequence[Figure], json_path: Path | None = None) -> None:
    """Print the table, and write it with the circumstances where a path is given."""
    told = circumstances()
    print(table(figures))
    print(", ".join(f"{name} {value}" for name, value in told.items() if value is not None))
    if json_path is not None:
        rows = [{**asdict(figure), "ok": figure.ok} for figure in figures]
        text = json.dumps({"circumstances": told, "figures": rows}, indent=2)
        json_path.write_text(text + "\n", encoding="utf-8")


def table(figures: Sequence[Figure]) -> str:
    """In Markdown."""
    lines = ["| what | value | spread | goal | reached | how |", "|---|---|---|---|---|---|"]
    for figure in figures:
        cells = (
            figure.name,
            number(figure.value, figure.unit),
            "" if figure.spread is None else number(figure.spread, figure.unit),
            "" if figure.bound is None else f"<= {number(figure.bound, figure.unit)}",
            {None: "", True: "yes", False: "NO"}[figure.ok],
            figure.note,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float, unit: str) -> str:
    """Three figures that count, or the whole number."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def circumstances() -> dict[str, Any]:
    """Date, versions, processor, threads. Torch is asked only where it is loaded already."""
    told: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Easel": VERSION,
        "Python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            told[package] = version(package)
        except PackageNotFoundError:
            continue
    torch = sys.modules.get("torch")
    told["CPU"] = f"{_processor()} x {os.cpu_count()}"
    told["torch threads"] = torch.get_num_threads() if torch else os.environ.get("OMP_NUM_THREADS")
    told["load"] = f"{os.getloadavg()[0]:.1f}"
    return told


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
