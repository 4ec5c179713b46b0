"""What the browser kept of the page before it was loaded again; it may be an older page's, or
anybody's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.page.form import PAGE_TABS, SOURCE_TABS, TABS, fits

_ABSENT = object()
_SIDES = ("width", "height")


@dataclass(frozen=True)
class Kept:
    """opened: names of the open tab and of img2img's open sub-tab, "" where unknown. forms: by tab,
    the values by field. defaults: those that a fresh form had at that time; its size only where it
    was not the checkpoint's own. size: the checkpoint's own (width, height) then.
    """

    opened: tuple[str, str] = ("", "")
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    def values(
        self, tab: str, size: tuple[int, int], default: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """Form values by name; `size` is the checkpoint's own now, and takes the place of sizes
        that nobody had touched. default: the size that a fresh form has instead. What was the
        page's default then is left out: it may be another now.
        """
        before = self.defaults.get(tab, {})
        found = {
            name: value
            for name, value in self.forms.get(tab, {}).items()
            if fits(name, value) and (name in _SIDES or before.get(name, _ABSENT) != value)
        }
        shown = (found.get("width"), found.get("height"))
        fresh = (before.get("width"), before.get("height"))
        if None in shown or shown == (self.size if None in fresh else fresh):
            found["width"], found["height"] = default or size
        return found


def kept(text: str | None) -> Kept:
    """The browser's record read; whatever is not understood is left out."""
    try:
        record = json.loads(text or "{}")
    except json.JSONDecodeError:
        return Kept()
    if not isinstance(record, dict):
        return Kept()
    forms = {tab: record[tab] for tab in TABS if isinstance(record.get(tab), dict)}
    defaults = record.get("defaults")
    before = defaults if isinstance(defaults, dict) else {}
    opened, source, size = record.get("opened"), record.get("source"), record.get("size")
    return Kept(
        opened=(opened if opened in PAGE_TABS else "", source if source in SOURCE_TABS else ""),
        forms=forms,
        defaults={tab: before[tab] for tab in TABS if isinstance(before.get(tab), dict)},
        size=tuple(size) if isinstance(size, list) and len(size) == 2 else None,
    )
