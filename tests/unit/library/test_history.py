"""Claims about the history: it follows the folders, finds by words and fields, and forgets what
is gone.
"""

import os
import sqlite3
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from modules.errors import UnknownNameError
from modules.library import history as history_module
from modules.library.history import History
from modules.library.history_search import Search


def picture(path: Path, prompt: str, *, moment: int, negative: str = "", **fields: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"Steps": 20, "Sampler": "Euler a", "CFG scale": 7, "Seed": 1, "Size": "8x8"} | {
        name.replace("_", " "): value for name, value in fields.items()
    }
    line = ", ".join(f"{name}: {value}" for name, value in told.items())
    lines = [prompt, *([f"Negative prompt: {negative}"] if negative else []), line]
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "\n".join(lines))
    Image.new("RGB", (8, 8)).save(path, pnginfo=text)
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def folder(tmp_path):
    outputs = tmp_path / "outputs"
    picture(outputs / "a" / "1.png", "a red castle, <lora:ink:0.8>", moment=10, Model="dream")
    picture(outputs / "a" / "2.png", "neon city at night", moment=30, Sampler="DDIM", Seed=77)
    picture(outputs / "b" / "3.png", "a city of castles", moment=20, negative="blurry")
    return outputs


@pytest.fixture
def history(tmp_path, folder):
    made = History(tmp_path / "easel" / "history.sqlite", lambda: [folder, folder / "a"])
    made.look(force=True)
    yield made
    made.close()


def names(history: History, **wish: object) -> list[str]:
    found, total = history.search(Search(**wish))  # type: ignore[arg-type]
    assert total == len(found)
    return [Path(each.path).stem for each in found]


def test_every_picture_of_the_folders_is_listed_once_the_newest_first(history):
    assert names(history) == ["2", "3", "1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("castle", ["3", "1"]),  # the beginning of a word is enough
        ("city castle", ["3"]),
        ("CITY -night", ["3"]),
        ('"neon city"', ["2"]),
        ('"city neon"', []),
        ("blurry", ["3"]),
        ('" * ( -- )', ["2", "3", "1"]),  # no word in it: nothing is narrowed
        ('castle" OR (', []),  # OR is a word like any other
        ("NEAR(castle)", []),
        ("-castle", ["2"]),
    ],
)
def test_words_are_found_in_prompts_and_names(history, text, expected):
    assert names(history, text=text) == expected


def test_fields_narrow_a_search(history):
    assert names(history, model="dream") == ["1"]
    assert names(history, sampler="DDIM") == names(history, seed=77) == ["2"]
    assert names(history, network="ink") == ["1"]
    assert names(history, since=15, until=25) == ["3"]
    assert names(history, width=8, text="red") == ["1"]


def test_a_search_gives_a_part_and_tells_the_whole_number(history):
    found, total = history.search(Search(limit=1, offset=1))

    assert (len(found), total) == (1, 3)


def test_a_look_finds_new_and_changed_files_and_forgets_those_that_are_gone(history, folder):
    (folder / "a" / "2.png").unlink()
    picture(folder / "b" / "3.png", "a lake", moment=50)
    picture(folder / "c" / "4.png", "a hill", moment=40)

    assert history.look(force=True)
    assert names(history) == ["3", "4", "1"]
    assert names(history, text="lake") == ["3"] and names(history, text="city") == []
    assert not history.look(force=True)


def test_a_look_reads_the_newest_first_and_tells_how_far_it_is(history, folder, monkeypatch):
    seen = []
    read = history_module.read_header

    def reading(path: Path):
        seen.append((path.stem, *history.progress))
        return read(path)

    for number in (11, 12, 13):
        picture(folder / f"{number}.png", "more", moment=number * 1000)
    monkeypatch.setattr(history_module, "read_header", reading)
    history.look(force=True)
    assert seen == [("13", 0, 3), ("12", 1, 3), ("11", 2, 3)]
    assert history.progress == (0, 0)


def test_favourites_stay_when_a_file_changes(history, folder):
    found, _ = history.search(Search(text="lora"))
    history.set_favourite(found[0].id, True)
    picture(folder / "a" / "1.png", "a blue castle", moment=60)
    history.look(force=True)

    assert names(history, favourite=True) == ["1"]
    assert history.search(Search(favourite=True))[0][0].favourite


def test_a_picture_that_was_just_made_belongs_to_its_owner_alone(history, folder):
    history.add(picture(folder / "d" / "5.png", "a secret", moment=70), owner="anna")

    assert names(history, owner="anna") == ["5"]
    (number,) = [each.id for each in history.search(Search(owner="anna"))[0]]
    assert history.path(number, "anna").name == "5.png"
    with pytest.raises(UnknownNameError):
        history.path(number, "ben")
    history.look(force=True)
    assert names(history, owner="anna") == ["5"]


def test_a_favourite_outlives_the_program_and_a_forgotten_file_is_found_no_more(history, folder):
    (found,) = history.search(Search(text="neon"))[0]
    history.set_favourite(found.id, True)
    history.close()  # it opens itself again
    assert history.is_favourite(folder / "a" / "2.png")

    history.forget(folder / "a" / "2.png")

    assert names(history) == ["3", "1"]


def test_choices_name_what_occurs_the_most_frequent_first(history):
    found = history.choices()

    assert found.models == ("dream",) and found.networks == ("ink",)
    assert found.samplers == ("Euler a", "DDIM")


def test_a_file_that_is_no_picture_is_left_out(history, folder):
    (folder / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)
    (folder / "a" / "notes.txt").write_text("castle")

    history.look(force=True)

    assert names(history) == ["2", "3", "1"]


@pytest.mark.parametrize("damage", ["not a database" * 100, None])
def test_a_damaged_or_foreign_database_is_made_anew(tmp_path, folder, damage):
    file = tmp_path / "history.sqlite"
    if damage is None:
        with sqlite3.connect(file) as base:
            base.execute("pragma user_version = 99")
        base.close()
    else:
        file.write_text(damage)
    made = History(file, lambda: [folder])

    made.look(force=True)

    assert names(made) == ["2", "3", "1"]
    made.close()
