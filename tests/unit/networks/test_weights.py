"""Files are read without running anything, and what is wrong with a bad one is said."""

from __future__ import annotations

import json
import struct
import sys
import types
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.errors import CheckpointError
from modules.networks.weights import read_state
from tests import tiny_checkpoint as tiny


def raw_safetensors(path: Path, header: object, body: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_a_safetensors_file_gives_its_tensors_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.arange(6.0).reshape(2, 3)}, path, metadata={"k": "v"})
    state = read_state(path)
    assert dict(state.shapes()) == {"w": (2, 3)} and state.metadata == {"k": "v"}
    assert torch.equal(state["w"], torch.arange(6.0).reshape(2, 3))
    assert "w" in state and "x" not in state and len(state) == 1


def test_a_file_read_without_its_mapping_gives_the_same_tensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    made = {
        "half": torch.arange(6.0).half().reshape(2, 3),
        "whole": torch.arange(5),
        "narrow": torch.ones(3).to(torch.float8_e4m3fn),
        "none": torch.empty(0, 4),
    }
    save_file(made, path)
    state = read_state(path, mapped=False)
    for name, tensor in made.items():
        read = state[name]
        assert (read.dtype, read.shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(read.float(), tensor.float())
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with pytest.raises(CheckpointError, match="can't be read .the file has become shorter"):
        [state[name] for name in made]


def test_a_ckpt_gives_what_lies_below_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": {"w": torch.ones(2), "step": 3}, "epoch": 1}, path)
    state = read_state(path)
    assert list(state) == ["w"] and torch.equal(state["w"], torch.ones(2))


def test_an_old_torch_file_without_zip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_state(path)["w"], torch.ones(2))


def test_what_a_file_is_goes_by_its_content_not_its_ending(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "a.ckpt")
    torch.save({"w": torch.ones(2)}, tmp_path / "b.safetensors")
    for name in ("a.ckpt", "b.safetensors"):
        assert torch.equal(read_state(tmp_path / name)["w"], torch.ones(2))


def test_a_safetensors_file_whose_length_begins_as_a_pickle_does_is_read(tmp_path: Path) -> None:
    text = json.dumps({"w": entry(0, 4, [1])}).ljust(128 + 2 * 256).encode()  # 0x80, 0x02
    path = raw_safetensors(tmp_path / "a.ckpt", text, bytes(4))
    assert path.read_bytes()[:2] == b"\x80\x02"
    assert torch.equal(read_state(path)["w"], torch.zeros(1))


@pytest.mark.parametrize(
    ("by", "named"), [("exec", "exec"), ("system", "system"), ("popen", "Popen")]
)
def test_a_ckpt_that_runs_code_is_refused_by_name_and_runs_nothing(
    tmp_path: Path, by: str, named: str
) -> None:
    marker = tmp_path / "marker"
    path = tiny.write_hostile_ckpt(tmp_path / "evil.ckpt", marker, by=by)
    with pytest.raises(CheckpointError, match=rf"evil\.ckpt.*{named}.*\.safetensors version"):
        read_state(path)
    assert not marker.exists()


