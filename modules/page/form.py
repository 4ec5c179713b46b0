"""What the page's form holds, as plain values: into a Request, and back from an infotext.

Knows no Gradio: the tabs hand values over by name, in the order of their own controls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modules.errors import RequestError
from modules.generation import infotext as infotexts
from modules.generation.request import RESIZE_MODES, Init, Request
from modules.settings import OPTIONS, TABLE, Settings

_WHOLE = (
    "steps",
    "batch_size",
    "n_iter",
    "width",
    "height",
    "seed",
    "subseed",
    "seed_resize_from_w",
    "seed_resize_from_h",
)
TABS = ("txt2img", "img2img")
PAGE_TABS = (*TABS, "pnginfo", "settings")
SOURCE_TABS = ("img2img", "sketch")
_TEXTS = ("prompt", "negative_prompt", "sampler_name", "scheduler", "resize_mode")
_NAMES = (
    "prompt",
    "negative_prompt",
    "sampler_name",
    "scheduler",
    "steps",
    "width",
    "height",
    "batch_size",
    "n_iter",
    "cfg_scale",
    "seed",
    "subseed",
    "subseed_strength",
    "seed_resize_from_w",
    "seed_resize_from_h",
)


@dataclass(frozen=True)
class Kept:
    """What the browser kept of the page before it was loaded again.

    opened: names of the open tab and of img2img's open sub-tab, "" where unknown. forms: by tab,
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
            name: value for name, value in self.forms.get(tab, {}).items() if _fits(name, value)
        }
        shown = (found.get("width"), found.get("height"))
        if None in shown or shown == self.size:
            found["width"], found["height"] = size
        return found


def kept(text: str | None) -> Kept:
    """The browser's record read; whatever is not understood is left out, for the record may be an
    older page's.
    """
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


def _fits(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "override_settings":
        return isinstance(value, list) and all(isinstance(label, str) for label in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (name in _NAMES or name == "denoising_strength")


def to_request(values: Mapping[str, Any], *, image: str | None = None) -> Request:
    """The wish in the form's `values`; `image` is the sum of the stored start picture (img2img).

    RequestError where a value can't be used; it names the field.
    """
    fields = {name: values[name] for name in _NAMES}
    for name in _WHOLE:
        fields[name] = _whole(name, fields[name])
    init = None
    if image is not None:
        init = Init(
            images=(image,),
            denoising_strength=float(values["denoising_strength"]),
            resize_mode=RESIZE_MODES.index(values["resize_mode"]),
        )
    overrides = overrides_from_labels(values.get("override_settings") or ())
    return Request(**fields, init=init, override_settings=overrides)


def _whole(name: str, value: Any) -> int:
    """A number field as a whole number; empty seed fields mean -1."""
    if value in (None, ""):
        if name in ("seed", "subseed"):
            return -1
        raise RequestError(f"{name} is empty; give a number", field=name)
    try:
        number = float(value) if isinstance(value, float) else int(value)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{name} is {value!r}; give a whole number", field=name) from error
    if number != int(number):
        raise RequestError(f"{name} is {value!r}; give a whole number", field=name)
    return int(number)


def overrides_from_labels(labels: Sequence[str]) -> dict[str, Any]:
    """Entries such as "Clip skip: 2" as settings by key; RequestError for a meaningless one."""
    found: dict[str, Any] = {}
    for label in labels:
        name, colon, value = label.partition(":")
        row = _OVERRIDES.get(name.strip())
        if not colon or row is None:
            raise RequestError(
                f"{label!r} is no setting for one job; remove it from Override settings",
                field="override_settings",
            )
        found[row.key] = row.coerce(value.strip())
    return found


_OVERRIDES = {row.infotext: row for row in TABLE if row.infotext}


def override_labels(overrides: Mapping[str, Any], settings: Settings) -> list[str]:
    """Entries for the settings in `overrides` that differ from those in force.

    The checkpoint is passed over while the setting `disable_weights_auto_swap` is on, as in A1111.
    """
    labels = []
    for key, value in overrides.items():
        row = OPTIONS.get(key)
        if row is None or not row.infotext or settings.get(key) == value:
            continue
        if key == "sd_model_checkpoint" and settings.infotext.disable_weights_auto_swap:
            continue
        labels.append(f"{row.infotext}: {value}")
    return labels


def from_infotext(text: str, settings: Settings) -> dict[str, Any]:
    """Form values by name for every field that `text` names; {} where it holds no parameters.

    Unknown samplers and schedules are left out, so that the form keeps its own.
    """
    parsed = infotexts.parse(text, old_behaviour=settings.compatibility.auto_backcompat)
    if not parsed.fields:
        return {"prompt": parsed.prompt} if parsed.prompt else {}
    found = infotexts.to_api_fields(parsed, paste=True)
    values = {name: found[name] for name in (*_NAMES, "denoising_strength") if name in found}
    values["override_settings"] = override_labels(found.get("override_settings", {}), settings)
    return values


def sent_along(values: Mapping[str, Any], seed: int, settings: Settings) -> dict[str, Any]:
    """What goes with a picture to another tab: seed and size only where the settings want it."""
    left_out = () if settings.ui.send_size else ("width", "height")
    found = {name: value for name, value in values.items() if name not in (*left_out, "seed")}
    return found | ({"seed": seed} if settings.ui.send_seed else {})
