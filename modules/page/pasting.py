"""From an infotext to the form's values: what pasting, sending and reading parameters fill in.

Knows no Gradio and no file; the styles that exist are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from modules.generation import infotext as infotexts
from modules.generation.infotext_fields import (
    SAME_CHECKPOINT,
    SAME_SAMPLER,
    SAME_SCHEDULE,
    Infotext,
)
from modules.generation.request import FILL_MODES
from modules.generation.soft_inpainting import from_scripts
from modules.generation.styles import Style
from modules.page.form import FIELDS, INPAINT_AREAS, MASK_MODES
from modules.settings import OPTIONS, Settings

# What a picture with hires fix was made with where its text does not say otherwise.
_HIRES = {
    "hr_upscaler": "Latent",
    "hr_second_pass_steps": 0,
    "hr_checkpoint_name": SAME_CHECKPOINT,
    "hr_sampler_name": SAME_SAMPLER,
    "hr_scheduler": SAME_SCHEDULE,
    "hr_prompt": "",
    "hr_negative_prompt": "",
}
_SEED_EXTRAS = {
    "subseed": -1,
    "subseed_strength": 0.0,
    "seed_resize_from_w": 0,
    "seed_resize_from_h": 0,
}


def from_infotext(text: str, settings: Settings, styles: Sequence[Style] = ()) -> dict[str, Any]:
    """Form values by name for every field that `text` names; {} where it holds no parameters.

    Unknown samplers and schedules are left out, so that the form keeps its own. What a text without
    hires fix or variation does not name, it turns off. `styles` found in the prompts are treated as
    the setting `infotext_styles` says.
    """
    parsed = infotexts.parse(text, old_behaviour=settings.compatibility.auto_backcompat)
    if not parsed.fields:
        return {"prompt": parsed.prompt} if parsed.prompt else {}
    parsed = _without(parsed, settings.infotext.infotext_skip_pasting)
    parsed = infotexts.take_styles(parsed, styles, settings.infotext.infotext_styles)
    found = infotexts.to_api_fields(parsed, paste=True)
    values = {name: value for name, value in found.items() if name in FIELDS}
    for label, name in (("Prompt", "prompt"), ("Negative prompt", "negative_prompt")):
        if label in settings.infotext.infotext_skip_pasting:
            values.pop(name, None)  # else it would empty the form's own
    values["enable_hr"] = bool(found.get("enable_hr"))
    if values["enable_hr"]:
        values = _HIRES | values
    values["seed_enable_extras"] = not _SEED_EXTRAS.keys().isdisjoint(found)
    if values["seed_enable_extras"]:
        values = _SEED_EXTRAS | values
    values["enable_refiner"] = "refiner_checkpoint" in found
    values |= _mask_words(found) | _soft(found)
    values["override_settings"] = override_labels(found.get("override_settings", {}), settings)
    return values


def _without(parsed: Infotext, names: Collection[str]) -> Infotext:
    """Without the fields of these names, among which may be the prompts."""
    left_out = {*names, *(("Size-1", "Size-2") if "Size" in names else ())}
    fields = {name: value for name, value in parsed.fields.items() if name not in left_out}
    return replace(
        parsed,
        prompt="" if "Prompt" in names else parsed.prompt,
        negative_prompt="" if "Negative prompt" in names else parsed.negative_prompt,
        fields=fields,
    )


def _mask_words(found: Mapping[str, Any]) -> dict[str, str]:
    """The mask's choices, which are numbers in the API, as the form says them."""
    rows = (
        ("inpainting_mask_invert", MASK_MODES),
        ("inpainting_fill", FILL_MODES),
        ("inpaint_full_res", INPAINT_AREAS),
    )
    return {name: choices[int(found[name])] for name, choices in rows if name in found}


def _soft(found: Mapping[str, Any]) -> dict[str, Any]:
    """Soft inpainting's numbers, which are a script's arguments in the API."""
    soft = from_scripts(found.get("alwayson_scripts", {}))
    numbers = {f"soft_{name}": value for name, value in asdict(soft).items()} if soft else {}
    return {"soft_enabled": soft is not None, **numbers}


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


def sent_along(values: Mapping[str, Any], seed: int, settings: Settings) -> dict[str, Any]:
    """What goes with a picture to another tab: seed and size only where the settings want it."""
    left_out = () if settings.ui.send_size else ("width", "height")
    found = {name: value for name, value in values.items() if name not in (*left_out, "seed")}
    return found | ({"seed": seed} if settings.ui.send_seed else {})
