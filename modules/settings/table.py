"""All settings together: the record `Settings`, and the table of its rows.

`Settings` is a value: it is handed to whoever needs it and changed only by making another. It knows
no file and no flag; what a setting does is known where it is read.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from modules.errors import SettingsError
from modules.settings.easel import Easel
from modules.settings.editing import CanvasHotkeys, PromptEditing
from modules.settings.extra_networks import ExtraNetworks
from modules.settings.infotext import Infotext
from modules.settings.interface import Gallery, Interface, SettingsInUi, UiAlternatives
from modules.settings.live_previews import LivePreviews
from modules.settings.optimizations import Compatibility, Hypertile, Optimizations
from modules.settings.option import Option, Section, options_of
from modules.settings.postprocessing import FaceRestoration, Postprocessing, Upscaling
from modules.settings.sampler_parameters import SamplerParameters
from modules.settings.saving import SavingImages, SavingPaths, SavingToDirs
from modules.settings.stable_diffusion import Img2img, Sdxl, StableDiffusion, Vae
from modules.settings.system import Api, System

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting's value, one attribute for each section:
    `settings.sampler_params.eta_ancestral`.
    """

    saving_images: SavingImages = field(default_factory=SavingImages)
    saving_paths: SavingPaths = field(default_factory=SavingPaths)
    saving_to_dirs: SavingToDirs = field(default_factory=SavingToDirs)
    sd: StableDiffusion = field(default_factory=StableDiffusion)
    sdxl: Sdxl = field(default_factory=Sdxl)
    vae: Vae = field(default_factory=Vae)
    img2img: Img2img = field(default_factory=Img2img)
    sampler_params: SamplerParameters = field(default_factory=SamplerParameters)
    optimizations: Optimizations = field(default_factory=Optimizations)
    hypertile: Hypertile = field(default_factory=Hypertile)
    compatibility: Compatibility = field(default_factory=Compatibility)
    extra_networks: ExtraNetworks = field(default_factory=ExtraNetworks)
    ui: Interface = field(default_factory=Interface)
    infotext: Infotext = field(default_factory=Infotext)
    live_previews: LivePreviews = field(default_factory=LivePreviews)
    ui_gallery: Gallery = field(default_factory=Gallery)
    ui_alternatives: UiAlternatives = field(default_factory=UiAlternatives)
    ui_prompt_editing: PromptEditing = field(default_factory=PromptEditing)
    settings_in_ui: SettingsInUi = field(default_factory=SettingsInUi)
    canvas_hotkey: CanvasHotkeys = field(default_factory=CanvasHotkeys)
    upscaling: Upscaling = field(default_factory=Upscaling)
    face_restoration: FaceRestoration = field(default_factory=FaceRestoration)
    postprocessing: Postprocessing = field(default_factory=Postprocessing)
    system: System = field(default_factory=System)
    api: Api = field(default_factory=Api)
    easel: Easel = field(default_factory=Easel)

    def get(self, key: str) -> Any:
        """The value of one setting. SettingsError where there is no such setting."""
        return getattr(getattr(self, _attribute(key)), key)

    def with_changes(self, changes: Mapping[str, Any]) -> Settings:
        """These settings with some replaced; loose values ("7" for 7, "on" for true) are brought to
        their type.

        SettingsError at the first key that is no setting, or value that the setting can't take.
        """
        by_section: dict[str, dict[str, Any]] = {}
        for key, value in changes.items():
            by_section.setdefault(_attribute(key), {})[key] = value
        return replace(
            self,
            **{
                attribute: replace(getattr(self, attribute), **values)
                for attribute, values in by_section.items()
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """All settings by key, as JSON has them: lists for tuples."""
        return {row.key: _plain(self.get(row.key)) for row in TABLE}

    def changed(self) -> dict[str, Any]:
        """Only those that are not at their default, as JSON has them."""
        return {
            row.key: _plain(value) for row in TABLE if (value := self.get(row.key)) != row.default
        }

    def to_record(self) -> dict[str, Any]:
        """Plain values for a stored job or a message: what is not at its default."""
        return self.changed()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Settings:
        """The inverse of `to_record`. Never raises: what can't be used is logged and left at its
        default.
        """
        settings, unusable = read_values(record)
        for key, reason in unusable.items():
            log.warning("a stored setting is ignored: %s: %s", key, reason)
        return settings


TABLE: tuple[Option, ...] = tuple(
    row
    for entry in fields(Settings)
    for row in options_of(entry.default_factory)  # type: ignore[arg-type]
)
_DEFAULTS = Settings()  # making it checks every row, which takes milliseconds
OPTIONS: dict[str, Option] = {row.key: row for row in TABLE}
_ATTRIBUTES: dict[str, str] = {
    row.key: entry.name
    for entry in fields(Settings)
    for row in options_of(entry.default_factory)  # type: ignore[arg-type]
}
assert len(OPTIONS) == len(TABLE), "a setting's key stands in two sections"


def sections() -> tuple[type[Section], ...]:
    """The sections, in the order of the Settings tab."""
    return tuple(entry.default_factory for entry in fields(Settings))  # type: ignore[misc]


def option_of_infotext(name: str) -> Option | None:
    """The setting that infotext calls `name` ("Clip skip"), None where no setting is called so."""
    return _BY_INFOTEXT.get(name)


def read_values(values: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    """The settings that `values` hold, and why some could not be used (key -> reason). Never
    raises.
    """
    usable: dict[str, Any] = {}
    unusable: dict[str, str] = {}
    for key, value in values.items():
        row = OPTIONS.get(key)
        if row is None:
            unusable[key] = "no such setting"
            continue
        try:
            usable[key] = row.coerce(value)
        except SettingsError as error:
            unusable[key] = error.message
    return _DEFAULTS.with_changes(usable), unusable


def _attribute(key: str) -> str:
    attribute = _ATTRIBUTES.get(key)
    if attribute is None:
        near = difflib.get_close_matches(key, OPTIONS, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise SettingsError(f"there is no setting {key!r}{hint}", field=key)
    return attribute


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


_BY_INFOTEXT: dict[str, Option] = {row.infotext: row for row in TABLE if row.infotext}
# The original writes these two under one name and reads them under another.
_BY_INFOTEXT["Beta schedule alpha"] = OPTIONS["beta_dist_alpha"]
_BY_INFOTEXT["Beta schedule beta"] = OPTIONS["beta_dist_beta"]
