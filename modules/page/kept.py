"""What the browser kept of the page before it was loaded again; it may be an older page's, or
anybody's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.page.form import PAGE_TABS, SOURCE_TABS, TABS, fits


@dataclass(frozen=True)
class Kept:
    """opened: names of the open tab and of img2img's open sub-tab, "" where unknown. forms: by tab,
    the values by field. size: the checkpoint's own (width, height) at that time.
    """

    opened: tuple[str, str] = ("", "")
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    def values(self, tab: str, size: tuple[int, int]) -> dict[str, Any]:
        """Form values by name; `size` is the checkpoint's own now, and takes the place of sizes
        that nobody had touched.
        """
        found = {
            name: value for name, value in self.forms.get(tab, {}).items() if fits(name, value)
        }
        shown = (found.get("width"), found.get("height"))
        if None in shown or shown == self.size:
            found["width"], found["height"] = size
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
    opened, source, size = record.get("opened"), record.get("source"), record.get("size")
    return Kept(
        opened=(opened if opened in PAGE_TABS else "", source if source in SOURCE_TABS else ""),
        forms=forms,
        size=tuple(size) if isinstance(size, list) and len(size) == 2 else None,
    )
