"""Read parameters, of whose picture."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules.page.generate import last_infotext


def app(folder: Path, owner: str | None, *texts: str) -> Any:
    """As much of an App as is asked; a job for each text, the newest first."""
    jobs = [SimpleNamespace(items=())]
    jobs += [SimpleNamespace(items=(SimpleNamespace(infotext=text),)) for text in texts]
    return SimpleNamespace(
        paths=SimpleNamespace(data_dir=folder),
        visitors=SimpleNamespace(owner=owner),
        jobs=SimpleNamespace(list=lambda limit: jobs[:limit]),
    )


def test_the_last_parameters_are_those_of_the_newest_picture(tmp_path: Path) -> None:
    assert last_infotext(app(tmp_path, None)) == ""
    (tmp_path / "params.txt").write_text("a barn")
    assert last_infotext(app(tmp_path, None, "a pear")) == "a barn"


def test_where_users_are_apart_they_are_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "params.txt").write_text("somebody else's")
    assert last_infotext(app(tmp_path, "ann", "a pear", "a plum")) == "a pear"
    assert last_infotext(app(tmp_path, "bob")) == ""
