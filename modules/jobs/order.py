"""In which order waiting jobs are taken: by priority, and within one the owners take turns.

A pure function of rows; it knows no database and no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the order depends on. The larger priority and the smaller rank go first."""

    id: str
    owner: str
    priority: int
    rank: int
    sequence: int


def in_turn(jobs: Iterable[Waiting], served: Mapping[str, int]) -> list[str]:
    """Ids in the order in which they are to be taken.

    Within a priority every owner's first job comes before any owner's second. `served` numbers each
    owner's last job that was taken: who was served longest ago begins.
    """
    turns: Counter[tuple[int, str]] = Counter()
    keyed = []
    for job in sorted(jobs, key=lambda job: (-job.priority, job.rank, job.sequence)):
        turn = turns[job.priority, job.owner]
        turns[job.priority, job.owner] += 1
        last = served.get(job.owner, 0)
        keyed.append((-job.priority, turn, last, job.rank, job.sequence, job.id))
    return [key[-1] for key in sorted(keyed)]


def renumbered(ranks: Iterable[int]) -> list[int]:
    """The same ranks, rising strictly and none larger than before, for jobs in a new order."""
    rising = sorted(ranks)
    for place in range(len(rising) - 2, -1, -1):
        rising[place] = min(rising[place], rising[place + 1] - 1)
    return rising
