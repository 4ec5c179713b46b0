"""Infotext in and out of picture files, and opening pictures that strangers sent.

PNG keeps it in the text chunk `parameters`; JPEG, WebP and AVIF in EXIF's UserComment as
"UNICODE\\0" + UTF-16BE; GIF as its comment (numerics 13, interface 20.4). Knows how a file holds
text, not what the text means.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from modules.errors import ImageError, TooLargeError
from modules.generation.infotext_foreign import infotext_of_entries
from modules.settings import Settings

PARAMETERS = "parameters"
POSTPROCESSING = "postprocessing"  # what Extras did to a picture
FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}
MIMES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
}
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif"}
_LONGEST = {"WEBP": 16_383, "JPEG": 65_535}  # pixels a side that the format can hold
_UNICODE = b"UNICODE\0"


def encode(
    image: Image.Image,
    infotext: str | None,
    settings: Settings,
    *,
    extension: str | None = None,
    chunks: Mapping[str, str] | None = None,
) -> tuple[bytes, str]:
    """The file's bytes and its MIME type, in the format of the settings (or of `extension`).

    A picture that is too long for its format becomes a PNG. `infotext` None writes none. `chunks`
    are further texts by name; where the format has room for one text alone, only what
    `POSTPROCESSING` says is kept, as further fields of the infotext.
    """
    saving = settings.saving_images
    kind = FORMATS.get((extension or saving.samples_format).lower().lstrip("."), "PNG")
    if max(image.size) > _LONGEST.get(kind, 1 << 30):
        kind = "PNG"
    buffer = io.BytesIO()
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        for name, value in {PARAMETERS: infotext, **(chunks or {})}.items():
            if value:
                text.add_text(name, value)
        image.save(buffer, "PNG", pnginfo=text, compress_level=4)
        return buffer.getvalue(), MIMES[kind]
    infotext = ", ".join(filter(None, (infotext, (chunks or {}).get(POSTPROCESSING))))
    options: dict[str, Any] = {"quality": saving.jpeg_quality}
    if kind == "WEBP":
        options["lossless"] = saving.webp_lossless
    if infotext:
        options["exif"] = _user_comment(infotext)
    if kind == "JPEG" and image.mode not in ("RGB", "L"):
        image = flatten(image, "#ffffff")
    image.save(buffer, kind, **options)
    return buffer.getvalue(), MIMES[kind]


def flatten(image: Image.Image, colour: str) -> Image.Image:
    """RGB: transparent parts filled with `colour` ("#rrggbb"). The picture itself if it is that."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image if image.mode == "RGB" else image.convert("RGB")
    ground = Image.new("RGBA", image.size, colour)
    rgba = image.convert("RGBA")
    ground.paste(rgba, mask=rgba)
    return ground.convert("RGB")


def open_image(data: bytes, *, max_pixels: int, field: str = "image") -> Image.Image:
    """The decoded picture, turned upright by its EXIF orientation, its text chunks still in
    `.info`.

    ImageError where the bytes are no picture or are cut off, TooLargeError where they decode to
    more than `max_pixels` pixels.
    """
    try:
        with warnings.catch_warnings():
            # The limit that counts is ours, checked before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > max_pixels:
                raise TooLargeError(
                    f"the picture is {image.width}x{image.height}, more than {max_pixels} pixels; "
                    "make it smaller, or raise the setting easel_max_pixels",
                    field=field,
                )
            image.load()
    except TooLargeError:
        raise
    except Image.DecompressionBombError as error:
        raise TooLargeError(
            f"the picture has more than {max_pixels} pixels; make it smaller, or raise the setting "
            "easel_max_pixels",
            field=field,
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{len(data)} bytes that are no picture known here; send PNG, JPEG, WebP, AVIF or GIF",
            field=field,
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, IndexError) as error:
        raise ImageError(
            f"the picture is damaged ({error}); save it again as PNG", field=field
        ) from error
    keep = dict(image.info)
    ImageOps.exif_transpose(image, in_place=True)  # it copies no picture that is upright already
    image.info = keep
    return image


def mime_of(data: bytes) -> str:
    """The MIME type by the file's own bytes; "application/octet-stream" where it is no picture."""
    try:
        kind = Image.open(io.BytesIO(data)).format
    except (OSError, ValueError, SyntaxError):
        kind = None
    return MIMES.get(kind or "", "application/octet-stream")


def read_infotext(data: bytes, *, max_pixels: int = 1 << 40) -> tuple[str | None, dict[str, str]]:
    """The infotext (None where the file holds none) and every other text entry by its name.

    NovelAI's and InvokeAI's entries are turned into infotext (numerics 13, storage). ImageError as
    `open_image`.
    """
    return infotext_of(_open_header(data, max_pixels))


def infotext_of(image: Image.Image) -> tuple[str | None, dict[str, str]]:
    """As `read_infotext`, of an opened picture: what its header holds, where it is not loaded."""
    items = {
        str(key): _as_text(value)
        for key, value in image.info.items()
        if isinstance(value, str | bytes) and key not in ("exif", "icc_profile", "xmp")
    }
    infotext = items.pop(PARAMETERS, None)
    comment = _read_user_comment(image)
    if comment:
        infotext = comment
    if infotext is None and image.format == "GIF" and "comment" in items:
        infotext = items.pop("comment")
    if infotext is None:
        infotext = infotext_of_entries(items, image.size)
    return infotext, items


def _open_header(data: bytes, max_pixels: int) -> Image.Image:
    """PNG text may stand behind the pixels, so the picture is loaded whole."""
    image = open_image(data, max_pixels=max_pixels)
    opened = Image.open(io.BytesIO(data))
    opened.info = {**opened.info, **image.info}
    return opened


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _user_comment(text: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _UNICODE + text.encode("utf-16-be")
    return exif.tobytes()


def _read_user_comment(image: Image.Image) -> str | None:
    try:
        value = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except (ValueError, OSError, SyntaxError, struct.error):  # a broken EXIF block is no EXIF block
        return None
    if isinstance(value, str):
        return value or None
    if not isinstance(value, bytes):
        return None
    if value.startswith(_UNICODE):
        return _decode_utf16(value[len(_UNICODE) :]) or None
    return value.removeprefix(b"ASCII\0\0\0").decode("utf-8", "replace").strip("\0 ") or None


def _decode_utf16(raw: bytes) -> str:
    """Big-endian as A1111 writes it; little-endian files of other programs are told by where their
    zero bytes lie.
    """
    little = raw[1::2].count(0) > raw[0::2].count(0)
    return raw.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0 ")
