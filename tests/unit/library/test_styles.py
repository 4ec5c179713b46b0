"""Style files: read as A1111 writes them, saved where each style came from, never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.errors import RequestError
from modules.generation.styles import Style
from modules.library.styles import StyleFiles, is_divider

INK = Style("ink", "ink drawing", "colour")
GOLD = Style("gold", "{prompt}, golden", "")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files, the second with a style, as the original writes it."""
    second = tmp_path / "more.csv"
    second.write_bytes(b"\xef\xbb\xbfname,prompt,negative_prompt\r\ngold,old gold,\r\n")
    return [tmp_path / "styles.csv", second]


def test_without_files_there_are_no_styles(tmp_path: Path) -> None:
    book = StyleFiles([tmp_path / "styles.csv"])
    assert book.by_name() == {} and book.menu() == []


def test_a_new_style_goes_to_the_first_file_with_a_byte_order_mark(files: list[Path]) -> None:
    StyleFiles(files).save(INK)
    assert files[0].read_bytes() == (
        b"\xef\xbb\xbfname,prompt,negative_prompt\nink,ink drawing,colour\n"
    )
    assert StyleFiles(files).by_name()["ink"] == INK


def test_a_known_style_goes_back_to_its_own_file_which_is_kept_as_bak(files: list[Path]) -> None:
    before = files[1].read_bytes()
    book = StyleFiles(files)
    book.save(GOLD)
    assert not files[0].exists()
    assert book.by_name() == {"gold": GOLD}
    assert files[1].with_name("more.csv.bak").read_bytes() == before


def test_several_files_are_told_apart_in_the_menu_and_one_is_not(files: list[Path]) -> None:
    book = StyleFiles(files)
    book.save(INK)
    menu = book.menu()
    assert [name for name in menu if not is_divider(name)] == ["ink", "gold"]
    assert [name.strip("- ") for name in menu if is_divider(name)] == ["styles.csv", "more.csv"]
    assert StyleFiles(files[:1]).menu() == ["ink"]


def test_of_two_styles_with_one_name_the_first_files_counts(files: list[Path]) -> None:
    files[0].write_text("name,prompt,negative_prompt\ngold,new gold,\n", "utf-8")
    book = StyleFiles(files)
    assert book.by_name()["gold"].prompt == "new gold"
    assert [name for name in book.menu() if not is_divider(name)] == ["gold"]


def test_a_deleted_style_is_gone_and_the_others_stay(files: list[Path]) -> None:
    book = StyleFiles(files)
    book.save(INK)
    book.delete("gold")
    assert list(book.by_name()) == ["ink"]
    with pytest.raises(RequestError, match="no style 'gold'"):
        book.delete("gold")


@pytest.mark.parametrize("name", ["", "  ", "# note", "--- styles.csv ---"])
def test_a_name_that_would_not_be_read_back_is_refused(files: list[Path], name: str) -> None:
    with pytest.raises(RequestError, match="no name for a style"):
        StyleFiles(files).save(Style(name, "text"))


def test_a_file_that_is_no_utf8_has_no_styles_and_is_not_written_over(files: list[Path]) -> None:
    files[0].write_bytes(b"name,prompt\ncaf\xe9,x\n")
    book = StyleFiles(files)
    assert list(book.by_name()) == ["gold"]
    with pytest.raises(RequestError, match="UTF-8"):
        book.save(INK)
    assert files[0].read_bytes() == b"name,prompt\ncaf\xe9,x\n"
