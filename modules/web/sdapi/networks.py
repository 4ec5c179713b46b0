"""LoRAs, embeddings and hypernetworks as A1111 lists them (interface 16.5)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from modules.app import App
from modules.errors import WorkerError
from modules.library.network_words import file_metadata
from modules.library.networks import NetworkFile

_PATIENCE = 5.0  # seconds for the worker to say what is loaded


def add_routes(router: APIRouter, app: App) -> None:
    @router.get("/loras")
    def loras() -> list[dict[str, Any]]:
        """`metadata` is what the file's header says of itself."""
        return [
            {
                "name": file.name,
                "alias": file.alias or file.name,
                "path": str(file.path),
                "metadata": file_metadata(file.path),
            }
            for file in app.networks.list("lora")
        ]

    @router.get("/hypernetworks")
    def hypernetworks() -> list[dict[str, str]]:
        return [
            {"name": file.name, "path": str(file.path)}
            for file in app.networks.list("hypernetwork")
        ]

    @router.get("/embeddings")
    def embeddings() -> dict[str, dict[str, Any]]:
        """`skipped` are those made for other text encoders than the loaded checkpoint's."""
        width = _loaded_width(app)
        answer: dict[str, dict[str, Any]] = {"loaded": {}, "skipped": {}}
        for file in app.networks.list("embedding"):
            fits = width is None or file.width == width
            answer["loaded" if fits else "skipped"][file.name] = _embedding(file)
        return answer

    @router.post("/refresh-embeddings")
    def refresh_embeddings() -> None:
        """Look at the folder again."""
        app.networks.refresh("embedding")

    @router.post("/refresh-loras")
    def refresh_loras() -> None:
        """Look at the folders again."""
        app.networks.refresh("lora")


def _embedding(file: NetworkFile) -> dict[str, Any]:
    return {
        "step": file.words.get("step"),
        "sd_checkpoint": file.words.get("sd_checkpoint"),
        "sd_checkpoint_name": file.words.get("sd_checkpoint_name"),
        "shape": file.width,
        "vectors": file.vectors,
    }


def _loaded_width(app: App) -> int | None:
    """How wide an embedding must be; None while no checkpoint is loaded."""
    if app.worker_status().state in ("starting", "failed"):
        return None
    try:
        return app.ask_worker("loaded", _PATIENCE).get("embedding_width")
    except WorkerError:
        return None
