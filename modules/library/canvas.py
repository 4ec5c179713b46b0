"""Drawings in progress, so that a reload, a crash or a second browser loses none.

A drawing is a folder: `state.json` (size, ground, layers) and the files it names, which are the
layers' pixels (PNG, straight alpha) and the original file under them, byte for byte, where there is
one. A save writes new files and then the state, so that a kill in between leaves the drawing before
it. Knows nothing of jobs; gives pictures and masks as file bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from modules.errors import ImageError, RequestError
from modules.pictures.files import storage_error, write
from modules.pictures.ink import composite_ink, faded, ink_mask, lay_over, paint_over, png
from modules.pictures.metadata import open_image

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LAYER_ID = re.compile(r"[a-z0-9]{1,32}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_MAX_LAYERS = 64


@dataclass(frozen=True)
class Layer:
    """A layer's record; its pixels, if any, are a file of the size they need at (x, y).

    opacity in percent. file: its name in the drawing's folder, "" where nothing is drawn.
    """

    id: str
    name: str = ""
    opacity: int = 100
    hidden: bool = False
    x: int = 0
    y: int = 0
    blank: bool = False
    file: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _LAYER_ID.fullmatch(self.id):
            raise RequestError(f"{str(self.id)[:80]!r} is no layer id", field="canvas")
        for name, value, high in (
            ("opacity", self.opacity, 100),
            ("x", self.x, 16_384),
            ("y", self.y, 16_384),
        ):
            if not _whole(value, 0, high):
                raise RequestError(f"a layer's {name} is {value!r}; give 0..{high}", field="canvas")

    @property
    def shows(self) -> bool:
        return bool(self.file) and not self.hidden and self.opacity > 0


@dataclass(frozen=True)
class CanvasState:
    """The layers, and under them a colour or (`image`) the stored ground. Sizes in pixels."""

    width: int
    height: int
    colour: str = "#ffffff"
    image: bool = False
    name: str = ""  # the ground's file name, for people
    revision: int = 0
    edit: int = 0  # the browser's number of the last change that is in here
    active: int = 0  # which layer was drawn on
    layers: tuple[Layer, ...] = ()
    ground: str = ""  # name of the ground's file in the drawing's folder

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("height", self.height)):
            if not _whole(value, 1, 16_384):
                raise RequestError(
                    f"the canvas's {name} is {value!r}; give 1..16384", field="canvas"
                )
        if not isinstance(self.colour, str) or not _COLOUR.fullmatch(self.colour):
            raise RequestError(f"{self.colour!r} is no colour; write #rrggbb", field="canvas")
        if not _whole(self.edit, 0, 2**53) or not _whole(self.active, 0, _MAX_LAYERS):
            raise RequestError("the canvas state's edit and active are numbers", field="canvas")
        if len(self.layers) > _MAX_LAYERS:
            raise RequestError(f"a drawing has at most {_MAX_LAYERS} layers", field="canvas")

    def to_record(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def files(self) -> set[str]:
        return {name for name in (self.ground, *(each.file for each in self.layers)) if name}


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


#: What a browser may say of a drawing; the rest of a CanvasState is the server's.
_SAID = ("width", "height", "colour", "image", "name", "edit", "active")
_SAID_OF_LAYER = ("id", "name", "opacity", "hidden", "x", "y", "blank")


def _state_of(said: Mapping[str, Any]) -> CanvasState:
    """The state that a browser sent, without the files. RequestError where it is unusable."""
    layers = said.get("layers", ())
    if not isinstance(layers, Sequence) or not all(isinstance(each, Mapping) for each in layers):
        raise RequestError("the canvas state's layers are a list of records", field="canvas")
    try:
        return CanvasState(
            **{name: said[name] for name in _SAID if name in said},
            layers=tuple(
                Layer(**{name: each[name] for name in _SAID_OF_LAYER if name in each})
                for each in layers
            ),
        )
    except TypeError as error:
        raise RequestError(
            "the canvas state needs width and height, and each layer an id", field="canvas"
        ) from error


@dataclass(frozen=True)
class _Drawing:
    """One stored drawing as it was read. file: the ground's bytes, where it is a picture."""

    state: CanvasState
    file: bytes | None
    layers: tuple[tuple[Layer, Image.Image], ...]  # those that show, lowest first
    max_pixels: int

    @property
    def size(self) -> tuple[int, int]:
        return self.state.width, self.state.height

    def ground(self) -> Image.Image:
        if self.file is None:
            return Image.new("RGB", self.size, self.state.colour)
        return open_image(self.file, max_pixels=self.max_pixels, field="canvas")

    def ink(self) -> Image.Image:
        """All layers over nothing, RGBA."""
        ink = Image.new("RGBA", self.size)
        for layer, image in self.layers:
            lay_over(ink, faded(image, layer.opacity), (layer.x, layer.y))
        return ink

    def painted(self) -> Image.Image:
        """All layers over the ground, each in turn as the browser shows them."""
        picture = self.ground()
        for layer, image in self.layers:
            whole = Image.new("RGBA", self.size)
            whole.paste(faded(image, layer.opacity), (layer.x, layer.y))
            picture = composite_ink(picture, whole)
        return picture


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
        layers: Mapping[str, bytes],
        background: bytes | None,
        max_pixels: int,
    ) -> str:
        """Keep a drawing; the token that names this revision of it.

        layers: PNG files by layer id; one that is neither here nor blank is unchanged.
        `background` None with state["image"]: the ground is unchanged. RequestError or ImageError
        where a part is unusable or was not kept: then the stored drawing stays as it was.
        """
        wanted = _state_of(state)
        folder = self._of(canvas_id)
        self._check_sizes(wanted, layers, background, max_pixels)
        with self._lock:
            before = self._read(folder)
            revision = before.revision + 1 if before else 1
            kept = {layer.id: layer.file for layer in before.layers} if before else {}
            files: dict[str, bytes] = {}
            ground = ""
            if wanted.image:
                ground = before.ground if before and before.image else ""
                if background is not None:
                    ground = f"ground-{revision}"
                    files[ground] = background
                elif not ground or not (folder / ground).is_file():
                    raise RequestError("the canvas's background was not sent", field="canvas")
            named = []
            for layer in wanted.layers:
                name = "" if layer.blank else kept.get(layer.id, "")
                if layer.id in layers and not layer.blank:
                    name = f"layer-{layer.id}-{revision}.png"
                    files[name] = layers[layer.id]
                elif not layer.blank and not (name and (folder / name).is_file()):
                    raise RequestError(
                        f"layer {layer.name or layer.id} was not sent", field="canvas"
                    )
                named.append(replace(layer, file=name))
            new = replace(wanted, revision=revision, layers=tuple(named), ground=ground)
            for name, content in files.items():
                write(folder / name, content)
            write(folder / "state.json", json.dumps(new.to_record()).encode())
            for entry in os.scandir(folder):
                if entry.name != "state.json" and entry.name not in new.files:
                    Path(entry.path).unlink(missing_ok=True)
        return f"{canvas_id}.{revision}"

    def _check_sizes(
        self,
        wanted: CanvasState,
        layers: Mapping[str, bytes],
        background: bytes | None,
        max_pixels: int,
    ) -> None:
        """ImageError where a part is no picture, or does not lie within the canvas."""
        size = (wanted.width, wanted.height)
        if background is not None:
            found = open_image(background, max_pixels=max_pixels, field="canvas").size
            if found != size:
                raise _misfit(found, size)
        for layer in wanted.layers:
            if layer.id in layers and not layer.blank:
                found = open_image(layers[layer.id], max_pixels=max_pixels, field="canvas").size
                if layer.x + found[0] > size[0] or layer.y + found[1] > size[1]:
                    raise _misfit(found, size)

    def _read(self, folder: Path) -> CanvasState | None:
        try:
            record = json.loads((folder / "state.json").read_bytes())
            if "layers" in record:
                layers = tuple(Layer(**each) for each in record.pop("layers"))
                return CanvasState(**record, layers=layers)
            return _of_one_layer(folder, CanvasState(**record))
        except (OSError, ValueError, TypeError, RequestError):
            return None  # a half-written or foreign folder is no drawing

    def state(self, canvas_id: str) -> CanvasState | None:
        """The stored drawing's state, None where there is none."""
        return self._read(self._of(canvas_id))

    def part(self, canvas_id: str, part: str) -> bytes | None:
        """The stored file under a drawing ("background") or of the layer with that id."""
        folder = self._of(canvas_id)
        state = self._read(folder)
        if state is None:
            return None
        files = {"background": state.ground, **{each.id: each.file for each in state.layers}}
        name = files.get(part)
        if not name:
            return None
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def composite(self, token: str, *, max_pixels: int) -> bytes:
        """The drawing as a picture file: the ground's own bytes where nothing was painted, else a
        PNG.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        if not drawing.layers and drawing.file is not None:
            return drawing.file
        return png(drawing.painted())

    def ground(self, token: str, *, max_pixels: int) -> bytes:
        """The picture file under the layers: its own bytes, or a PNG of the plain colour.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        return drawing.file if drawing.file is not None else png(drawing.ground())

    def mask(self, token: str, *, max_pixels: int) -> bytes:
        """Where there is ink, as a grey PNG: white where it is thick, black where there is none.

        RequestError where the token names no stored drawing.
        """
        drawing = self._drawing(token, max_pixels)
        return png(ink_mask(drawing.ink()))

    def painted(
        self, token: str, *, blur: int, transparency: int, max_pixels: int
    ) -> tuple[bytes, bytes]:
        """Inpaint sketch: PNGs of the picture as painted over, and of the mask of what was painted.

        blur in pixels; transparency in percent. RequestError where the token names no stored
        drawing.
        """
        drawing = self._drawing(token, max_pixels)
        made = paint_over(drawing.ground(), drawing.ink(), blur=blur, transparency=transparency)
        return png(made[0]), png(made[1])

    def _drawing(self, token: str, max_pixels: int) -> _Drawing:
        canvas_id = token.rsplit(".", 1)[0]
        folder = self._of(canvas_id)
        with self._lock:
            state = self._read(folder)
            file = self.part(canvas_id, "background")
            shown = [each for each in state.layers if each.shows] if state else []
            parts = [(each, self.part(canvas_id, each.id)) for each in shown]
        if state is None:
            raise RequestError(
                "the drawing is no longer on the server; draw or load it again", field="canvas"
            )
        layers = tuple(
            (each, open_image(part, max_pixels=max_pixels, field="canvas"))
            for each, part in parts
            if part is not None
        )
        return _Drawing(state, file if state.image else None, layers, max_pixels)

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


def _misfit(found: tuple[int, int], size: tuple[int, int]) -> ImageError:
    return ImageError(
        f"a {found[0]}x{found[1]} layer on a {size[0]}x{size[1]} canvas", field="canvas"
    )


def _of_one_layer(folder: Path, state: CanvasState) -> CanvasState:
    """A drawing as it was kept before there were layers: `ink.png` over `ground`."""
    ink = "ink.png" if (folder / "ink.png").is_file() else ""
    only = Layer("first", "Layer 1", blank=not ink, file=ink)
    return replace(state, layers=(only,), ground="ground" if state.image else "")
