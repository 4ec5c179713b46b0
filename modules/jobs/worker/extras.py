"""From an Extras job's `Run` to its pictures; needs no model.

Knows bytes and messages; what is done to a picture is `postprocess.extras`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from modules.generation import infotext as infotexts
from modules.generation.extras import Extras
from modules.generation.result import Picture
from modules.jobs import messages
from modules.pictures.metadata import POSTPROCESSING, encode, open_image, read_infotext
from modules.postprocess.extras import work_over
from modules.settings import Settings


class Control(Protocol):
    def check(self, *, between: bool = False) -> Literal["go", "skip", "stop"]: ...
    def progress(self, image_index: int, step: int, steps: int) -> None: ...


def make_extras(
    run: messages.Run, control: Control, input_bytes: Callable[[str], bytes]
) -> Iterator[messages.Artifact]:
    """One picture after the other. EaselError where one can't be read or would be too large."""
    wish = Extras.from_record(run.request)
    settings = Settings.from_record(run.settings)
    for index in run.indexes:
        if control.check(between=True) == "stop":
            return
        picture, data = _one(wish, index, settings, input_bytes(wish.images[index]))
        control.progress(index, 1, 1)
        yield messages.Artifact(job=run.job, picture=picture.to_record(), complete=True, blob=data)


def _one(wish: Extras, index: int, settings: Settings, data: bytes) -> tuple[Picture, bytes]:
    most = settings.easel.easel_max_pixels
    infotext, items = read_infotext(data, max_pixels=most)
    result, fields = work_over(
        open_image(data, max_pixels=most, field="image"), wish, max_pixels=most
    )
    done = infotexts.write("", "", fields)
    blob, mime = (
        encode(result, infotext, settings, chunks={**items, POSTPROCESSING: done})
        if settings.infotext.enable_pnginfo
        else encode(result, None, settings)
    )
    picture = Picture(
        index=index,
        seed=-1,
        subseed=-1,
        width=result.width,
        height=result.height,
        prompt="",
        negative_prompt="",
        infotext=done,
        mime=mime,
    )
    return picture, blob
