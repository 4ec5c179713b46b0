"""How the page's lists call checkpoints: by their titles, or without their directories where the
setting `sd_checkpoint_dropdown_use_short` wants that.

Whatever a list shows, `catalog.find` knows it.
"""

from __future__ import annotations

from collections import Counter

from modules.app import App
from modules.library.catalog import CheckpointFile


def titles(app: App) -> list[str]:
    """All checkpoints as the lists show them; two that would be called alike keep their
    directories.
    """
    found = [entry.title for entry in app.catalog.checkpoints]
    if not app.settings.current.ui_alternatives.sd_checkpoint_dropdown_use_short:
        return found
    count = Counter(map(_short, found))
    return [_short(title) if count[_short(title)] == 1 else title for title in found]


def title(app: App, checkpoint: CheckpointFile) -> str:
    """How the lists call this one."""
    own, listed = checkpoint.title, titles(app)
    return own if own in listed or _short(own) not in listed else _short(own)


def _short(title: str) -> str:
    name, bracket, rest = title.partition(" [")
    return name.rpartition("/")[2] + bracket + rest
