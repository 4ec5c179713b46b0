"""The style files: all styles by name, saved to the file that a style came from.

Knows files and their order; what a style does to a prompt is `generation.styles`'s business. Rules:
A1111 interface, styles.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from modules.errors import RequestError
from modules.generation.styles import Style, read_csv, write_csv
from modules.pictures.files import storage_error, write

log = logging.getLogger(__name__)

_DIVIDER_WIDTH = 40


class StyleFiles:
    """Styles in one or several CSV files. Read anew at each call: people edit them by hand."""

    def __init__(self, files: Sequence[Path]) -> None:
        """files: the first takes new styles; one that is not there holds none."""
        assert files, "there is always a first file for new styles"
        self._files = tuple(files)
        self._lock = threading.Lock()  # two people may save at once

    def by_name(self) -> dict[str, Style]:
        """All styles; of two with one name the first counts. An unreadable file has none."""
        styles: dict[str, Style] = {}
        for file in self._files:
            for style in self._read(file):
                styles.setdefault(style.name, style)
        return styles

    def menu(self) -> list[str]:
        """Names in the order of the files; with several files a divider stands before each one's
        own.
        """
        names: list[str] = []
        for file in self._files:
            own = [style.name for style in self._read(file) if style.name not in names]
            if own and len(self._files) > 1:
                names.append(f" {file.name} ".center(_DIVIDER_WIDTH, "-"))
            names += own
        return names

    def save(self, style: Style) -> None:
        """Put the style into the file that has one of its name, else into the first.

        The file as it was is kept beside it, with .bak at its name's end. RequestError for a name
        that the file could not give back; StorageError where the disk refuses.
        """
        name = style.name
        if not name.strip() or name.startswith("#") or is_divider(name):
            raise RequestError(
                f"{name!r} is no name for a style; give one that does not begin with #",
                field="styles",
            )
        with self._lock:
            file = self._home(name) or self._files[0]
            styles = self._read_to_change(file)
            if any(other.name == name for other in styles):
                styles = [style if other.name == name else other for other in styles]
            else:
                styles.append(style)
            self._write(file, styles)

    def delete(self, name: str) -> None:
        """Take the style out of its file. RequestError where there is none of that name."""
        with self._lock:
            file = self._home(name)
            if file is None:
                raise RequestError(f"there is no style {name!r}", field="styles")
            self._write(file, [each for each in self._read_to_change(file) if each.name != name])

    def _home(self, name: str) -> Path | None:
        """The first file that has a style of that name."""
        for file in self._files:
            if any(style.name == name for style in self._read(file)):
                return file
        return None

    def _read(self, file: Path) -> list[Style]:
        try:
            return read_csv(file.read_text("utf-8-sig"))
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the styles of %s can't be read: %s", file, error)
            return []

    def _read_to_change(self, file: Path) -> list[Style]:
        """As `_read`, but what can't be read must not be written over."""
        try:
            return read_csv(file.read_text("utf-8-sig"))
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise RequestError(
                f"{file} is no UTF-8 text ({error}); save it as UTF-8 first", field="styles"
            ) from error
        except OSError as error:
            raise storage_error(file, error) from error

    def _write(self, file: Path, styles: Sequence[Style]) -> None:
        try:
            before = file.read_bytes()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(file, error) from error
        else:
            write(file.with_name(file.name + ".bak"), before)
        write(file, write_csv(styles).encode("utf-8-sig"))


def is_divider(name: str) -> bool:
    """Whether an entry of the menu is a file's name between dashes, and no style."""
    return name.startswith("-") and name.endswith("-") and " " in name
