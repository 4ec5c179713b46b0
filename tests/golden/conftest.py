"""Tiny checkpoints of every family, written and loaded once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modules.networks.kept import Limits
from modules.networks.model import Model
from modules.networks.models import Models
from tests import tiny_families as families


@pytest.fixture(scope="session")
def family_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The tiny checkpoint of that family, loaded once. Tests must leave it as it is."""
    folder, models = tmp_path_factory.mktemp("families"), Models("cpu", limits=Limits(99))

    def get(family: str) -> Model:
        path = folder / f"{family}.safetensors"
        return models.get(path if path.exists() else families.write_tiny_family(path, family))

    return get
