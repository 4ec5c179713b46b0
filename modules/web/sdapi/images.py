"""Pictures in JSON: base64 with or without a data URL's head, or, where a setting allows it, a web
address.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

from modules.app import App
from modules.errors import ImageError
from modules.library.outward import OutwardError

_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,", re.IGNORECASE)


def read(text: str, app: App, *, field: str) -> bytes:
    """The bytes in `text`, or at the web address that it is. ImageError where there are none."""
    text = text.strip()
    if not _is_address(text):
        return decode(text, field=field)
    settings = app.settings.current
    if not settings.api.api_enable_requests:
        raise ImageError(
            f"{field} is a web address; addresses are not fetched (setting api_enable_requests), "
            "send the picture as base64",
            field=field,
        )
    outward = replace(
        app.outward,
        local_too=not settings.api.api_forbid_local_requests,
        most=settings.easel.easel_max_request_mb * 1024 * 1024,
        agent=settings.api.api_useragent or app.outward.agent,
    )
    try:
        answer = outward.get(text)
    except OutwardError as error:
        raise ImageError(f"{field}: {error.message}", field=field) from error
    if answer.status != 200 or not answer.data:
        raise ImageError(f"{field}: its address answers {answer.status}, no picture", field=field)
    return answer.data


def _is_address(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))


def decode(text: str, *, field: str) -> bytes:
    """The bytes in `text`; ImageError where it is no base64, or an address."""
    text = text.strip()
    if _is_address(text):
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
