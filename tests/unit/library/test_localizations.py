"""Translations: what their files say, and what of them can't be used."""

import json
from pathlib import Path

from modules.flags.paths import PROGRAM_DIR
from modules.library.localizations import Localizations


def test_the_users_file_goes_over_the_programs_and_what_is_no_text_is_told(tmp_path: Path):
    ours, users = tmp_path / "program", tmp_path / "data"
    for folder, words in (
        (ours, {"Generate": "Machen", "Skip": "Weiter"}),
        (users, {"Generate": "Malen", "Seed": 7, "Width": "", "rtl": True}),
    ):
        folder.mkdir()
        (folder / "de.json").write_text(json.dumps(words), encoding="utf-8-sig")
    found = Localizations([ours, users]).read("de")
    assert found.words == {"Generate": "Malen", "Skip": "Weiter"}
    assert found.rtl
    assert [line.partition("of ")[2] for line in found.troubles] == ["'Seed' is no text; ignored"]
    assert found.of(" Generate\n") == " Malen\n"
    assert found.of("Height") == "Height"


def test_a_damaged_or_missing_translation_is_told_and_leaves_the_page_as_it_is(tmp_path: Path):
    files = Localizations([tmp_path])
    (tmp_path / "broken.json").write_text('{"Generate": ')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path.parent / "outside.json").write_text('{"Generate": "x"}')
    for name in ("broken", "list", "gone", "../outside"):
        found = files.read(name)
        assert not found.words, name
        assert len(found.troubles) == 1 and name in found.troubles[0]
    assert not files.read("None").troubles
    assert files.names() == ["broken", "list"]


def test_every_translation_that_is_shipped_can_be_used():
    files = Localizations([PROGRAM_DIR / "localizations"])
    assert "Deutsch" in files.names()
    for name in files.names():
        found = files.read(name)
        assert not found.troubles and len(found.words) > 100, name
