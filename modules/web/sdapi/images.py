"""Pictures in JSON: base64 with or without a data URL's head. Web addresses are not fetched."""

from __future__ import annotations

import base64
import binascii
import re

from modules.errors import ImageError

_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,", re.IGNORECASE)


def decode(text: str, *, field: str) -> bytes:
    """The bytes in `text`; ImageError where it is no base64, or an address."""
    text = text.strip()
    if text[:8].lower().startswith(("http://", "https://")):
        raise ImageError(
            f"{field} is a web address; addresses are not fetched, send the picture as base64",
            field=field,
        )
    if head := _DATA_URL.match(text):
        text = text[head.end() :]
    text = "".join(text.split())
    text += "=" * (-len(text) % 4)  # some clients leave the padding out
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"{field} is no base64 ({error})", field=field) from error
    if not data:
        raise ImageError(f"{field} is empty; send a picture as base64", field=field)
    return data


def encode(data: bytes) -> str:
    """Bare base64, as A1111 answers."""
    return base64.b64encode(data).decode("ascii")
