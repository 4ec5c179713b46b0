"""The answer to txt2img and img2img: pictures, the echo of the body, and `info` as A1111 writes it
(interface 16.1).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from modules.app import App
from modules.generation.request import Request
from modules.generation.result import Summary
from modules.generation.version import VERSION_VALUE
from modules.jobs.job import ItemView, JobView
from modules.settings import Settings
from modules.web.sdapi import images
from modules.web.sdapi.bodies import Img2ImgBody, Txt2ImgBody


def of_job(
    view: JobView, body: Txt2ImgBody | Img2ImgBody, app: App, *, warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """{"images", "parameters", "info"} of a finished job; `warnings` come before its own."""
    grid = view.grid if Settings.from_record(view.settings).ui_gallery.return_grid else None
    shown = [grid, *view.items] if grid else view.items
    pictures = []
    if body.send_images:
        pictures = [images.encode(app.jobs.image_bytes(view.id, item.index)[0]) for item in shown]
    return {
        "images": pictures,
        "parameters": _echo(body, view),
        "info": json.dumps(_account(view, shown, warnings), ensure_ascii=False),
    }


def _echo(body: Txt2ImgBody | Img2ImgBody, view: JobView) -> dict[str, Any]:
    """Every field of the body; a size that was left to the checkpoint is told as it became."""
    echo = body.model_dump()
    for side in ("width", "height"):
        if echo[side] is None and view.summary:
            echo[side] = view.summary.get(side)
    if isinstance(body, Img2ImgBody) and not body.include_init_images:
        echo["init_images"] = None
        echo["mask"] = None
    return echo


def _account(view: JobView, shown: Sequence[ItemView], warnings: Sequence[str]) -> dict[str, Any]:
    request = Request.from_record(view.request)
    summary = Summary.from_record(view.summary) if view.summary else None
    items = view.items
    seeds = [item.seed for item in items]
    subseeds = [item.subseed for item in items]
    # A1111 tells the prompts with the styles' texts in them, as the pictures were made.
    prompt = items[0].prompt if items else request.prompt
    negative = items[0].negative_prompt if items else request.negative_prompt
    started = dt.datetime.fromtimestamp(view.started or view.created).astimezone()
    return {
        "prompt": prompt,
        "all_prompts": [item.prompt for item in items],
        "negative_prompt": negative,
        "all_negative_prompts": [item.negative_prompt for item in items],
        "seed": seeds[0] if seeds else request.seed,
        "all_seeds": seeds,
        "subseed": subseeds[0] if subseeds else request.subseed,
        "all_subseeds": subseeds,
        "subseed_strength": request.subseed_strength,
        "width": summary.width if summary else request.width,  # of the first pass
        "height": summary.height if summary else request.height,
        "sampler_name": summary.sampler_name if summary else request.sampler_name,
        "cfg_scale": request.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": bool(request.restore_faces),
        "face_restoration_model": None,
        "sd_model_name": summary.model_name if summary else None,
        "sd_model_hash": summary.model_hash if summary else None,
        "sd_vae_name": summary.vae_name if summary else None,
        "sd_vae_hash": summary.vae_hash if summary else None,
        "seed_resize_from_w": request.seed_resize_from_w or -1,
        "seed_resize_from_h": request.seed_resize_from_h or -1,
        "denoising_strength": summary.denoising_strength if summary else None,
        "extra_generation_params": dict(summary.extra_generation_params) if summary else {},
        "index_of_first_image": len(shown) - len(items),
        "infotexts": [item.infotext for item in shown],
        "styles": list(request.styles),
        "job_timestamp": started.strftime("%Y%m%d%H%M%S"),
        "clip_skip": summary.clip_skip if summary else 1,
        "is_using_inpainting_conditioning": False,
        "version": VERSION_VALUE,
        "job_id": view.id,
        "warnings": [*warnings, *view.warnings],
    }
