"""Which checkpoints leave for another one."""

from __future__ import annotations

import pytest

from modules.networks.kept import MOST, Held, Limits, leaving, reserve

GIB = 2**30


def here(*sizes: float) -> list[Held]:
    """In main memory, the longest unused first; sizes in GiB."""
    return [Held(int(size * GIB), int(size * GIB)) for size in sizes]


@pytest.mark.parametrize(
    ("others", "limits", "coming", "free", "expected"),
    [
        # By number alone, as the original: all but the newest leave.
        (here(1, 1, 1), Limits(1, 0), 1, 99, 3),
        (here(1, 1, 1), Limits(3, 0), 1, 99, 1),
        (here(1, 1, 1), Limits(9, 0), 1, 0, 0),  # asked for, so not weighed
        # A given number of bytes beyond these.
        (here(4, 2, 2), Limits(1, 4 * GIB), 9, 0, 1),
        (here(4, 2, 2), Limits(2, 4 * GIB), 9, 0, 1),
        (here(4, 2, 2), Limits(2, 6 * GIB), 9, 0, 0),
        # What a machine of 24 GiB can spare, 6 being left to others.
        ([], Limits(1, None), 4, 20, 0),
        (here(4), Limits(1, None), 4, 16, 0),
        (here(4, 4), Limits(1, None), 4, 12, 0),
        (here(4, 4, 4), Limits(1, None), 4, 8, 1),
        (here(4, 4), Limits(1, None), 10, 7, 2),
        (here(4, 4), Limits(2, None), 10, 7, 1),
        (here(4, 4), Limits(1, None), 0, 1, 2),  # nothing comes, but others took the memory
        # On another device yet: it takes memory when it comes, and frees none by leaving.
        ([Held(4 * GIB, 0)], Limits(1, None), 0, 9, 1),
        ([Held(4 * GIB, 0)], Limits(1, None), 0, 11, 0),
        (here(*[0] * 40), Limits(1, None), 0, 20, 40 - MOST + 1),
    ],
)
def test_the_longest_unused_leave_until_the_rest_fits(
    others: list[Held], limits: Limits, coming: int, free: int, expected: int
) -> None:
    found = leaving(others, limits, coming=coming * GIB, free=free * GIB, total=24 * GIB)
    assert found == expected


def test_a_part_of_every_machine_stays_free() -> None:
    assert [reserve(size * GIB) // GIB for size in (4, 8, 24, 64, 512)] == [2, 2, 6, 16, 16]
