"""/easel/v1/networks: cards of checkpoints, LoRAs, embeddings and hypernetworks.

A file is named by its kind and name, never by a path. Turns HTTP into calls of the library; knows
no page.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from modules.app import App
from modules.errors import EaselError
from modules.library import showing
from modules.library.cards import Card, CardKind, Notes, Order
from modules.library.versions import version_of_checkpoint
from modules.pictures.metadata import encode, open_image, read_infotext
from modules.web import doors
from modules.web.shapes import Shape

_FOREVER = "private, max-age=31536000, immutable"
_SHORT = 600  # characters of a description in a list
Kind = Annotated[CardKind, Query(description="which list")]


class NotesBody(Shape):
    """What a user writes about a file; kept beside it as `<stem>.json`, as A1111 does."""

    description: str = Field("", max_length=20_000)
    notes: str = Field("", max_length=20_000)
    activation_text: str = Field("", max_length=20_000)
    negative_text: str = Field("", max_length=20_000)
    preferred_weight: float = Field(0, ge=0, le=2, description="0: the setting's")
    sd_version: str = Field("", max_length=40)
    vae: str = Field("", max_length=500)


def build_router(app: App) -> APIRouter:
    """All routes, bound to one App."""
    router = doors.router("/easel/v1/networks", "networks")
    _add_list(router, app)
    _add_card(router, app)
    return router


def _record(app: App, card: Card) -> dict[str, Any]:
    picture = None
    if card.preview is not None:
        changed = int(card.preview.stat().st_mtime_ns) if card.preview.exists() else 0
        named = f"kind={card.kind}&name={quote(card.name, safe='')}"
        picture = f"/easel/v1/networks/preview?{named}&v={changed}"
    return {
        "kind": card.kind,
        "name": card.name,
        "alias": card.alias,
        "folder": card.folder,
        "base": card.notes.sd_version or card.base,
        "hash": card.hash,
        "size": card.size,
        "changed": card.changed,
        "description": card.notes.description[:_SHORT],
        "activation_text": card.notes.activation_text,
        "negative_text": card.notes.negative_text,
        "preferred_weight": card.notes.preferred_weight,
        "word": _word(app, card),
        "thumbnail": picture,
    }


def _word(app: App, card: Card) -> str:
    """What a click puts into the prompt; of a checkpoint, what chooses it."""
    settings = app.settings.current.extra_networks
    weight = card.notes.preferred_weight or settings.extra_networks_default_multiplier
    if card.kind == "lora":
        by_alias = settings.lora_preferred_name == "Alias from file"
        return f"<lora:{(by_alias and card.alias) or card.name}:{weight:g}>"
    return f"<hypernet:{card.name}:{weight:g}>" if card.kind == "hypernetwork" else card.name


def _look(app: App) -> dict[str, Any]:
    """How a card shall look: pixels (0: as the page likes it), a factor, with its description."""
    settings = app.settings.current.extra_networks
    return {
        "width": settings.extra_networks_card_width,
        "height": settings.extra_networks_card_height,
        "text_scale": settings.extra_networks_card_text_scale,
        "descriptions": settings.extra_networks_card_show_desc,
        "html": settings.extra_networks_card_description_is_html,
        "slash": settings.extra_networks_dir_button_function,
    }


def _version(app: App) -> str:
    """Of the checkpoint in use; "" for the built-in one, which no LoRA was made for."""
    try:
        chosen = app.catalog.default(app.settings.current.sd.sd_model_checkpoint)
    except EaselError:
        return ""
    own = chosen.path == app.paths.builtin_checkpoint
    return "" if own else version_of_checkpoint(chosen.path)


def _add_list(router: APIRouter, app: App) -> None:
    @router.get("")
    def cards(
        kind: Kind,
        text: Annotated[str, Query(max_length=500)] = "",
        folder: Annotated[str, Query(max_length=1000)] = "",
        below: Annotated[bool, Query(description="folders in `folder` too")] = True,
        everything: Annotated[bool, Query(description="LoRAs that don't fit, too")] = False,
        order: Order = "path",
        descending: bool = False,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> dict[str, Any]:
        """Cards whose path, alias, hash or description has every word of `text`; how many there are
        in all; how many LoRAs more there are, made for other checkpoints than the one in use; and
        the folders of all cards of the kind.
        """
        settings = app.settings.current.extra_networks
        version = _version(app) if kind == "lora" else ""

        def shown(found: list[Card]) -> showing.Shown:
            return showing.shown(
                found, settings, text=text.strip(), version=version, everything=everything
            )

        found = app.cards.search(
            kind, text=text, folder=folder, below=below, order=order, descending=descending
        )
        seen = shown(found)
        whole = seen if not text and not folder else shown(app.cards.list(kind))
        return {
            "cards": [_record(app, card) for card in seen.cards[offset : offset + limit]],
            "total": len(seen.cards),
            "unfit": seen.unfit,
            "folders": showing.folders(whole.cards, settings),
            "look": _look(app),
        }

    @router.post("/refresh")
    def refresh() -> dict[str, Any]:
        """Look at all folders again."""
        app.catalog.refresh()
        app.networks.refresh()
        return {}


def _add_card(router: APIRouter, app: App) -> None:
    @router.get("/card")
    def card(kind: Kind, name: str) -> dict[str, Any]:
        """One card with all of its notes and the file's own metadata."""
        found = app.cards.find(kind, name)
        return {
            **_record(app, found),
            "file": found.path.name,
            "notes": found.notes.to_record(),
            "metadata": app.cards.metadata(found),
        }

    @router.get("/preview", response_class=Response)
    def preview(kind: Kind, name: str, v: int = 0) -> Response:
        """The picture beside the file, small, as WebP. `v` tells caches apart what changed."""
        found = app.cards.preview(kind, name)
        if found is None:
            raise HTTPException(404, f"{name} has no preview")
        data = app.thumbnails.get(found, v)
        return Response(data, media_type="image/webp", headers={"Cache-Control": _FOREVER})

    @router.post("/notes")
    def write_notes(kind: Kind, name: str, body: NotesBody) -> dict[str, Any]:
        """Replace what the user wrote; entries of other programs stay."""
        app.cards.write_notes(app.cards.find(kind, name), Notes(**body.model_dump()))
        return {}

    def owner_alone() -> None:
        if app.flags.fixes_models:
            raise HTTPException(
                403, "only the machine's owner changes previews; --users-add-models lets everyone"
            )

    @router.post("/preview", dependencies=[Depends(owner_alone)])
    async def write_preview(request: Request, kind: Kind, name: str) -> dict[str, Any]:
        """The picture in the body becomes the file's preview, its parameters kept in it."""
        data = await request.body()

        def keep() -> None:
            found = app.cards.find(kind, name)
            image = open_image(data, max_pixels=app.settings.current.easel.easel_max_pixels)
            infotext, _ = read_infotext(data)
            png, _ = encode(image, infotext, app.settings.current, extension="png")
            app.cards.write_preview(found, png)

        await run_in_threadpool(keep)
        return {}
