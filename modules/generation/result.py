"""What came out: one record for each picture, one for the whole job. Plain values; no pixels, no
disk, no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.generation.records import plain


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All that is known of one finished picture but its pixels. `index` counts from 0 over
    n_iter * batch_size.
    """

    index: int
    seed: int
    subseed: int
    width: int
    height: int
    prompt: str  # after styles and comments; extra-network tags still in it
    negative_prompt: str
    infotext: str
    mime: str = "image/png"

    def to_record(self) -> dict[str, Any]:
        return plain(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Picture:
        return cls(**record)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the whole job was made with, after all doubt ended: the source of the API's `info`
    (interface 16.1).
    """

    sampler_name: str
    scheduler: str
    steps: int
    cfg_scale: float
    width: int
    height: int
    model_name: str
    model_hash: str | None
    vae_name: str | None = None
    vae_hash: str | None = None
    denoising_strength: float | None = None
    clip_skip: int = 1
    extra_generation_params: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        return plain(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Summary:
        values = dict(record)
        values["warnings"] = tuple(values.get("warnings", ()))
        return cls(**values)
