"""What the benchmarks of loading, switching and long runs make of their measurements."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest

from bench import load, soak, switches
from bench.checkpoints import SIZES

MB = 1_000_000


@pytest.mark.parametrize(("size", "judged"), [("small", [None, 0.35]), ("sd15", [0.35, 0.35])])
def test_the_imports_count_where_weights_outweigh_them(
    size: str, judged: list[float | None]
) -> None:
    sides = [[[2.0, 3.0]], [[4.0, 3.0]]]
    found = {"before": 300 * MB, "peak": 400 * MB, "weights": 1000 * MB, "first": [1, 1]}
    told = load.figures({**found, "loads": sides, "touching": sides}, size, "kept")
    assert [round(figure.value, 3) for figure in told] == [0.4, 0.1, 0.5, 0.5]
    assert [figure.bound for figure in told[:2]] == judged


def test_switches_are_flat_against_what_the_first_two_loads_took() -> None:
    one: dict[str, Any] = {"memory": [300, 400, 410, 420], "peak": 900, "before": 300}
    one |= {"weights": 100, "kinds": [1, 1], "times": [[4, 4], [4, 4], [2, 2], [2, 2]]}
    both = {**one, "kinds": [1, 2], "times": [[4, 4], [4, 4], [1, 1], [1, 1]]}
    told = {figure.name: figure for figure in switches.figures({"one": one, "both": both}, "tiny")}
    values = [round(figure.value, 3) for figure in told.values()]
    assert values == [1.05, 6.0, 0, 1.05, 3.0, 1, 0.5, 0.5]
    judged = [figure.ok for figure in told.values() if figure.ok is not None]
    assert judged == [False, True, False, False]


def test_a_soak_holds_its_last_third_against_the_one_before() -> None:
    found = {"server": [9, 9, 100, 100, 100, 103], "worker": [1, 1, 100, 100, 110, 110]}
    server, worker = soak.figures(found)
    assert (server.value, server.ok) == (1.015, True)
    assert (worker.value, worker.ok) == (1.1, False)


def test_small_checkpoints_lie_between_tiny_and_full_size_ones() -> None:
    def weights(size: str) -> int:
        return sum(prod(shape) for shape in SIZES[size]().values())

    assert weights("tiny") < 2e6 < 5e7 < weights("small") < 2e8 < weights("sd15")
