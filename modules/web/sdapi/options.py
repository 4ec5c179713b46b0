"""GET and POST /options: the settings as one flat object (interface 16.4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from modules.app import App
from modules.errors import UnknownNameError
from modules.library.catalog import AUTOMATIC, NONE
from modules.settings import OPTIONS

log = logging.getLogger(__name__)

_CHECKPOINT = "sd_model_checkpoint"
_VAE = "sd_vae"


def read(app: App) -> dict[str, Any]:
    """Every key, also the unknown ones of config.json; the checkpoint by its title."""
    values = {**app.settings.unknown, **app.settings.current.as_dict()}
    try:
        values[_CHECKPOINT] = app.catalog.default(values.get(_CHECKPOINT) or None).title
    except UnknownNameError as error:  # the chosen file is gone: that keeps nobody from reading
        log.warning("%s", error)
    return values


def write(app: App, changes: Mapping[str, Any]) -> None:
    """Change settings. Frozen and hidden ones, those that the API must not touch, and what is as it
    was are passed over.

    UnknownNameError where checkpoint or VAE are not there, SettingsError where a value can't be
    used.
    """
    now = read(app)
    wanted = {
        key: value
        for key, value in changes.items()
        if _may_be_set(app, key) and not (key in now and now[key] == value)
    }
    checkpoint = wanted.get(_CHECKPOINT)
    if checkpoint:
        found = app.catalog.find(str(checkpoint))
        wanted[_CHECKPOINT] = found.title
    vae = wanted.get(_VAE)
    if isinstance(vae, str) and vae not in ("", AUTOMATIC, NONE):
        app.catalog.find_vae(vae)
    # Keys of other programs that config.json holds are theirs to change; new ones are misspellings.
    foreign = {key: wanted.pop(key) for key in list(wanted) if key in app.settings.unknown}
    app.settings.update(wanted)
    if foreign:
        app.settings.update(foreign, keep_unknown=True)


def _may_be_set(app: App, key: str) -> bool:
    option = OPTIONS.get(key)
    return option is None or not (
        option.restrict_api
        or (option.hidden_dir and app.flags.hides_folders)
        or app.flags.is_frozen(key, option.section)
    )
