"""What every test shares: order and times of the groups, markers, recorded cases, a data folder.

Light on purpose: it imports nothing of the program. Fixtures of one group live in that group's own
conftest.py.
"""

import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("unit", "golden", "api", "browser")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# No test may ask the network for anything, and no library may phone home.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

_seconds: dict[str, float] = defaultdict(float)


def group_of(path: Path) -> str:
    """The folder under tests/ that a file lies in, "" for none."""
    try:
        return path.relative_to(ROOT / "tests").parts[0]
    except ValueError:
        return ""


def golden_folder_from_environment() -> Path | None:
    """The folder of recorded cases, None where EASEL_GOLDEN is unset."""
    named = os.environ.get("EASEL_GOLDEN")
    if not named:
        return None
    folder = Path(named).resolve()
    if not folder.is_dir():
        raise pytest.UsageError(
            f"EASEL_GOLDEN names {named!r}, which is no folder; unset it or correct it"
        )
    return folder


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome: EASEL_CHROMIUM, else the first on PATH."""
    named = os.environ.get("EASEL_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the tests marked full")


def pytest_report_header(config: pytest.Config) -> str | None:
    if golden_folder_from_environment() is None:
        return "golden: EASEL_GOLDEN is not set, so recorded cases are skipped"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the groups in order; leave out what this run or this machine cannot do."""
    items.sort(key=lambda item: GROUPS.index(g) if (g := group_of(item.path)) in GROUPS else 9)
    if not (config.getoption("--full") or "full" in (config.getoption("-m") or "")):
        slow = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("full")]
    missing = {}
    if find_chromium() is None:
        missing["browser"] = "no Chromium found (set EASEL_CHROMIUM to its path)"
    if shutil.which("nvidia-smi") is None:
        missing["gpu"] = "no CUDA device"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[group_of(ROOT / report.nodeid.split("::")[0])] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    times = [f"{group} {_seconds[group]:.1f} s" for group in GROUPS if group in _seconds]
    if times:
        terminalreporter.write_line("time by group: " + ", ".join(times))


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """The folder of recorded cases; the test is skipped where EASEL_GOLDEN is unset."""
    folder = golden_folder_from_environment()
    if folder is None:
        pytest.skip("EASEL_GOLDEN is not set")
    return folder


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """An empty data folder of one test."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that the browser tests drive."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium found")
    return found
