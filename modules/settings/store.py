"""The settings' file: A1111's flat config.json.

Keeps in the file what it does not understand: keys of other programs, and values that a setting
can't take. It knows no flag, so it does not ask who may change a setting.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.errors import SettingsError, StorageError
from modules.settings.atomic import put_in_place
from modules.settings.table import OPTIONS, Settings, read_values

log = logging.getLogger(__name__)


class SettingsStore:
    """The current settings and their file. Any thread may read and change them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._settings = Settings()
        self._file: dict[str, Any] = {}  # as it was read or last written

    @property
    def current(self) -> Settings:
        return self._settings

    def snapshot(self) -> Settings:
        """The settings at this moment; a later change makes another value and leaves this one
        alone.
        """
        return self._settings

    @property
    def unknown(self) -> dict[str, Any]:
        """Keys of the file that are no settings here; clients may read and set them."""
        with self._lock:
            return {key: value for key, value in self._file.items() if key not in OPTIONS}

    def load(self) -> Settings:
        """Read the file. A missing one means defaults; a damaged one is moved aside, with a
        warning.
        """
        with self._lock:
            self._file = migrated(self._read())
            known = {key: value for key, value in self._file.items() if key in OPTIONS}
            self._settings, unusable = read_values(known)
        for key, reason in unusable.items():
            log.warning("%s: %s; the default %r is used", self.path, reason, OPTIONS[key].default)
        return self._settings

    def update(self, changes: Mapping[str, Any], *, keep_unknown: bool = False) -> list[str]:
        """Change settings and write the file; the keys whose value is another now, in the order
        given.

        SettingsError if any can't be done, and then none is done; with `keep_unknown`, keys that
        are no settings are kept in the file instead. StorageError if the file can't be written.
        """
        with self._lock:
            known = {key: value for key, value in changes.items() if key in OPTIONS}
            foreign = {key: value for key, value in changes.items() if key not in OPTIONS}
            settings = self._settings.with_changes(known if keep_unknown else changes)
            changed = [key for key in known if settings.get(key) != self._settings.get(key)]
            changed += [
                key for key, value in foreign.items() if self._file.get(key, _ABSENT) != value
            ]
            if changed:
                contents = self._contents(settings, set(known)) | foreign
                self._write(contents)
                self._file, self._settings = contents, settings
        return changed

    def _contents(self, settings: Settings, set_now: set[str]) -> dict[str, Any]:
        """What the file shall hold: the values off their default, and whatever stood in it before.

        A value that could not be used stays as it was until the setting is set anew.
        """
        off_default = settings.changed()
        contents = dict(self._file)
        for key, value in settings.as_dict().items():
            refused = key in self._file and key not in set_now and not _usable(key, self._file[key])
            if key in off_default or (key in self._file and not refused):
                contents[key] = value
        return contents

    def _read(self) -> dict[str, Any]:
        try:
            contents = json.loads(self.path.read_text(encoding="utf-8-sig"))
            if not isinstance(contents, dict):
                raise ValueError("it holds no JSON object")
            return contents
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(
                f"can't read the settings {self.path}: {error.strerror}; mend its rights, or name "
                "another with --ui-settings-file"
            ) from error
        except ValueError as error:  # bad JSON or bad UTF-8
            self._move_aside(error)
            return {}

    def _move_aside(self, fault: ValueError) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        try:
            self.path.replace(aside)
        except OSError as error:
            raise StorageError(
                f"the settings {self.path} are damaged ({fault}) and can't be moved: "
                f"{error.strerror}; mend or remove the file"
            ) from error
        log.warning(
            "the settings %s are damaged (%s): moved to %s, defaults are used",
            self.path,
            fault,
            aside.name,
        )

    def _write(self, contents: Mapping[str, Any]) -> None:
        """Whole or not at all: a reader sees the old file or the new one."""
        text = json.dumps(contents, indent=4, ensure_ascii=False)
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            put_in_place(temporary, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise StorageError(
                f"can't write the settings {self.path}: {error.strerror}; nothing was changed"
            ) from error


_ABSENT = object()


def _usable(key: str, value: Any) -> bool:
    try:
        OPTIONS[key].coerce(value)
    except SettingsError:
        return False
    return True


def migrated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Old keys of A1111's file under their present names (A1111 interface: configuration files)."""
    result = dict(values)
    for old, new in (("quicksettings", "quicksettings_list"), ("ui_reorder", "ui_reorder_list")):
        listed = result.pop(old, None)
        if isinstance(listed, str) and new not in result:
            result[new] = [part.strip() for part in listed.split(",") if part.strip()]
    as_default = result.pop("sd_vae_as_default", None)
    if isinstance(as_default, bool):
        result.setdefault("sd_vae_overrides_per_model_preferences", not as_default)
    return result
