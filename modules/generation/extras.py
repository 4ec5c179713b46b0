"""The wish to work finished pictures over: so far, to make them larger or smaller.

Frozen, checked at birth and plain when stored, as `request.Request` is; a picture in it is the
sha256 of its file's bytes. It knows nothing of how an upscaler works or where files go.
Rules: A1111 interface, sections 16.3 and 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modules.errors import RequestError
from modules.generation import checks
from modules.generation.choices import find_upscaler
from modules.generation.records import plain

KIND: Literal["extras"] = "extras"
NO_UPSCALER = "None"
MAX_FACTOR = 16.0
MAX_SIDE = 16_384  # pixels
MAX_PICTURES = 10_000


@dataclass(frozen=True, kw_only=True)
class Extras:
    """Each of `images` is made larger by a factor, or to a size; one result for each.

    With `upscaler_1` "None" the size stays. Sizes in pixels.
    """

    images: tuple[str, ...]  # sha256 each
    names: tuple[str, ...] = ()  # file names without folders, one for each image; (): none is known
    to_size: bool = False  # False: by `factor`
    factor: float = 2.0
    longest_side: int = 0  # with `factor`: the result's longer side is at most this; 0: no limit
    width: int = 512
    height: int = 512
    crop: bool = True  # with `to_size`: cut what stands over
    upscaler_1: str = NO_UPSCALER
    upscaler_2: str = NO_UPSCALER
    upscaler_2_visibility: float = 0.0  # 0..1, the share of the second in the result
    save_images: bool = True  # False: kept only until the job is forgotten

    def __post_init__(self) -> None:
        checks.given(self)
        if not self.images:
            raise RequestError("there is no picture to work on: give one", field="image")
        checks.whole("the number of pictures", len(self.images), 1, MAX_PICTURES)
        for image in self.images:
            checks.image("image", image)
        if self.names and len(self.names) != len(self.images):
            raise RequestError(
                f"{len(self.names)} names for {len(self.images)} pictures: give one for each",
                field="names",
            )
        for name in self.names:
            checks.text("name", name, optional=False)
        for name in ("to_size", "crop", "save_images"):
            checks.flag(name, getattr(self, name))
        checks.in_range("upscaling_resize", self.factor, 0.01, MAX_FACTOR)
        checks.whole("max side length", self.longest_side, 0, MAX_SIDE)
        checks.whole("upscaling_resize_w", self.width, 1, MAX_SIDE)
        checks.whole("upscaling_resize_h", self.height, 1, MAX_SIDE)
        checks.in_range("extras_upscaler_2_visibility", self.upscaler_2_visibility, 0, 1)
        for field in ("upscaler_1", "upscaler_2"):
            checks.text(field, getattr(self, field), optional=False)
            find_upscaler(getattr(self, field), field)

    @property
    def kind(self) -> Literal["extras"]:
        return KIND

    @property
    def batch_size(self) -> int:
        """One picture at a time."""
        return 1

    @property
    def image_count(self) -> int:
        return len(self.images)

    @property
    def images_needed(self) -> tuple[str, ...]:
        """sha256 of every stored picture that the worker will ask for, each once."""
        return tuple(dict.fromkeys(self.images))

    def to_record(self) -> dict[str, Any]:
        """Plain values for the store and for messages."""
        return plain(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Extras:
        """The inverse of `to_record`, also after JSON. RequestError where a field is unknown or its
        value is bad.
        """
        values = checks.known(cls, record)
        for name in ("images", "names"):
            values[name] = checks.listed(name, values.get(name, ()))
        return cls(**values)
