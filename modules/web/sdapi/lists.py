"""The lists that clients fill their menus from (interface 16.5), made of the choices' rows and the
library.
"""

from __future__ import annotations

from typing import Any

from modules.app import App
from modules.generation.choices import LATENT_UPSCALE_MODES, SAMPLERS, SCHEDULES, UPSCALERS
from modules.library.catalog import CheckpointFile


def samplers() -> list[dict[str, Any]]:
    """Only what this version can run."""
    return [
        {
            "name": row.label,
            "aliases": list(row.aliases),
            "options": {key: str(value) for key, value in dict(row.options).items()},
        }
        for row in SAMPLERS
        if row.built
    ]


def schedulers() -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "label": row.label,
            "aliases": list(row.aliases) or None,
            "default_rho": row.default_rho,
            "need_inner_model": row.need_inner_model,
        }
        for row in SCHEDULES
        if row.built
    ]


def upscalers() -> list[dict[str, Any]]:
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
        for name in UPSCALERS
    ]


def latent_upscale_modes() -> list[dict[str, str]]:
    return [{"name": name} for name in LATENT_UPSCALE_MODES]


def _checkpoint(entry: CheckpointFile) -> dict[str, Any]:
    return {
        "title": entry.title,
        "model_name": entry.model_name,
        "hash": entry.shorthash,
        "sha256": entry.sha256,
        "filename": str(entry.path),
        "config": None,
    }


def checkpoints(app: App) -> list[dict[str, Any]]:
    return [_checkpoint(entry) for entry in app.catalog.checkpoints]


def prompt_styles(app: App) -> list[dict[str, str]]:
    return [
        {"name": style.name, "prompt": style.prompt, "negative_prompt": style.negative_prompt}
        for style in app.styles.by_name().values()
    ]


def vaes(app: App) -> list[dict[str, str]]:
    return [{"model_name": vae.name, "filename": str(vae.path)} for vae in app.catalog.vaes]
