"""log.csv holds a line for each saved picture, whatever was in the file before."""

import csv
from pathlib import Path

import pytest

from modules.errors import StorageError
from modules.library.saved_log import COLUMNS, SavedLog

ROW = {
    "prompt": 'a "red" fox,\nleaping',
    "seed": 7,
    "filename": "00001-7.png",
    "negative_prompt": "=fog",
    "sampler": "Euler a",
}


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_new_log_begins_with_the_columns_and_then_grows_by_lines(tmp_path):
    log = SavedLog()
    log.append(tmp_path, ROW)
    log.append(tmp_path, {**ROW, "prompt": "ein Bär"})
    assert (tmp_path / "log.csv").read_text("utf-8").startswith(",".join(COLUMNS))
    first, second = lines(tmp_path)
    assert first["prompt"] == ROW["prompt"] and first["seed"] == "7" and first["width"] == ""
    assert second["prompt"] == "ein Bär" and first["sampler"] == "Euler a"


def test_an_old_log_keeps_its_lines_and_columns_and_gets_those_it_lacks(tmp_path):
    old = "\ufeffseed,filename,mark,prompt\r\n5,a.png,good,old one\r\n\r\n6,b.png\r\n"
    (tmp_path / "log.csv").write_bytes(old.encode() + b"8,c.png,\xe4,latin\r\n")
    SavedLog().append(tmp_path, ROW)
    raw = (tmp_path / "log.csv").read_bytes()
    assert b"\xe4" in raw, "what is no UTF-8 stays as it was"
    (tmp_path / "log.csv").write_bytes(raw.replace(b"\xe4", b"e"))
    found = lines(tmp_path)
    assert list(found[0])[:4] == ["seed", "filename", "mark", "prompt"]
    assert set(found[0]) == {"mark", *COLUMNS}
    assert [row["filename"] for row in found] == ["a.png", "b.png", "c.png", "00001-7.png"]
    assert found[0]["mark"] == "good" and found[0]["steps"] == "" and found[3]["mark"] == ""


def test_a_line_that_a_kill_cut_off_does_not_swallow_the_next(tmp_path):
    log = SavedLog()
    log.append(tmp_path, ROW)
    with (tmp_path / "log.csv").open("ab") as file:
        file.write(b"cut,8")
    log.append(tmp_path, {**ROW, "seed": 9})
    assert [row["seed"] for row in lines(tmp_path)] == ["7", "8", "9"]


def test_where_the_log_can_t_be_written_that_is_told(tmp_path):
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(StorageError, match=r"log\.csv can't be written"):
        SavedLog().append(tmp_path, ROW)
