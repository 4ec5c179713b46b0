"""Folders of other programs are read in place, whatever they call their parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.errors import SettingsError
from modules.flags import Paths, parse, paths_of
from modules.library.catalog import Catalog
from modules.library.folders import ModelFolders, checked_folder
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from tests.unit.library.weights import EMBEDDING, weights

A1111 = ("models/Stable-diffusion", "models/Lora", "models/VAE", "embeddings")
COMFY = ("models/checkpoints", "models/loras", "models/vae", "models/embeddings")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_of(parse(["--data-dir", str(tmp_path / "easel")], {}))


def fill(root: Path, parts: tuple[str, ...]) -> None:
    for part, name in zip(parts, ("model", "style", "colours", "thing"), strict=True):
        (root / part).mkdir(parents=True)
        (root / part / f"{name}.safetensors").write_bytes(weights(EMBEDDING))


@pytest.mark.parametrize("parts", [A1111, COMFY])
@pytest.mark.parametrize("below", ["", "models"])
def test_all_kinds_are_found_in_another_program_s_folder(
    paths: Paths, tmp_path: Path, parts: tuple[str, ...], below: str
) -> None:
    fill(tmp_path / "other", parts)
    extra: list[str] = []
    folders = ModelFolders(paths, lambda: extra)
    index = Index(tmp_path / "index.sqlite")
    catalog = Catalog(paths, Hasher(index), folders)
    networks = NetworkFiles(paths, Hasher(index), index, folders)
    assert networks.find("lora", "style") is None

    extra.append(checked_folder(str(tmp_path / "other" / below)))
    assert catalog.find("model").path.parent == tmp_path / "other" / parts[0]
    assert networks.find("lora", "style") is not None
    assert networks.find("embedding", "thing") is not None
    assert [vae.name for vae in catalog.vaes] == ["colours.safetensors"]

    extra.clear()
    assert networks.find("lora", "style") is None
    assert all(entry.stem != "model" for entry in catalog.checkpoints)


@pytest.mark.parametrize("path", ["", "/nowhere/at/all", ".", "/" + "0" * 3000, "~\0x", "a\0b"])
def test_a_folder_without_models_is_refused(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"no folder|none of the folders"):
        checked_folder(path)


def test_new_files_never_go_into_another_program_s_folder(paths: Paths, tmp_path: Path) -> None:
    fill(tmp_path / "other", COMFY)
    folders = ModelFolders(paths, lambda: [str(tmp_path / "other")])
    assert folders.own("checkpoint") == paths.checkpoint_dirs[0]
    assert folders.of("checkpoint")[0] == paths.checkpoint_dirs[0]
    assert len(folders.of("checkpoint")) == len(paths.checkpoint_dirs) + 1


def test_hidden_folders_are_listed_as_long_as_they_shall_be(paths: Paths, tmp_path: Path) -> None:
    for folder, name in ((paths.checkpoint_dirs[0], "model"), (paths.lora_dirs[0], "style")):
        (folder / ".shy").mkdir(parents=True)
        (folder / ".shy" / f"{name}.safetensors").write_bytes(weights(EMBEDDING))
    wish = {"hidden": True}
    folders = ModelFolders(paths, lists_hidden=lambda: wish["hidden"])
    index = Index(tmp_path / "index.sqlite")
    catalog = Catalog(paths, Hasher(index), folders)
    networks = NetworkFiles(paths, Hasher(index), index, folders)
    for hidden in (True, False, True):
        wish["hidden"] = hidden
        networks.update("lora")
        assert (networks.find("lora", "style") is not None) == hidden
        assert any(entry.stem == "model" for entry in catalog.checkpoints) == hidden
