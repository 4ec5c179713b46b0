"""Translations of the page: A1111's JSON files, each a flat map from a text to its translation.

Knows files and what they say; which texts there are is the page's business. Rules: A1111 interface,
configuration files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NONE = "None"  # the setting's word for the page's own language
_RTL = "rtl"  # this key turns the page's direction; it is no text


@dataclass(frozen=True)
class Localization:
    """words: translation by text. rtl: whether it is written from right to left. troubles: what of
    its files could not be used, a line each.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    rtl: bool = False
    troubles: tuple[str, ...] = ()

    def of(self, text: str) -> str:
        """The translation of `text`, else the text itself. Space around it stays."""
        bare = text.strip()
        found = self.words.get(bare)
        return text if found is None else text.replace(bare, found, 1)


class Localizations:
    """All files `<name>.json` of some folders. Read anew at each call: people edit them by hand."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """folders: of two files with one name, what the later folder's says counts."""
        self._folders = tuple(folders)

    def names(self) -> list[str]:
        """Every translation there is, by the alphabet."""
        return sorted({file.stem for folder in self._folders for file in folder.glob("*.json")})

    def read(self, name: str) -> Localization:
        """The translation of that name; an empty one for NONE. Never raises: what can't be used is
        told.
        """
        if name in (NONE, ""):
            return Localization()
        words: dict[str, str] = {}
        troubles: list[str] = []
        rtl = False
        # The name may come from anybody: only a listed one becomes part of a path.
        files = [folder / f"{name}.json" for folder in self._folders if name in self.names()]
        files = [file for file in files if file.is_file()]
        for file in files:
            found = _contents(file, troubles)
            rtl = bool(found.pop(_RTL, rtl))
            for text, translation in found.items():
                if not isinstance(translation, str):
                    troubles.append(f"{file}: the translation of {text!r} is no text; ignored")
                elif translation:
                    words[text.strip()] = translation
        if not files:
            troubles.append(
                f"there is no translation {name!r}: put {name}.json into {self._folders[-1]}, or "
                "choose another in the settings"
            )
        return Localization(words, rtl, tuple(troubles))


def _contents(file: Path, troubles: list[str]) -> dict[str, object]:
    try:
        contents = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:  # ValueError: bad JSON or bad UTF-8
        troubles.append(f"the translation {file} can't be read: {error}; the page stays English")
        return {}
    if not isinstance(contents, dict):
        troubles.append(f"the translation {file} holds no JSON object; the page stays English")
        return {}
    return contents
