"""The card's benchmark: goals are ratios of waiting times, and every stage has its own process."""

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from bench import gpu
from bench.harness import Pairs, Sample


def pairs(ours: float, theirs: float) -> Pairs:
    return Pairs(tuple([Sample(9.0, ours)] * 3), tuple([Sample(1.0, theirs)] * 3))


def test_what_is_judged_is_the_time_that_one_waits() -> None:
    figure = gpu.wall_figure("speed", pairs(0.5, 1.0), 1 / 1.8, pictures=4)
    assert figure.value == 0.5 and figure.ok
    assert "ours 8.00, reference 4.00 images/s" in figure.note
    assert gpu.wall_figure("speed", pairs(0.6, 1.0), 1 / 1.8, pictures=4).ok is False


def test_a_stage_runs_apart_and_is_ended_when_it_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def run(command: list[str], *, timeout: int, **_: object) -> None:
        commands.append(command)
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    given = Namespace(folder=Path("out"), device="cpu", pairs=2, tiny=True)
    assert gpu._apart("sdxl", given) == 1
    assert commands == [
        [sys.executable, "-m", "bench.gpu", "sdxl", "--folder=out", "--device=cpu", "--pairs=2",
         "--tiny"],
    ]  # fmt: skip
