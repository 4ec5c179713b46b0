"""The queue with the fake worker, in a data folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.jobs.house import House


@pytest.fixture
def house(data_folder: Path) -> Iterator[House]:
    """Made, with the worker not started."""
    made = House(data_folder)
    yield made
    made.close()


@pytest.fixture
def running(house: House) -> House:
    """Made, and the worker on its way."""
    house.supervisor.start()
    return house


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One running queue for all tests of a file that look at their own job only."""
    made = House(tmp_path_factory.mktemp("shared"))
    made.supervisor.start()
    yield made
    made.close()
