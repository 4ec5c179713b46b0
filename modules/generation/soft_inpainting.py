"""Soft inpainting as it is asked for: its six numbers, from a request, in infotext and back.

What they do to a picture is not known here. Names, order and defaults are those of A1111's own
extension (A1111 numerics: soft inpainting).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modules.errors import RequestError
from modules.generation import checks

TITLE = "Soft Inpainting"  # as `alwayson_scripts` names it, in any case of letters
ENABLED = "Soft inpainting enabled"
_FIELD = "alwayson_scripts"


@dataclass(frozen=True)
class SoftInpainting:
    """bias: how long the mask's soft edge counts as masked; preservation: how much of the start
    picture stays there; detail: contrast of the transition; influence, threshold, contrast: how
    much a place must have changed to show in the end, and how far its mask decides that.
    """

    bias: float = 1.0
    preservation: float = 0.5
    detail: float = 4.0
    influence: float = 0.0
    threshold: float = 0.5
    contrast: float = 2.0

    def __post_init__(self) -> None:
        checks.given(self, "soft_inpainting.")
        for name, low, high in (
            ("bias", 0, 8),
            ("preservation", 0, 8),
            ("detail", 1, 32),
            ("influence", 0, 1),
            ("threshold", 0, 8),
            ("contrast", 0, 8),
        ):
            checks.in_range(f"soft inpainting's {name}", getattr(self, name), low, high)

    def to_args(self) -> list[Any]:
        """What stands in `alwayson_scripts`: whether it is on, and the numbers."""
        return [True, *asdict(self).values()]

    def to_fields(self) -> dict[str, Any]:
        """Its fields of infotext."""
        numbers = zip(_LABELS, asdict(self).values(), strict=True)
        return {ENABLED: True} | {label: number for label, number in numbers}


# Its numbers in infotext, in the order of A1111's controls.
_LABELS = (
    "Soft inpainting schedule bias",
    "Soft inpainting preservation strength",
    "Soft inpainting transition contrast boost",
    "Soft inpainting mask influence",
    "Soft inpainting difference threshold",
    "Soft inpainting difference contrast",
)


def from_args(args: Sequence[Any]) -> SoftInpainting | None:
    """From `alwayson_scripts`; None where it is off. What is left out has its default.

    RequestError for arguments that are no such numbers.
    """
    on = args[0] if args else False
    if not isinstance(on, bool | int):
        raise RequestError(f"{TITLE}'s first argument is {on!r}; give true or false", field=_FIELD)
    if not on:
        return None
    numbers = list(args[1:])
    if len(numbers) > len(_LABELS):
        raise RequestError(
            f"{TITLE} has {len(args)} arguments; it takes at most {1 + len(_LABELS)}", field=_FIELD
        )
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise RequestError(f"{TITLE}'s argument {number!r} is no number", field=_FIELD)
    return SoftInpainting(*(float(number) for number in numbers))


def from_scripts(scripts: Mapping[str, Any]) -> SoftInpainting | None:
    """What a request's `alwayson_scripts` say of it; None where they do not turn it on."""
    for title, block in scripts.items():
        if is_title(title):
            args = block.get("args") if isinstance(block, Mapping) else block
            if args is None:
                return None
            if not isinstance(args, list | tuple):
                raise RequestError(f"{TITLE}'s args are {args!r}; give a list", field=_FIELD)
            return from_args(args)
    return None


def is_title(title: str) -> bool:
    """Whether a script of that title is soft inpainting."""
    return title.strip().casefold() == TITLE.casefold()


def from_fields(told: Mapping[str, str]) -> SoftInpainting | None:
    """From infotext; None where it is not on, or its numbers can't be used."""
    if told.get(ENABLED, "").strip().casefold() not in ("true", "1"):
        return None
    defaults = asdict(SoftInpainting()).values()
    try:
        numbers = [
            float(told.get(label, default))
            for label, default in zip(_LABELS, defaults, strict=True)
        ]
        return SoftInpainting(*numbers)
    except (ValueError, RequestError):
        return None
