"""Frames: what goes in comes out, and what is no frame is refused."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.jobs import messages
from modules.jobs.messages import TO_WEB, TO_WORKER, Message, ProtocolError

_EXAMPLES: dict[str, Any] = {
    "bool": True,
    "bytes": b"\x00\xff\n",
    "int": 7,
    "str": 'ä "\u2028" \ud800',
    "Mapping[str, Any]": {"a": [1, None, {"b": 0.5}], "inf": math.inf},
    "Mapping[str, str]": {"kind": "JobError"},
    "tuple[int, ...]": (3, 4),
    "tuple[str, ...]": ("x",),
}


def example(kind: type[Message]) -> Message:
    return kind(**{entry.name: _EXAMPLES[str(entry.type)] for entry in fields(kind)})


def test_every_kind_of_message_is_in_one_of_the_two_lists() -> None:
    assert set(get_args(Message)) == {*TO_WORKER, *TO_WEB}


@pytest.mark.parametrize("kind", (*TO_WORKER, *TO_WEB), ids=lambda kind: kind.__name__)
def test_what_was_written_is_read(kind: type[Message]) -> None:
    message = example(kind)
    stream = io.BytesIO(messages.encode(message) * 2)
    assert messages.read(stream) == message == messages.read(stream)
    assert messages.read(stream) is None


@pytest.mark.parametrize("cut", [1, 11, 12, 40, -1])
def test_a_frame_that_was_cut_off_counts_as_the_end(cut: int) -> None:
    frame = messages.encode(messages.Preview(job="j", mime="image/jpeg", blob=b"12345"))
    assert messages.read(io.BytesIO(frame[:cut])) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"type":"Nonsense"}',
        b'{"type":"Skip"}',
        b'{"type":"Skip","job":1,"x":2}',
    ]
    + [b"\xff", b"[" * 100_000, b'{"type":["Skip"]}'],
)
def test_a_frame_that_is_none_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a message"):
        messages.read(io.BytesIO(struct.pack("<IQ", len(text), 0) + text))


def test_a_frame_that_claims_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="claims"):
        messages.read(io.BytesIO(struct.pack("<IQ", 5, 1 << 60)))


@given(st.binary(max_size=300))
def test_noise_raises_nothing_else(noise: bytes) -> None:
    try:
        messages.read(io.BytesIO(noise))
    except ProtocolError:
        pass
