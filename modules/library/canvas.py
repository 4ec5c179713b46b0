"""Drawings in progress, so that a reload, a crash or a second browser loses none.

A drawing is a folder: `state.json` (size, ground), `ink.png` (what was painted, straight alpha),
`ground` (the original file under the ink, byte for byte, where there is one). Knows nothing of
jobs; gives pictures and masks as file bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from modules.errors import ImageError, RequestError
from modules.pictures.files import storage_error, write
from modules.pictures.ink import composite_ink, ink_mask, paint_over, png
from modules.pictures.metadata import open_image

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
Part = Literal["ink", "background"]
_FILES: dict[Part, str] = {"ink": "ink.png", "background": "ground"}


@dataclass(frozen=True)
class CanvasState:
    """What lies under the ink: a colour, or (`image`) the stored ground file. Sizes in pixels."""

    width: int
    height: int
    colour: str = "#ffffff"
    image: bool = False
    name: str = ""  # the ground's file name, for people
    revision: int = 0

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("height", self.height)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16_384:
                raise RequestError(
                    f"the canvas's {name} is {value!r}; give 1..16384", field="canvas"
                )
        if not isinstance(self.colour, str) or not _COLOUR.fullmatch(self.colour):
            raise RequestError(f"{self.colour!r} is no colour; write #rrggbb", field="canvas")

    def to_record(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Drawing:
    """One stored drawing as it was read. file: the ground's bytes, where it is a picture."""

    state: CanvasState
    file: bytes | None
    ink: Image.Image | None
    max_pixels: int

    @property
    def size(self) -> tuple[int, int]:
        return self.state.width, self.state.height

    def ground(self) -> Image.Image:
        if self.file is None:
            return Image.new("RGB", self.size, self.state.colour)
        return open_image(self.file, max_pixels=self.max_pixels, field="canvas")


class CanvasStore:
    """All drawings below one folder. Safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def _of(self, canvas_id: str) -> Path:
        if not _ID.fullmatch(canvas_id):
            raise RequestError(f"{canvas_id[:80]!r} is no canvas id", field="canvas")
        return self._folder / canvas_id

    def save(
        self,
        canvas_id: str,
        state: Mapping[str, Any],
        *,
        ink: bytes | None,
        background: bytes | None,
        max_pixels: int,
    ) -> str:
        """Keep a drawing; the token that names this revision of it.

        `ink` None: nothing painted. `background` None with state["image"]: the ground is unchanged.
        RequestError or ImageError where a part is unusable: then the stored drawing stays as it
        was.
        """
        known = {
            name: state[name]
            for name in ("width", "height", "colour", "image", "name")
            if name in state
        }
        try:
            wanted = CanvasState(**known)
        except TypeError as error:
            raise RequestError("the canvas state needs width and height", field="canvas") from error
        folder = self._of(canvas_id)
        for part in (ink, background):
            if part is not None:
                size = open_image(part, max_pixels=max_pixels, field="canvas").size
                if size != (wanted.width, wanted.height):
                    raise ImageError(
                        f"a {size[0]}x{size[1]} layer on a {wanted.width}x{wanted.height} canvas",
                        field="canvas",
                    )
        with self._lock:
            before = self._read(folder)
            if (
                wanted.image
                and background is None
                and not (folder / _FILES["background"]).is_file()
            ):
                raise RequestError("the canvas's background was not sent", field="canvas")
            revision = before.revision + 1 if before else 1
            new = CanvasState(**{**wanted.to_record(), "revision": revision})
            parts: dict[Part, bytes | None] = {"ink": ink, "background": background}
            for name, part in parts.items():
                path = folder / _FILES[name]
                if part is not None:
                    write(path, part)
                elif name == "ink" or not wanted.image:
                    path.unlink(missing_ok=True)
            write(folder / "state.json", json.dumps(new.to_record()).encode())
        return f"{canvas_id}.{revision}"

    def _read(self, folder: Path) -> CanvasState | None:
        try:
            return CanvasState(**json.loads((folder / "state.json").read_bytes()))
        except (OSError, ValueError, TypeError, RequestError):
            return None  # a half-written or foreign folder is no drawing

    def state(self, canvas_id: str) -> CanvasState | None:
        """The stored drawing's state, None where there is none."""
        return self._read(self._of(canvas_id))

    def part(self, canvas_id: str, part: Part) -> bytes | None:
        """The stored ink (PNG) or ground file."""
        try:
            return (self._of(canvas_id) / _FILES[part]).read_bytes()
        except FileNotFoundError:
            return None

    def composite(self, token: str, *, max_pixels: int) -> bytes:
        """The drawing as a picture file: the ground's own bytes where nothing was painted, else a
        PNG.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        if drawing.ink is None and drawing.file is not None:
            return drawing.file
        ground = drawing.ground()
        return png(ground if drawing.ink is None else composite_ink(ground, drawing.ink))

    def ground(self, token: str, *, max_pixels: int) -> bytes:
        """The picture file under the ink: its own bytes, or a PNG of the plain colour.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        return drawing.file if drawing.file is not None else png(drawing.ground())

    def mask(self, token: str, *, max_pixels: int) -> bytes:
        """Where there is ink, as a grey PNG: white where it is thick, black where there is none.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        return png(Image.new("L", drawing.size) if drawing.ink is None else ink_mask(drawing.ink))

    def painted(
        self, token: str, *, blur: int, transparency: int, max_pixels: int
    ) -> tuple[bytes, bytes]:
        """Inpaint sketch: PNGs of the picture as painted over, and of the mask of what was painted.

        blur in pixels; transparency in percent. RequestError where the token names no stored
        drawing.
        """
        drawing = self._drawing(token, max_pixels)
        ink = drawing.ink or Image.new("RGBA", drawing.size)
        made = paint_over(drawing.ground(), ink, blur=blur, transparency=transparency)
        return png(made[0]), png(made[1])

    def _drawing(self, token: str, max_pixels: int) -> _Drawing:
        canvas_id = token.rsplit(".", 1)[0]
        folder = self._of(canvas_id)
        with self._lock:
            state = self._read(folder)
            ink, file = self.part(canvas_id, "ink"), self.part(canvas_id, "background")
        if state is None:
            raise RequestError(
                "the drawing is no longer on the server; draw or load it again", field="canvas"
            )
        opened = open_image(ink, max_pixels=max_pixels, field="canvas") if ink else None
        return _Drawing(state, file if state.image else None, opened, max_pixels)

    def sweep(self, *, older_than: float) -> int:
        """Remove drawings untouched for `older_than` seconds; how many went."""
        gone = 0
        now = time.time()
        try:
            folders = [entry for entry in os.scandir(self._folder) if entry.is_dir()]
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise storage_error(self._folder, error) from error
        for entry in folders:
            state = Path(entry.path, "state.json")
            changed = state.stat().st_mtime if state.is_file() else entry.stat().st_mtime
            if now - changed > older_than:
                shutil.rmtree(entry.path, ignore_errors=True)
                gone += 1
        return gone
