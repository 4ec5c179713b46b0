"""Textual inversions are read from every format, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file
from torch import nn

from modules.errors import CheckpointError
from modules.library.network_words import embedding_words
from modules.networks.embeddings import bundled, read_embedding

TABLE = torch.arange(16.0).reshape(2, 8)
LARGE = torch.arange(24.0).reshape(2, 12)


def pickled(content: object, *, zipped: bool = True):
    return lambda path: torch.save(content, path, _use_new_zipfile_serialization=zipped)


def safe(**tensors: torch.Tensor):
    return lambda path: save_file({name: t.clone() for name, t in tensors.items()}, path)


def png(path: Path) -> None:
    content = {"name": "x", "string_to_param": {"*": {"TORCHTENSOR": TABLE.tolist()}}}
    text = PngImagePlugin.PngInfo()
    text.add_text("sd-ti-embedding", base64.b64encode(json.dumps(content).encode()).decode())
    Image.new("RGB", (4, 4)).save(path, pnginfo=text)


OLD = {"string_to_token": {"*": 265}, "string_to_param": {"*": TABLE}, "name": "x", "step": 1}


@pytest.mark.parametrize(
    ("file", "write"),
    [
        ("a.pt", pickled(OLD)),
        ("a.pt", pickled(OLD, zipped=False)),
        ("a.bin", pickled({"<thing>": TABLE})),
        ("a.pt", pickled({"string_to_param": nn.ParameterDict({"*": nn.Parameter(TABLE)})})),
        ("a.pt", pickled({"<thing>": TABLE.half()})),
        ("a.safetensors", safe(emb_params=TABLE)),
        ("a.png", png),
    ],
)
def test_every_format_gives_the_same_table(tmp_path, file, write):
    write(tmp_path / file)
    embedding = read_embedding(tmp_path / file, "a")

    assert embedding.name == "a" and embedding.vectors == 2
    assert len(embedding.parts) == 1 and torch.equal(embedding.parts[0], TABLE)
    assert embedding.fits([8]) and not embedding.fits([12]) and not embedding.fits([8, 12])
    # The list of files reads the same shape without torch.
    assert embedding_words(tmp_path / file)["shape"] == [2, 8]


def test_a_single_vector_is_a_table_of_one(tmp_path):
    pickled({"x": TABLE[0]})(tmp_path / "a.bin")

    assert torch.equal(read_embedding(tmp_path / "a.bin", "a").parts[0], TABLE[:1])


@pytest.mark.parametrize(
    ("file", "write"),
    [
        ("a.safetensors", safe(clip_g=LARGE, clip_l=TABLE)),
        ("a.pt", pickled({"clip_g": LARGE, "clip_l": TABLE})),
    ],
)
def test_an_embedding_for_two_encoders_has_a_table_for_each(tmp_path, file, write):
    write(tmp_path / file)
    embedding = read_embedding(tmp_path / file, "a")

    assert [part.tolist() for part in embedding.parts] == [TABLE.tolist(), LARGE.tolist()]
    assert embedding.fits([8, 12]) and not embedding.fits([8]) and not embedding.fits([20])


@pytest.mark.parametrize(
    ("file", "write", "why"),
    [
        ("a.safetensors", safe(up=TABLE, down=LARGE), "2 tensors"),
        ("a.safetensors", safe(x=TABLE[None]), "shape"),
        ("a.pt", pickled([1, 2]), "no embedding"),
        ("a.pt", pickled({"step": 3}), "0 tensors"),
        ("a.safetensors", safe(clip_l=TABLE, clip_g=LARGE[:1]), "2 and 1 vectors"),
        ("a.pt", lambda path: path.write_bytes(b"nonsense"), "neither"),
        ("a.png", lambda path: Image.new("RGB", (4, 4)).save(path), "0 tensors"),
        ("a.pt", lambda path: None, "can't be read"),
    ],
)
def test_what_is_no_embedding_is_refused_by_name(tmp_path, file, write, why):
    write(tmp_path / file)
    with pytest.raises(CheckpointError, match=f"{file}.*{why}|{why}.*{file}"):
        read_embedding(tmp_path / file, "a")


def test_a_lora_may_bring_embeddings_along():
    tensors = {
        "lora_unet_x.lora_up.weight": LARGE,
        "bundle_emb.one.string_to_param.*": TABLE,
        "bundle_emb.two.clip_l": TABLE,
        "bundle_emb.two.clip_g": LARGE,
        "bundle_emb.odd.x": TABLE,
        "bundle_emb.odd.y": TABLE,
    }
    found = {embedding.name: embedding.widths for embedding in bundled(tensors)}

    assert found == {"one": (8,), "two": (8, 12)}
