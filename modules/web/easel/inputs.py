"""Pictures that a wish of /easel/v1 starts from: named by their sum, or sent along in it."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from modules.app import App
from modules.errors import EaselError, RequestError, StorageError
from modules.jobs.input_folder import folder_named, store_some
from modules.pictures.metadata import open_image
from modules.web import doors
from modules.web.easel.records import Input
from modules.web.problems import problems
from modules.web.sdapi import images
from modules.web.shapes import Shape

_MOST_AT_ONCE = 256  # pictures in one body
_SHA256 = re.compile(r"[0-9a-f]{64}")
BINARY = {
    "requestBody": {
        "required": True,
        "content": {
            # Generators of clients know no image/*; whatever is sent is looked at, not its name.
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class Folder(Shape):
    path: str = Field(max_length=4000, description="a relative one lies below the data folder")
    after: str = Field("", max_length=500, description="`next` of the last call")


class FolderPicture(Shape):
    """One file of the folder."""

    name: str
    sha256: str = Field(description="what a wish names it by; empty where there is a problem")
    problem: str = Field(description="why it can't be used; empty where it can")


class FolderPart(Shape):
    """Some of the folder's pictures, in the order of their names."""

    count: int = Field(description="pictures in the folder")
    stored: list[FolderPicture]
    next: str = Field(description="`after` of the next call; empty at the end")


class SentPicture(Shape):
    """One picture of several."""

    sha256: str = Field(description="what a wish names it by; empty where there is a problem")
    problem: str = Field(description="why it can't be used; empty where it can")


class SentPictures(Shape):
    stored: list[SentPicture] = Field(description="one for each size, in order")


def stored(data: bytes, app: App, field: str) -> Input:
    """The picture, kept. ImageError or TooLargeError where it is none."""
    limit = app.settings.current.easel.easel_max_pixels
    size = open_image(data, max_pixels=limit, field=field).size
    return Input(sha256=app.inputs.put(data), width=size[0], height=size[1])


def _each_stored(data: bytes, sizes: list[int], app: App) -> SentPictures:
    """Each picture of `data`, which has them one after another. StorageError on a full disk."""
    if sum(sizes) != len(data):
        raise RequestError(
            f"sizes add up to {sum(sizes)} bytes, but {len(data)} came", field="sizes"
        )
    found, start = [], 0
    for size in sizes:
        try:
            sha256, problem = stored(data[start : start + size], app, "image").sha256, ""
        except StorageError:
            raise
        except EaselError as error:
            sha256, problem = "", error.message
        found.append(SentPicture(sha256=sha256, problem=problem))
        start += size
    return SentPictures(stored=found)


def with_inputs(wish: dict[str, Any], app: App) -> dict[str, Any]:
    """The wish with every picture in it stored and named by its sum."""

    def named(text: str, field: str) -> str:
        if _SHA256.fullmatch(text):
            return text
        return stored(images.read(text, app, field=field), app, field).sha256

    wish = dict(wish)
    if "images" in wish:
        wish["images"] = [named(text, "image") for text in wish["images"]]
    if wish.get("init"):
        init = dict(wish["init"])
        init["images"] = [named(text, "init_images") for text in init.get("images", ())]
        init["inputs"] = [
            {
                **given,
                **{key: named(given[key], "inputs") for key in ("image", "mask") if given.get(key)},
            }
            for given in init.get("inputs", ())
        ]
        if init.get("mask") and init["mask"].get("image"):
            init["mask"] = {**init["mask"], "image": named(init["mask"]["image"], "mask")}
        wish["init"] = init
    if wish.get("hires") and wish["hires"].get("firstpass_image"):
        first = named(wish["hires"]["firstpass_image"], "firstpass_image")
        wish["hires"] = {**wish["hires"], "firstpass_image": first}
    return wish


def build_router(app: App) -> APIRouter:
    router = doors.router("/easel/v1", "easel")

    @router.post("/inputs/folder", responses=problems(507))
    def read_folder(body: Folder) -> FolderPart:
        """Store the next pictures of a folder of the machine that Easel runs on, a few at a time:
        call again with `after` until `next` is empty. Only where folders may be chosen.
        """
        folder = folder_named(body.path, app.paths.data_dir, app.flags.may_read, "path")
        most = app.settings.current.easel.easel_max_request_mb * 1024 * 1024
        part = store_some(
            folder, app.inputs, app.flags.may_read, after=body.after, max_bytes=most, field="path"
        )
        return FolderPart.model_validate(asdict(part))

    @router.post("/inputs/several", openapi_extra=BINARY, responses=problems(507))
    async def add_inputs(
        request: Request,
        sizes: str = Query(
            description="bytes of each picture in the body, with commas between",
            pattern=r"^\d{1,12}(,\d{1,12})*$",
        ),
    ) -> SentPictures:
        """Store the pictures that stand in the body one behind the other: many small ones take one
        question instead of as many. One that is none is told, and the rest are kept.
        """
        counts = [int(size) for size in sizes.split(",")]
        if len(counts) > _MOST_AT_ONCE:
            raise RequestError(
                f"{len(counts)} pictures at once; send {_MOST_AT_ONCE} at most", field="sizes"
            )
        return await run_in_threadpool(_each_stored, await request.body(), counts, app)

    @router.post(
        "/inputs",
        status_code=201,
        openapi_extra=BINARY,
        responses=problems(507),
    )
    async def add_input(request: Request) -> Input:
        """Store the picture in the body; its sum is what a wish names it by."""
        data = await request.body()
        # Decoding and the disk would hold up every page.
        return await run_in_threadpool(stored, data, app, "image")

    return router
