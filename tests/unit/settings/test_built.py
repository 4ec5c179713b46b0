"""A setting that is marked as built is read by something."""

import re
from pathlib import Path

from modules.settings import TABLE

MODULES = Path(__file__).parents[3] / "modules"
SETTINGS = MODULES / "settings"


def words_of_the_program() -> set[str]:
    """Every word of the code outside the settings' own package."""
    files = [file for kind in ("*.py", "*.js") for file in MODULES.rglob(kind)]
    text = "\n".join(
        file.read_text(encoding="utf-8") for file in files if SETTINGS not in file.parents
    )
    return set(re.findall(r"\w+", text))


def test_every_setting_marked_as_built_is_named_where_it_is_read():
    words = words_of_the_program()
    unread = [row.key for row in TABLE if row.built and not row.hidden and row.key not in words]
    assert unread == [], "give these built=False, or read them"


def test_some_are_not_built_so_that_the_mark_means_something():
    assert any(not row.built for row in TABLE)
