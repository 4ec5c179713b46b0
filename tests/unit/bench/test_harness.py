"""The benchmarks' arithmetic and their table; nothing here is timed."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from bench.__main__ import read_figures
from bench.harness import Figure, Sample, interleave, measure_command, peak_anonymous, report
from bench.page_reactions import figures as reaction_figures


def test_pairs_are_taken_in_turn_and_judged_by_the_ratio_of_the_medians() -> None:
    order = []
    ours = iter([Sample(2, 4), Sample(3, 6), Sample(100, 200)])

    def a() -> Sample:
        order.append("a")
        return next(ours)

    def b() -> Sample:
        order.append("b")
        return Sample(2, 3)

    pairs = interleave(a, b, 3)
    assert order == ["a", "b"] * 3
    assert (pairs.cpu_ratio, pairs.wall_ratio, pairs.spread) == (1.5, 2.0, 24.5)


def test_a_report_tells_goals_and_comes_back_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [Figure("fast", 1.5, "x", 0.1, 2.0), Figure("slow", 3.0, "s", None, 2.0, "why")]
    report([*figures, Figure("alone", 1234.5, "/s")], tmp_path / "out.json")
    said = capsys.readouterr().out
    assert "| fast | 1.5 x | 0.1 x | <= 2 x | yes |  |" in said
    assert "| slow | 3 s |  | <= 2 s | NO | why |" in said and "| alone | 1234 /s |" in said
    assert json.loads((tmp_path / "out.json").read_text())["circumstances"]["Python"]
    assert [figure.name for figure in read_figures(tmp_path / "out.json", "x")][0] == "x: fast"


def test_a_command_that_fails_gives_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        measure_command([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    flag = tmp_path / "there"
    code = f"open({str(flag)!r}, 'w'); import time; time.sleep(60)"
    assert measure_command([sys.executable, "-S", "-c", code], until=flag.exists).wall < 50


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_of_memory_is_seen_though_it_has_passed() -> None:
    with peak_anonymous(every=0.001) as peak:
        held = bytearray(64 << 20)
        held[::4096] = b"x" * len(held[::4096])
        late = time.monotonic() + 10  # a busy machine may not look for a while
        while peak.bytes - peak.before < 60 << 20 and time.monotonic() < late:
            time.sleep(0.001)
        del held
    assert 60 << 20 < peak.bytes - peak.before < 200 << 20


def test_slow_controls_are_counted_and_named_slowest_first() -> None:
    first = {"quick": 16.0, "slow": 250.0, "once slow": 120.0, "middling": 40.0}
    told = reaction_figures(first, {"slow": [300, 90, 280], "once slow": [40, 30, 110]})
    assert [figure.value for figure in told[:3]] == [80.0, 2.0, 1.0]
    assert told[2].ok is False and told[3].name == "reaction: slow"
    assert told[4].note == "alone 40, 30, 110 ms"
    assert reaction_figures(first, {})[2].value == 2.0  # what is not tried again stays slow
