"""What the extra-network tags of a prompt ask for, read out of their arguments (A1111 numerics:
extra networks).

Pure text: which files there are, and what a network does, is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modules.generation.prompt import Tag
from modules.settings import Settings

LORA_TAGS = ("lora", "lyco")
HYPERNETWORK_TAG = "hypernet"
NONE = "None"


@dataclass(frozen=True)
class LoraWish:
    """How strongly `name`, as it was written, acts on text encoders and U-Net; its rank if cut."""

    name: str
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None


@dataclass(frozen=True)
class HypernetworkWish:
    name: str
    multiplier: float = 1.0


@dataclass(frozen=True)
class Wishes:
    """In the prompt's order. faults: names that can't be served, and why; unknown: kinds of tags
    that mean nothing here.
    """

    loras: tuple[LoraWish, ...] = ()
    hypernetworks: tuple[HypernetworkWish, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def wishes_of(tags: Sequence[Tag]) -> Wishes:
    """What the tags ask for. One with a number that is none asks for nothing."""
    loras: list[LoraWish] = []
    hypernetworks: list[HypernetworkWish] = []
    faults: dict[str, str] = {}
    unknown: list[str] = []
    for tag in tags:
        name = tag.positional[0] if tag.positional else ""
        if tag.kind not in (*LORA_TAGS, HYPERNETWORK_TAG):
            unknown.append(tag.kind)
            continue
        if not name:
            faults[tag.kind] = f"a <{tag.kind}:> tag names no file"
            continue
        try:
            if tag.kind == HYPERNETWORK_TAG:
                hypernetworks.append(HypernetworkWish(name, _number(tag, 1, "", 1.0)))
            else:
                loras.append(_lora(tag, name))
        except ValueError as error:
            faults[name] = f"{tag.kind} {name}: {error}"
    return Wishes(tuple(loras), tuple(hypernetworks), faults, tuple(dict.fromkeys(unknown)))


def _lora(tag: Tag, name: str) -> LoraWish:
    text = _number(tag, 1, "te", 1.0)
    rank = _argument(tag, 3, "dyn")
    return LoraWish(
        name, text, _number(tag, 2, "unet", text), None if rank is None else _rank(rank)
    )


def _argument(tag: Tag, place: int, name: str) -> str | None:
    if name in tag.named:
        return tag.named[name]
    return tag.positional[place] if len(tag.positional) > place else None


def _number(tag: Tag, place: int, name: str, default: float) -> float:
    text = _argument(tag, place, name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is no multiplier, write a number such as 0.8")
    return value


def _rank(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ValueError(f"{text!r} is no rank, write a whole number above 0")
    return value


def with_chosen(prompt: str, tags: Sequence[Tag], settings: Settings) -> str:
    """The prompt with the tags of the LoRA and the hypernetwork that the settings add to every one,
    unless it names them itself.
    """
    chosen = settings.extra_networks
    for kinds, name in ((LORA_TAGS, chosen.sd_lora), ((HYPERNETWORK_TAG,), chosen.sd_hypernetwork)):
        named = {tag.positional[0] for tag in tags if tag.kind in kinds and tag.positional}
        if name and name != NONE and name not in named:
            prompt += f"<{kinds[0]}:{name}:{chosen.extra_networks_default_multiplier:g}>"
    return prompt
