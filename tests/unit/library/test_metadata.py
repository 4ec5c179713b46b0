"""Headers of weight files: what is read, and what a damaged file says."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from modules.errors import CheckpointError
from modules.library.metadata import default_size, header_metadata, read_header, resolution


def write_header(path: Path, header: object, *, promise: int | None = None) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if promise is None else promise) + text)
    return path


def test_a_header_gives_its_tensors_and_metadata(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"a": "b"},
        "w": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]},
    }
    path = write_header(tmp_path / "x.safetensors", header)
    assert read_header(path) == header
    assert header_metadata(path) == {"a": "b"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "only 0 bytes"),
        (b"PK\x03\x04zipzipzip", "no safetensors"),
        (struct.pack("<Q", 100) + b"{}", "inside its header"),
        (struct.pack("<Q", 4) + b"nope", "unreadable header"),
        (struct.pack("<Q", 2) + b"[]", "unreadable header"),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as caught:
        read_header(path)
    assert "broken.safetensors" in caught.value.message
    assert "download it again" in caught.value.message
    assert header_metadata(path) == {}, "a list does not fail because one file is broken"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128x128", (128, 128)),
        ("1024 X 768", (1024, 768)),
        ("130x99", (128, 96)),
        ("big", (512, 512)),
    ],
)
def test_the_default_size_is_the_resolution_in_whole_eights(
    text: str, size: tuple[int, int]
) -> None:
    assert resolution({"modelspec.resolution": text}) == size


def test_a_file_without_resolution_means_512(tmp_path: Path) -> None:
    assert default_size(write_header(tmp_path / "x.safetensors", {})) == (512, 512)
