"""Checkpoints are found under every name that A1111 gives them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modules.errors import UnknownNameError
from modules.flags import Paths, parse, paths_of
from modules.library.catalog import Catalog
from modules.library.hashes import Hasher
from modules.library.index import Index


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = paths_of(parse(["--data-dir", str(tmp_path)], {}))
    return replace(found, builtin_checkpoint=tmp_path / "program" / "builtin.safetensors")


@pytest.fixture
def catalog(paths: Paths, tmp_path: Path) -> Catalog:
    folder = tmp_path / "models/Stable-diffusion"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.safetensors").write_bytes(b"1")
    (folder / "sub" / "Two v2.ckpt").write_bytes(b"2")
    (folder / "one.vae.pt").write_bytes(b"v")
    (folder / "notes.txt").touch()
    part = folder / "folder-model" / "unet"
    part.mkdir(parents=True)
    (part / "diffusion.safetensors").touch()
    (folder / "folder-model" / "model_index.json").write_text("{}")
    paths.builtin_checkpoint.parent.mkdir()
    paths.builtin_checkpoint.write_bytes(b"b")
    return Catalog(paths, Hasher(Index(tmp_path / "easel/library.sqlite")))


def test_the_list_has_files_folders_and_the_built_in_one(catalog: Catalog) -> None:
    names = [entry.name for entry in catalog.checkpoints]
    assert names == ["folder-model", "one.safetensors", "sub/Two v2.ckpt", "builtin.safetensors"]
    assert [vae.name for vae in catalog.vaes] == ["one.vae.pt"]


def test_every_form_of_a_name_finds_the_checkpoint(catalog: Catalog, tmp_path: Path) -> None:
    two = catalog.find("sub/Two v2.ckpt")
    hasher = catalog._hasher
    digest = hasher.request(two.path).result(10)
    assert digest is not None
    short = digest[:10]
    forms = [
        "Two v2",
        "sub_Two v2",
        short,
        digest,
        f"sub/Two v2.ckpt [{short}]",
        f"Two v2 [{short}]",
    ]
    forms += ["Two", "sub/Two v2.ckpt [0123456789]"]
    assert {catalog.find(form).name for form in forms} == {two.name}


def test_an_unknown_name_names_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(UnknownNameError, match=r"one\.safetensors") as caught:
        catalog.find("onne.safetensor")
    assert caught.value.field == "sd_model_checkpoint"


def test_the_built_in_checkpoint_is_chosen_when_nothing_else_is(catalog: Catalog) -> None:
    assert catalog.default(None).name == "builtin.safetensors"
    assert catalog.default("one").name == "one.safetensors"


def test_a_vae_beside_its_checkpoint_is_taken_unless_another_is_chosen(catalog: Catalog) -> None:
    one = catalog.find("one.safetensors")
    beside = catalog.vae_for(one, "Automatic")
    assert beside is not None and beside.name == "one.vae.pt"
    assert catalog.vae_for(one, "None") is None
    assert catalog.vae_for(catalog.find("Two v2"), "Automatic") is None
    with pytest.raises(UnknownNameError, match="no VAE"):
        catalog.vae_for(one, "other.pt")


def test_a_new_file_is_listed_after_a_refresh(catalog: Catalog, paths: Paths) -> None:
    (paths.checkpoint_dirs[0] / "new.safetensors").write_bytes(b"n")
    with pytest.raises(UnknownNameError):
        catalog.find("new.safetensors")
    catalog.refresh()
    assert catalog.find("new.safetensors").stem == "new"


def test_a_loop_of_links_ends(catalog: Catalog, paths: Paths) -> None:
    (paths.checkpoint_dirs[0] / "loop").symlink_to(paths.checkpoint_dirs[0])
    catalog.refresh()
    assert [c.name for c in catalog.checkpoints].count("one.safetensors") == 1


def test_a_list_of_three_hundred_files_is_one_query(paths: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "models/Stable-diffusion"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"{number:03}.ckpt").touch()
    index = Index(tmp_path / "easel/library.sqlite")
    last = folder / "299.ckpt"
    index.store(last, 0, last.stat().st_mtime_ns, "a" * 64)
    catalog = Catalog(paths, Hasher(index))
    queries: list[str] = []
    index._connection.set_trace_callback(queries.append)
    listed = catalog.checkpoints
    assert len(listed) == 300 and len(queries) == 1
    assert [entry.sha256 for entry in listed[-2:]] == [None, "a" * 64]
