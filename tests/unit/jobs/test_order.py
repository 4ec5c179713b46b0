"""The order in which waiting jobs are taken."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from modules.jobs.order import Waiting, in_turn, renumbered

jobs = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(-1, 1), st.integers(-3, 3)), max_size=12
).map(
    lambda rows: [
        Waiting(id=str(n), owner=owner, priority=priority, rank=rank, sequence=n)
        for n, (owner, priority, rank) in enumerate(rows)
    ]
)
served = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))


def waiting(owners: str) -> list[Waiting]:
    return [
        Waiting(id=f"{owner}{n}", owner=owner, priority=0, rank=n, sequence=n)
        for n, owner in enumerate(owners)
    ]


def test_one_owner_s_jobs_keep_their_order() -> None:
    assert in_turn(waiting("aaa"), {"a": 5}) == ["a0", "a1", "a2"]


def test_owners_take_turns_and_who_was_served_longest_ago_begins() -> None:
    assert in_turn(waiting("aaabb"), {}) == ["a0", "b3", "a1", "b4", "a2"]
    assert in_turn(waiting("aaabb"), {"a": 1}) == ["b3", "a0", "b4", "a1", "a2"]
    assert in_turn(waiting("aaabb"), {"a": 1, "b": 2}) == ["a0", "b3", "a1", "b4", "a2"]


@given(jobs, served)
def test_nobody_gets_a_second_turn_before_everybody_s_first(
    rows: list[Waiting], served: dict[str, int]
) -> None:
    by_id = {row.id: row for row in rows}
    order = [by_id[name] for name in in_turn(rows, served)]
    assert Counter(order) == Counter(rows)
    assert [row.priority for row in order] == sorted((r.priority for r in rows), reverse=True)
    for priority in (-1, 0, 1):
        turns: Counter[str] = Counter()
        left = Counter(row.owner for row in order if row.priority == priority)
        for row in order:
            if row.priority == priority:
                turns[row.owner] += 1
                left[row.owner] -= 1
                others = [turns[owner] for owner in left if left[owner]]
                assert all(turns[row.owner] <= other + 1 for other in others)


@given(st.lists(st.integers(-5, 5), max_size=9))
def test_renumbered_ranks_rise_and_none_grows(ranks: list[int]) -> None:
    made = renumbered(ranks)
    assert all(low < high for low, high in zip(made, made[1:], strict=False))
    assert all(new <= old for new, old in zip(made, sorted(ranks), strict=True))
