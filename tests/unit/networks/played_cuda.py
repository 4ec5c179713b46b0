"""A CUDA card that only writes down what streams are told, in their order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch


class Stream:
    def __init__(self, card: Card, name: str) -> None:
        self.card = card
        self.name = name

    def wait_stream(self, other: Stream) -> None:
        self.card.told.append(f"{self.name} waits for all of {other.name}")

    def wait_event(self, event: Event) -> None:
        self.card.told.append(f"{self.name} waits for {event.of}")


class Event:
    of = "nothing"

    def record(self, stream: Stream) -> None:
        self.of = f"a moment of {stream.name}"


class Card:
    """`told`: what happened. `current`: the stream that work goes to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.main = self.current = Stream(self, "main")
        self.made = 0
        self.modes: list[str] = []
        self.pools: list[Any] = []
        names = {
            "current_stream": lambda *_: self.current,
            "stream": self._stream,
            "device": lambda *_: contextlib.nullcontext(),
            "Stream": lambda *_: self.another(),
            "Event": Event,
            "CUDAGraph": lambda: self,
            "graph": self._graph,
            "graph_pool_handle": object,
            "empty_cache": lambda: None,
        }
        for name, played in names.items():
            monkeypatch.setattr(torch.cuda, name, played)

    def another(self) -> Stream:
        self.made += 1
        return Stream(self, f"stream {self.made}")

    def replay(self) -> None:
        self.told.append(f"replay on {self.current.name}")

    @contextlib.contextmanager
    def _stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextlib.contextmanager
    def _graph(
        self, graph: Any, pool: Any, stream: Stream, capture_error_mode: str
    ) -> Iterator[None]:
        self.pools.append(pool)
        self.modes.append(capture_error_mode)
        self.current = stream
        yield  # as torch does it, an error leaves this stream the current one
        self.current = self.main
