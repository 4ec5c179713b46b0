"""Files sent by a browser: refused before they travel, never written over others."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.errors import CheckpointError, EaselError, RequestError, StorageError
from modules.flags import parse, paths_of
from modules.library.arrivals import RESERVE, Arrivals, head_length
from modules.library.folders import ModelFolders
from modules.library.uploads import Upload, Uploads
from tests.unit.library.weights import CHECKPOINT, EMBEDDING, LORA, VAE, weights


def uploads_in(folder: Path, free: int = 1 << 40) -> Uploads:
    folders = ModelFolders(paths_of(parse(["--data-dir", str(folder)], {})))
    return Uploads(Arrivals(folders, lambda _: free), folders)


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return uploads_in(tmp_path)


def head_of(data: bytes) -> bytes:
    return data[: head_length(data, "a")]


def send(uploads: Uploads, name: str, data: bytes) -> Upload:
    upload = uploads.begin(name, len(data), head_of(data))
    while upload.offset < len(data):
        upload = uploads.add(upload.id, upload.offset, data[upload.offset :][:7])
    return upload


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("shapes", "place"),
    [
        (CHECKPOINT, "models/Stable-diffusion"),
        (LORA, "models/Lora"),
        (VAE, "models/VAE"),
        (EMBEDDING, "embeddings"),
    ],
)
def test_a_file_comes_to_lie_in_the_folder_of_its_kind(
    uploads: Uploads, tmp_path: Path, shapes: dict[str, tuple[int, ...]], place: str
) -> None:
    data = weights(shapes)
    upload = send(uploads, "a b.safetensors", data)
    assert upload.arrived is not None and upload.arrived.path.read_bytes() == data
    assert files(tmp_path) == [f"{place}/a b.safetensors"]


def test_what_is_no_model_is_refused_by_its_first_bytes(uploads: Uploads, tmp_path: Path) -> None:
    data = weights({"x": (9, 9)})
    with pytest.raises(CheckpointError, match="no checkpoint, LoRA"):
        uploads.begin("a.safetensors", len(data), head_of(data))
    with pytest.raises(CheckpointError, match="no safetensors file"):
        uploads.begin("a.safetensors", 100, b"<html><body>")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["", "a.png", "../a.safetensors", ".a.safetensors", "a/b.safetensors", "c:x.ckpt"]
)
def test_unfit_names_are_refused(uploads: Uploads, name: str) -> None:
    with pytest.raises(RequestError):
        uploads.begin(name, 100, b"", pickles_too=True)


def test_a_pickle_needs_a_word_of_trust(uploads: Uploads) -> None:
    with pytest.raises(RequestError, match="trust the file"):
        uploads.begin("a.ckpt", 100, b"")
    assert uploads.begin("a.ckpt", 100, b"", pickles_too=True).offset == 0


def test_another_file_of_the_same_name_stays(uploads: Uploads, tmp_path: Path) -> None:
    send(uploads, "a.safetensors", weights(LORA))
    assert (again := send(uploads, "a.safetensors", weights(LORA)).arrived) and not again.is_new
    for other in (weights(LORA, fill=b"x"), weights({**LORA, "lora_unet_y": (1, 1)})):
        with pytest.raises(RequestError, match="already"):
            send(uploads, "a.safetensors", other)
    assert (tmp_path / "models/Lora/a.safetensors").read_bytes() == weights(LORA)
    assert files(tmp_path) == ["models/Lora/a.safetensors"]


def test_a_piece_at_the_wrong_place_is_refused_and_tells_the_right_one(uploads: Uploads) -> None:
    data = weights(LORA)
    upload = uploads.begin("a.safetensors", len(data), head_of(data))
    for offset, piece in ((0, b"x"), (upload.offset + 1, b"x"), (upload.offset, b"x" * 99)):
        with pytest.raises(RequestError, match=f"goes on at byte {upload.offset}"):
            uploads.add(upload.id, offset, piece)


def test_a_file_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    data = weights(LORA)
    with pytest.raises(StorageError, match="make room"):
        send(uploads_in(tmp_path, RESERVE + len(data) - 1), "a.safetensors", data)
    send(uploads_in(tmp_path, RESERVE + len(data)), "a.safetensors", data)


def test_cancelled_and_forgotten_uploads_leave_nothing(uploads: Uploads, tmp_path: Path) -> None:
    data = weights(LORA)
    upload = uploads.begin("a.safetensors", len(data), head_of(data))
    uploads.cancel(upload.id)
    assert files(tmp_path) == []
    with pytest.raises(EaselError, match="send it anew"):
        uploads.add(upload.id, upload.offset, b"x")

    uploads.begin("b.safetensors", len(data), head_of(data))
    send(uploads_in(tmp_path), "c.safetensors", data)  # after a kill
    assert files(tmp_path) == ["models/Lora/c.safetensors"]
