"""Infotext and prompts: read from pictures, parsed, counted in tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from modules.app import App
from modules.generation import infotext as infotexts
from modules.generation.checks import MAX_TEXT
from modules.generation.styles import apply_styles
from modules.pictures.metadata import read_infotext
from modules.web import doors
from modules.web.easel.inputs import BINARY
from modules.web.shapes import Shape


class Prompts(Shape):
    text: str = Field("", max_length=MAX_TEXT)
    negative: str = Field("", max_length=MAX_TEXT)
    styles: list[str] = Field([], max_length=100, description="names of styles put in first")


class Pasted(Shape):
    text: str = Field(max_length=MAX_TEXT, description="parameters as A1111 writes them")


class PictureText(Shape):
    """What a picture says about itself."""

    infotext: str | None
    items: dict[str, Any] = Field(description="its other text entries")
    fields: dict[str, Any] = Field(description="the infotext, parsed")


class Parsed(Shape):
    prompt: str
    negative_prompt: str
    fields: dict[str, Any]


class Count(Shape):
    count: int
    limit: int = Field(description="end of the last begun chunk of 75")


class Counts(Count):
    negative: Count


def build_router(app: App) -> APIRouter:
    router = doors.router("/easel/v1", "easel")

    @router.post("/png-info", openapi_extra=BINARY)
    async def png_info(request: Request) -> PictureText:
        """The infotext of the picture in the body, parsed, and its other text entries."""
        data = await request.body()
        limit = app.settings.current.easel.easel_max_pixels
        text, items = await run_in_threadpool(read_infotext, data, max_pixels=limit)
        fields = infotexts.parse(text).fields if text else {}
        return PictureText(infotext=text, items=items, fields=dict(fields))

    @router.post("/infotext")
    def parse(body: Pasted) -> Parsed:
        """Prompt, negative prompt and fields of a pasted text. LoRAs whose files were renamed have
        their new names, where their hashes are known.
        """
        parsed = infotexts.parse(app.with_present_names(body.text))
        return Parsed(
            prompt=parsed.prompt,
            negative_prompt=parsed.negative_prompt,
            fields=dict(parsed.fields),
        )

    @router.post("/tokens")
    def tokens(body: Prompts) -> Counts:
        """How many tokens prompt and negative prompt have, with the styles if a setting says so."""
        texts = (body.text, body.negative)
        if body.styles and app.settings.current.get("include_styles_into_token_counters"):
            known = app.styles.by_name()
            texts = apply_styles(*texts, [known[name] for name in body.styles if name in known])
        count, limit = app.count_tokens(texts[0])
        negative, negative_limit = app.count_tokens(texts[1])
        return Counts(
            count=count, limit=limit, negative=Count(count=negative, limit=negative_limit)
        )

    return router
