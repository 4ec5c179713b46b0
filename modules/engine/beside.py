"""The files that settings want beside a finished picture: how it was before hires fix or before its
colours were matched, its mask, what was made under the mask, a smaller JPEG, and what it started
from (A1111 interface 15.1 and 20.3).

Pictures in, bytes out; where the files go and what they are called is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from modules.generation.request import Request
from modules.pictures import edit
from modules.pictures.metadata import encode, mime_of
from modules.settings import Settings

_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Beside:
    """name: what its stem has more than the picture's, "-mask"; of a start picture the whole stem,
    which tells its pixels.
    """

    name: str
    data: bytes
    mime: str
    is_start: bool = False


@dataclass(frozen=True, eq=False)
class Drawn:
    """A finished picture and how it came to be. raw: as decoded. matched: with its colours matched.
    mask: mode "L", white where it was made anew, None where all of it was.
    """

    image: Image.Image
    raw: Image.Image
    matched: Image.Image
    overlay: edit.Overlay | None = None
    mask: Callable[[], Image.Image] | None = None


@dataclass(frozen=True)
class Wanted:
    """What a job's settings want of these; nothing where its pictures are not saved."""

    before_hires: bool = False
    before_colours: bool = False
    mask: bool = False
    under_mask: bool = False
    smaller: bool = False
    start: bool = False


def wanted(request: Request, settings: Settings) -> Wanted:
    saving = settings.saving_images
    if not (request.save_images and saving.samples_save):
        return Wanted()
    return Wanted(
        before_hires=saving.save_images_before_highres_fix,
        before_colours=saving.save_images_before_color_correction,
        mask=saving.save_mask,
        under_mask=saving.save_mask_composite,
        smaller=saving.export_for_4chan,
        start=saving.save_init_img,
    )


def files_beside(
    drawn: Drawn,
    data: bytes,
    mime: str,
    infotext: str | None,
    wishes: Wanted,
    settings: Settings,
    *,
    before_hires: Image.Image | None = None,
) -> Iterator[Beside]:
    """What goes beside the picture whose file is `data`."""

    def file(name: str, image: Image.Image, extension: str | None = None) -> Beside:
        return Beside(name, *encode(image, infotext, settings, extension=extension))

    if before_hires is not None:
        yield file("-before-highres-fix", before_hires)
    if wishes.before_colours and drawn.matched is not drawn.raw:
        before = drawn.overlay.apply(drawn.raw) if drawn.overlay else drawn.raw
        yield file("-before-color-correction", before)
    if drawn.mask is not None and (wishes.mask or wishes.under_mask):
        mask = drawn.mask()
        if wishes.mask:
            yield file("-mask", mask)
        if wishes.under_mask:  # transparent where nothing was made, which not each format can tell
            yield file("-mask-composite", _under(mask, drawn), "png")
    if wishes.smaller and mime != "image/jpeg":
        small = _smaller(drawn.image, len(data), settings)
        if small is not None:
            yield file("", small, "jpg")


def start_file(image: Image.Image, data: bytes) -> Beside:
    """The start picture `image` as it came, `data`, under a name that tells its pixels."""
    return Beside(pixel_sum(image), data, mime_of(data), is_start=True)


def pixel_sum(image: Image.Image) -> str:
    """MD5 of the pixels, in hexadecimal: infotext's "Init image hash"."""
    return hashlib.md5(image.tobytes(), usedforsecurity=False).hexdigest()


def _under(mask: Image.Image, drawn: Drawn) -> Image.Image:
    """RGBA: what was made anew, as large as the picture, as opaque as the mask is white."""
    made = drawn.overlay.placed(drawn.matched) if drawn.overlay else drawn.matched.convert("RGBA")
    made.putalpha(mask)
    return made


def _smaller(image: Image.Image, size: int, settings: Settings) -> Image.Image | None:
    """The picture for a JPEG whose sides keep the limit; None where file and sides keep theirs."""
    saving = settings.saving_images
    longest, limit = max(image.size), saving.target_side_length
    if limit <= 0 or longest <= limit:
        return image if size > saving.img_downscale_threshold * _MEGABYTE else None
    width, height = (max(1, round(side * limit / longest)) for side in image.size)
    return image.resize((width, height), resample=edit.LANCZOS)
