"""The file of the page's default values: A1111's flat ui-config.json.

Knows its keys' form, `<tab>/<Label>/<what>` ("txt2img/Sampling steps/value"), and keeps in the file
what it does not understand. Which controls there are, and what they take, is the page's business.
Rules: A1111 interface, configuration files.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modules.errors import StorageError
from modules.pictures.files import storage_error, write

# The original keeps what its built-in scripts draw (sampler, seed, refiner) under the script.
_KEY = re.compile(
    r"(?P<script>customscript/[^/]+\.py/)?(?P<tab>[^/]+)/(?P<label>.+)/"
    r"(?P<what>value|minimum|maximum|step|visible|selected)"
)
Place = tuple[str, str, str]  # tab, label, what


def key_of(place: Place) -> str:
    return "/".join(place)


class UiConfig:
    """Read anew at each call: people edit it by hand. Several may save at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> tuple[dict[Place, Any], str]:
        """What the file says by place, and why it can't be used ("" where it can). A missing one
        says nothing.
        """
        try:
            contents = self._contents()
        except (OSError, ValueError) as error:  # ValueError: bad JSON or bad UTF-8
            return {}, f"{self.path} can't be read: {error}; the page has its own defaults"
        found: dict[Place, Any] = {}
        for key, value in sorted(
            contents.items(), key=lambda entry: "customscript" not in entry[0]
        ):
            if parts := _KEY.fullmatch(key):
                # A plain key stands after those of scripts, and counts.
                found[parts["tab"], parts["label"], parts["what"]] = value
        return found, ""

    def save(self, changes: Mapping[Place, Any], forget: Iterable[Place] = ()) -> None:
        """Write these values, and remove others. StorageError where the disk refuses.

        A file that can't be read is kept beside the new one.
        """
        with self._lock:
            contents = self._readable()
            gone = set(forget)
            for key in list(contents):
                parts = _KEY.fullmatch(key)
                place = (parts["tab"], parts["label"], parts["what"]) if parts else None
                if place in gone or place in changes:
                    del contents[key]
            contents |= {key_of(place): value for place, value in changes.items()}
            text = json.dumps(contents, indent=4, ensure_ascii=False) + "\n"
            write(self.path, text.encode("utf-8"))

    def _contents(self) -> dict[str, Any]:
        try:
            contents = json.loads(self.path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return {}
        if not isinstance(contents, dict):
            raise ValueError("it holds no JSON object")
        return contents

    def _readable(self) -> dict[str, Any]:
        try:
            return self._contents()
        except ValueError:
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            try:
                self.path.replace(aside)
            except OSError as error:
                raise storage_error(self.path, error) from error
            return {}
        except OSError as error:
            raise StorageError(
                f"{self.path} can't be read: {error.strerror}; mend its rights"
            ) from error