def test_the_hostile_file_of_these_tests_really_is_hostile(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = tiny.write_hostile_ckpt(tmp_path / "evil.ckpt", marker)
    torch.load(path, weights_only=False)
    assert marker.exists()


def test_what_old_training_programs_left_in_a_ckpt_is_dropped_unmade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class ModelCheckpoint:
        def __init__(self) -> None:
            self.best = 1.0

        def __setstate__(self, state: object) -> None:
            made.append("state")

    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = name, "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    for parent in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, module)
    path = tmp_path / "old.ckpt"
    callbacks = {"seen": [ModelCheckpoint()], ModelCheckpoint: 1}
    torch.save({"state_dict": {"w": torch.ones(2)}, "callbacks": callbacks}, path)
    assert torch.equal(read_state(path)["w"], torch.ones(2))
    assert made == []


@pytest.mark.parametrize("name", ["a.safetensors", "a.ckpt"])
@pytest.mark.parametrize("kept", [0.0, 0.000003, 0.001, 0.5, 0.999])
def test_a_file_cut_anywhere_is_called_damaged(tmp_path: Path, name: str, kept: float) -> None:
    path = tiny.write_truncated(tmp_path / name, kept=kept)
    with pytest.raises(CheckpointError, match=rf"{name}.*download it again"):
        read_state(path)


BAD_TABLES = {
    "overlapping tensors": ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, 12, "overlaps"),
    "a hole": ({"a": entry(0, 8, [2]), "b": entry(12, 20, [2])}, 20, "hole"),
    "a shape too large": ({"a": entry(0, 8, [3])}, 8, "does not fit"),
    "a negative shape": ({"a": entry(0, 8, [-2])}, 8, "does not fit"),
    "a backward span": ({"a": entry(8, 0, [2])}, 8, "does not fit"),
    "no offsets": ({"a": {"dtype": "F32", "shape": [2]}}, 8, "not described"),
    "text for an entry": ({"a": "b"}, 8, "not described"),
    "nothing": ({}, 0, "no tensors"),
    "too many bytes": ({"a": entry(0, 8, [2])}, 9, "too long"),
    "too few bytes": ({"a": entry(0, 8, [2])}, 7, "cut off"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_of_tensors_that_does_not_cover_the_file_is_refused(
    tmp_path: Path, case: str
) -> None:
    header, size, says = BAD_TABLES[case]
    path = raw_safetensors(tmp_path / "bad.safetensors", header, bytes(size))
    with pytest.raises(CheckpointError, match=rf"bad\.safetensors.*{says}"):
        read_state(path)


def test_a_header_length_beyond_all_reason_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "giant.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(CheckpointError, match=r"giant\.safetensors"):
        read_state(path)


def test_a_header_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = raw_safetensors(tmp_path / "bad.safetensors", b"{" + b"[" * 5000)
    with pytest.raises(CheckpointError, match=r"bad\.safetensors.*header"):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!DOCTYPE html><html>please log in</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b'{"error": "not found"}' + b" " * 30, "text file"),
        (b"GGUF" + bytes(60), "GGUF"),
        (b"\x89PNG" + bytes(60), "neither"),
        (b"PK\x03\x04" + bytes(60), "can't be read as a checkpoint"),
        (b"", "empty"),
    ],
)
def test_what_is_no_weights_file_is_called_what_it_is(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "thing.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"thing\.ckpt.*{says}"):
        read_state(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="gone.safetensors"):
        read_state(tmp_path / "gone.safetensors")


def test_a_pickle_without_tensors_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": 1}}, tmp_path / "a.ckpt")
    torch.save([1, 2], tmp_path / "b.ckpt")
    for name in ("a.ckpt", "b.ckpt"):
        with pytest.raises(CheckpointError, match="named tensors"):
            read_state(tmp_path / name)


def test_a_ckpt_whose_tensor_is_larger_than_its_bytes_is_refused(tmp_path: Path) -> None:
    """A pickle may claim any size; what lies behind the file's bytes must never be read."""
    good, bad = tmp_path / "good.ckpt", tmp_path / "bad.ckpt"
    torch.save({"w": torch.ones(64)}, good)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for item in source.namelist():
            content = source.read(item)
            if item.endswith("data.pkl"):
                content = content.replace(b"K@\x85", b"M\x00\xff\x85")  # the size, 64 -> 65280
            target.writestr(item, content)
    with pytest.raises(CheckpointError, match=r"bad\.ckpt"):
        read_state(bad)["w"].sum()


@pytest.mark.skipif(sys.platform != "linux", reason="the list of mappings is Linux's")
@pytest.mark.parametrize("name", ["a.ckpt", "a.safetensors"])
def test_tensors_are_mapped_from_the_file_not_copied_into_memory(tmp_path: Path, name: str) -> None:
    path, tensors = tmp_path / name, {"w": torch.ones(1 << 20)}
    torch.save(tensors, path) if name == "a.ckpt" else save_file(tensors, path)
    tensor = read_state(path)["w"]
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if name in line]
    spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in mapped]
    assert any(begin <= tensor.data_ptr() < end for begin, end in spans)
