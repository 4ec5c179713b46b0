"""The styles that lie on disk: one list out of all styles files.

Knows where the files are; what is in a style is `generation.styles`.
"""

from __future__ import annotations

import logging

from modules.flags import Paths
from modules.generation.styles import Style, read_csv

log = logging.getLogger(__name__)


def read_styles(paths: Paths) -> dict[str, Style]:
    """All styles by name; of two with one name the first counts. An unreadable file has none."""
    styles: dict[str, Style] = {}
    for file in paths.styles_files:
        try:
            found = read_csv(file.read_text("utf-8-sig"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the styles of %s can't be read: %s", file, error)
            continue
        for style in found:
            styles.setdefault(style.name, style)
    return styles
