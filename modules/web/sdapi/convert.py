"""A body of A1111's API -> our Request. Stores the pictures in it, so that the Request holds their
sums.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fastapi import HTTPException

from modules.app import App
from modules.errors import NotBuiltError
from modules.generation import infotext as infotexts
from modules.generation import infotext_fields, soft_inpainting
from modules.generation.request import Hires, Init, Mask, Request
from modules.pictures.metadata import open_image
from modules.settings import OPTIONS
from modules.web.sdapi import images
from modules.web.sdapi.bodies import Base, Img2ImgBody, Txt2ImgBody

DEFAULT_HIRES_DENOISING = 0.7  # the page's; A1111 fails where a client leaves it out


def to_request(body: Txt2ImgBody | Img2ImgBody, app: App) -> Request:
    """The wish in `body`. RequestError (or ImageError) where a value can't be used."""
    _refuse_unknown_scripts(body)
    body = _with_infotext(body, app)
    values: dict[str, Any] = {
        name: getattr(body, name)
        for name in (
            "prompt",
            "negative_prompt",
            "subseed_strength",
            "scheduler",
            "batch_size",
            "n_iter",
            "steps",
            "cfg_scale",
            "width",
            "height",
            "restore_faces",
            "tiling",
            "eta",
            "s_min_uncond",
            "s_churn",
            "s_tmin",
            "s_noise",
            "refiner_switch_at",
            "disable_extra_networks",
        )
    }
    resize_from = (body.seed_resize_from_h, body.seed_resize_from_w)
    values |= {
        "styles": tuple(body.styles or ()),
        "seed": max(body.seed, -1),
        "subseed": max(body.subseed, -1),
        "seed_resize_from_h": max(resize_from[0], 0),
        "seed_resize_from_w": max(resize_from[1], 0),
        "sampler_name": body.sampler_name or body.sampler_index,
        # 0 is "no upper end" in A1111's settings, and JSON has no infinity
        "s_tmax": math.inf if body.s_tmax == 0 else body.s_tmax,
        "override_settings": {
            key: value for key, value in (body.override_settings or {}).items() if key in OPTIONS
        },
        "refiner_checkpoint": _chosen(body.refiner_checkpoint, "None"),
        "comments": body.comments or {},
        "save_images": body.save_images,
        "save_grid": body.save_images,
    }
    if isinstance(body, Img2ImgBody):
        init = _init(body, app)
        if 1 < len(init.images) < body.batch_size:  # then the pictures say how large a batch is
            values["batch_size"] = len(init.images)
        return Request(**values, init=init)
    if not body.enable_hr:
        return Request(**values)
    hires = _hires(body, app)
    if body.firstphase_width > 0 and body.firstphase_height > 0:
        # The oldest clients give the final size, and here the first pass's.
        hires = replace(hires, resize_x=body.width or 0, resize_y=body.height or 0)
        values |= {"width": body.firstphase_width, "height": body.firstphase_height}
    return Request(**values, hires=hires)


def _refuse_unknown_scripts(body: Base) -> None:
    """Of A1111's scripts only soft inpainting is here, which is none but is asked for as one."""
    if body.script_name and body.script_name.lower() != "none":
        raise HTTPException(422, f"Script {body.script_name!r} not found; there are no scripts")
    for title, block in body.alwayson_scripts.items():
        if not _asks_for_nothing(block) and not soft_inpainting.is_title(title):
            raise HTTPException(422, f"always on script {title!r} not found; leave its block out")


def warnings_of(body: Base) -> list[str]:
    """One line for each thing in `body` that is passed over because it asks for nothing here."""
    scripts = [
        f"always on script {title!r} is not here; its empty block is ignored"
        for title, block in body.alwayson_scripts.items()
        if _asks_for_nothing(block) and not soft_inpainting.is_title(title)
    ]
    settings = [
        f"override_settings: there is no setting {key!r}; it is ignored"
        for key in body.override_settings or {}
        if key not in OPTIONS
    ]
    return scripts + settings


def _chosen(text: str | None, *nothing: str) -> str | None:
    """`text`, or None where it is empty or one of the menus' words for that."""
    return None if not text or text in nothing else text


def _asks_for_nothing(block: Any) -> bool:
    return not block or (isinstance(block, dict) and not block.get("args"))


def _with_infotext(body: Txt2ImgBody | Img2ImgBody, app: App) -> Txt2ImgBody | Img2ImgBody:
    """The body with every field that it does not name itself taken from its `infotext`."""
    if not body.infotext:
        return body
    auto = app.settings.current.compatibility.auto_backcompat
    text = app.with_present_names(body.infotext)
    parsed = infotexts.parse(text, old_behaviour=auto)
    if not {"prompt", "negative_prompt", "styles"} & body.model_fields_set:
        styles = list(app.styles.by_name().values())
        mode = app.settings.current.infotext.infotext_styles
        parsed = infotexts.take_styles(parsed, styles, mode)
    found = infotexts.to_api_fields(parsed)
    overrides = {**found.pop("override_settings", {}), **(body.override_settings or {})}
    known = type(body).model_fields
    fresh = {
        key: value
        for key, value in found.items()
        if key in known and key not in body.model_fields_set
    }
    return body.model_copy(update={**fresh, "override_settings": overrides})


def stored(text: str, app: App, field: str) -> str:
    """The sha256 of a body's picture, from now on among the inputs. ImageError where it is none."""
    data = images.read(text, app, field=field)
    open_image(data, max_pixels=app.settings.current.easel.easel_max_pixels, field=field)
    return app.inputs.put(data)


def _init(body: Img2ImgBody, app: App) -> Init:
    if not body.init_images:
        raise HTTPException(404, "Init image not found")
    mask = None
    if body.mask:
        blur = body.mask_blur
        mask = Mask(
            image=stored(body.mask, app, "mask"),
            blur_x=body.mask_blur_x if blur is None else blur,
            blur_y=body.mask_blur_y if blur is None else blur,
            round=body.mask_round,
            fill=body.inpainting_fill,
            only_masked=body.inpaint_full_res,
            padding=body.inpaint_full_res_padding,
            invert=bool(body.inpainting_mask_invert),
            soft=soft_inpainting.from_scripts(body.alwayson_scripts),
        )
    if body.latent_mask:
        raise NotBuiltError("latent_mask is not built yet; send mask instead", field="latent_mask")
    return Init(
        images=tuple(stored(text, app, "init_images") for text in body.init_images),
        denoising_strength=body.denoising_strength,
        resize_mode=body.resize_mode,
        image_cfg_scale=body.image_cfg_scale,
        noise_multiplier=body.initial_noise_multiplier,
        mask=mask,
    )


def _hires(body: Txt2ImgBody, app: App) -> Hires:
    strength = body.denoising_strength
    first = body.firstpass_image
    return Hires(
        scale=body.hr_scale,
        upscaler=_chosen(body.hr_upscaler),
        steps=body.hr_second_pass_steps,
        resize_x=body.hr_resize_x,
        resize_y=body.hr_resize_y,
        denoising_strength=DEFAULT_HIRES_DENOISING if strength is None else strength,
        checkpoint=_chosen(body.hr_checkpoint_name, infotext_fields.SAME_CHECKPOINT),
        sampler_name=_chosen(body.hr_sampler_name, infotext_fields.SAME_SAMPLER),
        scheduler=_chosen(body.hr_scheduler, infotext_fields.SAME_SCHEDULE),
        prompt=body.hr_prompt,
        negative_prompt=body.hr_negative_prompt,
        firstpass_image=stored(first, app, "firstpass_image") if first else None,
    )
