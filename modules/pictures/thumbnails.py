"""Small versions of pictures, kept on disk under the picture's path and time of change.

Knows files and sizes; not who looks at them. A lost thumbnail is made again.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from modules.errors import ImageError, StorageError
from modules.pictures.files import write

log = logging.getLogger(__name__)

SIDE = 320  # pixels of the longer side
_MOST = 40_000  # files kept; about 12 KB each


class Thumbnails:
    """`folder` is ours alone: what lies there too long is removed."""

    def __init__(self, folder: Path, *, max_pixels: int = 1 << 28) -> None:
        self._folder = folder
        self._max_pixels = max_pixels

    def get(self, path: Path, changed: int) -> bytes:
        """WebP of at most SIDE pixels a side. ImageError where the file is gone or no picture."""
        digest = hashlib.sha256(f"{path}\0{changed}\0{SIDE}".encode()).hexdigest()
        kept = self._folder / digest[:2] / f"{digest[2:34]}.webp"
        try:
            return kept.read_bytes()
        except OSError:
            pass
        made = self._make(path)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write(kept, made)
        except (OSError, StorageError) as error:
            log.warning("the thumbnail of %s is not kept: %s", path.name, error)
        return made

    def sweep(self) -> None:
        """Remove the least recently made ones beyond the limit."""
        files = [(entry.stat().st_mtime, entry) for entry in self._folder.glob("*/*.webp")]
        for _, entry in sorted(files)[: max(0, len(files) - _MOST)]:
            entry.unlink(missing_ok=True)

    def _make(self, path: Path) -> bytes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(path) as image:
                    if image.width * image.height > self._max_pixels:
                        raise ImageError(f"{path.name} is too large for a thumbnail")
                    image.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG decodes at a fraction
                    upright = ImageOps.exif_transpose(image)
                    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
                    small = upright.convert("RGBA" if has_alpha else "RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ImageError(f"{os.fspath(path.name)} can't be shown: {error}") from error
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=82, method=2)
        return buffer.getvalue()
