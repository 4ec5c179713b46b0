"""Recorded calls: when one is made, what it is fed, when it goes. The device is played here."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from modules.networks.graphs import CudaRecorder, Graphs
from tests.unit.networks.played_cuda import Card


class Played:
    """Records by remembering what to run again, as a device repeats kernels on fixed addresses."""

    def __init__(self) -> None:
        self.room = True
        self.error: RuntimeError | None = None
        self.recorded = self.replayed = self.forgotten = 0

    def has_room(self) -> bool:
        return self.room

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        if self.error is not None:
            raise self.error
        self.recorded += 1
        output = run().clone()

        def replay() -> None:
            self.replayed += 1
            output.copy_(run())

        return replay, output

    def forget(self) -> None:
        self.forgotten += 1


def network(x: Tensor, vector: Tensor | None) -> Tensor:
    return x * 2 if vector is None else x * 2 + vector


def made(most: int = 6) -> tuple[Graphs, Played]:
    played = Played()
    return Graphs(network, played, most=most), played


def test_the_second_call_of_a_shape_is_recorded_and_later_ones_are_replayed() -> None:
    graphs, played = made()
    results = [graphs(torch.full((2, 3), float(n)), None) for n in range(4)]
    assert (played.recorded, played.replayed) == (1, 3)
    # Each result is the caller's own: the next replay does not write over it.
    assert [float(result[0, 0]) for result in results] == [0, 2, 4, 6]


def test_every_shape_type_and_presence_has_a_recording_of_its_own() -> None:
    graphs, played = made()
    kinds = [
        (torch.ones(1, 2), None),
        (torch.ones(2, 2), None),
        (torch.ones(1, 2).half(), None),
        (torch.ones(1, 2), torch.ones(2)),
    ]
    for x, vector in kinds * 2:
        assert torch.equal(graphs(x, vector), network(x, vector))
    assert (played.recorded, len(graphs)) == (4, 4)


def test_the_one_used_longest_ago_makes_room() -> None:
    graphs, played = made(most=2)
    for width in (1, 1, 2, 2, 1, 3, 3):  # 2 leaves when 3 comes
        graphs(torch.ones(1, width), None)
    assert len(graphs) == 2
    graphs(torch.ones(1, 1), None)
    assert played.recorded == 3
    graphs(torch.ones(1, 2), None)
    assert played.recorded == 4


def test_without_room_calls_run_one_by_one_until_there_is_some() -> None:
    graphs, played = made()
    played.room = False
    for _ in range(3):
        assert float(graphs(torch.ones(1), None)) == 2
    assert played.recorded == 0
    played.room = True
    graphs(torch.ones(1), None)
    assert played.recorded == 1


def test_memory_that_ran_out_while_recording_is_given_back_and_the_call_is_answered() -> None:
    graphs, played = made()
    for _ in range(2):
        graphs(torch.ones(1), None)
    played.error = torch.OutOfMemoryError("no memory")
    for _ in range(2):
        assert float(graphs(torch.ones(1, 1), None)) == 2
    assert len(graphs) == 0 and played.forgotten == 1
    played.error = None
    for _ in range(2):
        graphs(torch.ones(1, 1), None)
    assert len(graphs) == 1


def test_a_shape_that_memory_never_suffices_for_is_not_tried_again_until_something_changes() -> (
    None
):
    graphs, played = made()
    played.error = torch.OutOfMemoryError("no memory")
    for _ in range(2):
        graphs(torch.ones(1), None)
    played.error = None
    for _ in range(4):
        assert float(graphs(torch.ones(1), None)) == 2
    assert played.recorded == 0
    graphs.drop()
    for _ in range(2):
        graphs(torch.ones(1), None)
    assert played.recorded == 1


def test_a_network_that_can_not_be_recorded_is_not_tried_again() -> None:
    graphs, played = made()
    played.error = RuntimeError("operation not permitted when stream is capturing")
    for _ in range(2):
        graphs(torch.ones(1), None)
    played.error = None
    for _ in range(3):
        assert float(graphs(torch.ones(1), None)) == 2
    assert played.recorded == 0


def test_dropped_recordings_are_made_anew() -> None:
    graphs, played = made()
    for _ in range(2):
        graphs(torch.ones(1), None)
    assert graphs.drop() and not graphs.drop()
    for _ in range(2):
        graphs(torch.ones(1), None)
    assert (played.recorded, played.forgotten) == (2, 1)


def test_a_recording_has_its_warm_up_s_stream_and_one_pool_and_watches_its_own_thread_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = Card(monkeypatch)
    recorder = CudaRecorder(torch.device("cuda:1"), lambda: 0)
    ran: list[str] = []

    def run() -> Tensor:
        ran.append(card.current.name)
        return torch.ones(1)

    for _ in range(2):
        replay, _ = recorder.record(run)
        replay()
    assert set(ran) == {"stream 1"} and len(ran) == 6
    assert card.modes == ["thread_local"] * 2 and card.pools[0] is card.pools[1]
    assert card.told[-1] == "replay on main"


def test_a_recording_that_fails_leaves_the_work_on_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = Card(monkeypatch)
    calls = iter([None, None, RuntimeError("operation not permitted when stream is capturing")])

    def run() -> Tensor:
        if (error := next(calls)) is not None:
            raise error
        return torch.ones(1)

    with pytest.raises(RuntimeError, match="not permitted"):
        CudaRecorder(torch.device("cuda"), lambda: 0).record(run)
    assert card.current is card.main
