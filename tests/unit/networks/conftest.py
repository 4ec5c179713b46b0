"""Tiny checkpoints on disk, written once, and one of them loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from modules.networks.kept import Limits
from modules.networks.model import Model
from modules.networks.models import Models
from tests import tiny_checkpoint as tiny
from tests import tiny_families as families


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose by sharing their work out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """By name: the same weights as "single.safetensors", "pickle.ckpt" or the folder "folder"."""
    root = tmp_path_factory.mktemp("tiny")
    writers = {
        "single.safetensors": tiny.write_tiny_checkpoint,
        "pickle.ckpt": tiny.write_tiny_ckpt,
        "folder": tiny.write_tiny_folder,
        "other.safetensors": lambda path: tiny.write_tiny_checkpoint(path, seed=7),
        "vae.safetensors": tiny.write_tiny_vae,
    }

    def get(name: str) -> Path:
        path = root / name
        return path if path.exists() else writers[name](path)

    return get


@pytest.fixture(scope="session")
def model(tiny_files: Callable[[str], Path]) -> Model:
    """The tiny checkpoint on the CPU. Tests must leave it as it is."""
    return Models("cpu").get(tiny_files("single.safetensors"))


@pytest.fixture(scope="session")
def family_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The tiny checkpoint of that family, loaded once. Tests must leave it as it is."""
    folder, models = tmp_path_factory.mktemp("families"), Models("cpu", limits=Limits(99))

    def get(family: str) -> Model:
        path = folder / f"{family}.safetensors"
        return models.get(path if path.exists() else families.write_tiny_family(path, family))

    return get
