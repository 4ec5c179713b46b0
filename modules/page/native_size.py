"""What the form follows of the checkpoint in use: its size, and whether it is told by pictures."""

from __future__ import annotations

from modules.app import App
from modules.errors import EaselError


def native_size(app: App) -> tuple[int, int]:
    """(width, height) in pixels that the checkpoint in use was made for."""
    try:
        chosen = app.catalog.default(app.settings.current.sd.sd_model_checkpoint)
    except EaselError:
        return (512, 512)
    return app.catalog.default_size(chosen)


def is_told_by_pictures(app: App) -> bool:
    """Whether the checkpoint in use is of InstructPix2Pix's kind."""
    try:
        chosen = app.catalog.default(app.settings.current.sd.sd_model_checkpoint)
    except EaselError:
        return False
    return app.catalog.is_told_by_pictures(chosen)
