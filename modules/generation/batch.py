"""One picture of img2img's batch over many pictures, and what is different for it.

Frozen, checked at birth and plain when stored, as `generation.request` is, which holds a tuple of
these. It knows no folder: where the pictures came from is over when there is a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modules.errors import RequestError
from modules.generation import checks

MAX_STEPS = 1000


@dataclass(frozen=True, kw_only=True)
class Input:
    """A start picture. `name` is its file's, without folders. Of what follows it, None means: as
    the request says. `problem`: why it can't be used; it is told when its turn comes, and the
    others are made.
    """

    image: str = ""  # sha256; "" only where there is a problem
    name: str = ""
    mask: str | None = None  # sha256
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    cfg_scale: float | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    width: int | None = None
    height: int | None = None
    checkpoint: str | None = None
    problem: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "problem"):
            checks.text(field, getattr(self, field), optional=False)
        for field in ("prompt", "negative_prompt", "sampler_name", "scheduler", "checkpoint"):
            checks.text(field, getattr(self, field))
        if not self.problem:
            checks.image("inputs", self.image)
        if self.mask is not None:
            checks.image("mask", self.mask)
        checks.whole("seed", self.seed, 0, 2**64 - 1)
        checks.whole("steps", self.steps, 1, MAX_STEPS)
        checks.in_range("cfg_scale", self.cfg_scale, 0, 1000)
        checks.size("width", self.width)
        checks.size("height", self.height)

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of the request that are different for this picture."""
        return {name: value for name in _CHANGES if (value := getattr(self, name)) is not None}

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.name.rsplit(".", 1)[0] or self.name

    def to_record(self) -> dict[str, Any]:
        """Only what is given: there may be thousands."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Input:
        """RequestError where a field is unknown or its value is bad."""
        return cls(**checks.known(cls, record))


_CHANGES = (
    "prompt",
    "negative_prompt",
    "seed",
    "cfg_scale",
    "sampler_name",
    "scheduler",
    "steps",
    "width",
    "height",
)


def check_masks(inputs: tuple[Input, ...], *, masked: bool, common: bool) -> None:
    """RequestError unless every input has a mask exactly where there are settings of a mask
    (`masked`) without a picture that is the mask of all (`common`).
    """
    for number, given in enumerate(inputs):
        if given.mask is not None and not masked:
            raise RequestError(
                f"inputs {number} ({given.name}) has a mask, and init.mask says not how it is "
                "used: give it",
                field="mask",
            )
        if given.mask is None and masked and not common and not given.problem:
            raise RequestError(
                f"inputs {number} ({given.name}) has no mask, and init.mask has no image for all",
                field="mask",
            )
