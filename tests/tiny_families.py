"""Writes a tiny checkpoint of every family that can be run, in that family's exact key layout.

Names are those of the real files, widths are small; see `tiny_checkpoint` for SD1 alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Module

from bench import layouts
from bench.layouts import Shape, UNet
from tests.tiny_checkpoint import random_weights

SIZE_WIDTH = 256
_ONE, _TWO = 16, 24  # widths of the text encoders

_SD1 = UNet(32, (1, 2), (1, 0), context=_ONE, res_blocks=1)
_SD2 = UNet(32, (1, 2), (1, 0), context=_TWO, res_blocks=1, linear=True)
_XL = UNet(
    32,
    (1, 2, 2),
    (0, 1, 2),
    context=_ONE + _TWO,
    res_blocks=1,
    middle=2,
    linear=True,
    vector=_TWO + 6 * SIZE_WIDTH,
)
_REFINER = UNet(
    32,
    (1, 2, 2, 2),
    (0, 2, 2, 0),
    context=_TWO,
    res_blocks=1,
    middle=2,
    linear=True,
    vector=_TWO + 5 * SIZE_WIDTH,
)
_SSD_1B = replace(_XL, depths=(0, 2, 1), middle=0, up_depths=((0, 0), (2, 1), (1, 3)))


def _whole(unet: UNet, *texts: layouts.Shapes) -> dict[str, Shape]:
    shapes = dict(layouts.unet(unet)) | dict(layouts.vae(32, (1, 1, 1, 1), 1))
    for text in texts:
        shapes |= dict(text)
    return shapes


def sd1(unet: UNet = _SD1) -> dict[str, Shape]:
    return _whole(unet, layouts.clip(layouts.CLIP, _ONE, 2))


def sd2(unet: UNet = _SD2, prefix: str = layouts.OPEN_CLIP) -> dict[str, Shape]:
    return _whole(unet, layouts.open_clip(prefix, _TWO, 3))


def sdxl(unet: UNet = _XL) -> dict[str, Shape]:
    return _whole(
        unet,
        layouts.clip(layouts.XL_CLIP, _ONE, 3),
        layouts.open_clip(layouts.XL_OPEN_CLIP, _TWO, 3),
    )


def refiner() -> dict[str, Shape]:
    return _whole(_REFINER, layouts.open_clip(layouts.ONLY_OPEN_CLIP, _TWO, 3))


FAMILIES: dict[str, Callable[[], dict[str, Shape]]] = {
    "sd1": sd1,
    "sd1-inpaint": lambda: sd1(replace(_SD1, in_channels=9)),
    "sd1-edit": lambda: sd1(replace(_SD1, in_channels=8)),
    "sd2": sd2,
    "sd2-v": sd2,
    "sd2-sgm": lambda: sd2(prefix=layouts.ONLY_OPEN_CLIP),
    "sd2-inpaint": lambda: sd2(replace(_SD2, in_channels=9)),
    "sdxl": sdxl,
    "sdxl-inpaint": lambda: sdxl(replace(_XL, in_channels=9)),
    "sdxl-refiner": refiner,
    "ssd-1b": lambda: sdxl(_SSD_1B),
}


@cache
def family_weights(family: str, seed: int = 0) -> Mapping[str, Tensor]:
    """Made once, not to be written to. "sd2-v" answers as far down as a v model does."""
    weights = random_weights(FAMILIES[family](), seed=seed)
    if family == "sd2-v":
        weights[layouts.UNET + "out.2.bias"] -= 4
    return weights


def write_tiny_family(
    path: Path,
    family: str,
    *,
    seed: int = 0,
    metadata: Mapping[str, str] | None = None,
    extra: Mapping[str, Tensor] | None = None,
) -> Path:
    """A `.safetensors` checkpoint of 2 to 8 MB; `family` is a name of `FAMILIES`.

    `extra` adds tensors under their own keys, such as `MARKERS`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {"modelspec.resolution": "64x64"} | dict(metadata or {})
    save_file({**family_weights(family, seed), **(extra or {})}, path, metadata=texts)
    return path


MARKERS: dict[str, Tensor] = {"v_pred": torch.zeros(()), "ztsnr": torch.zeros(())}


def write_family_folder(path: Path, family: str, *, seed: int = 0) -> Path:
    """The same weights as a diffusers folder, laid out as published folders of that family are."""
    from modules.networks import build
    from modules.networks.sources import open_file

    file = write_tiny_family(path.with_suffix(".source.safetensors"), family, seed=seed)
    source = open_file(file)
    spec = source.spec
    unet = build.empty_unet(spec.unet)
    config: dict[str, Any] = dict(unet.config)
    if spec.size_numbers:
        config |= {"class_embed_type": None, "addition_embed_type": "text_time"}
    _write_part(path / "unet", unet, source.unet, config)
    vae = build.empty_vae(spec.vae)
    _write_part(path / "vae", vae, source.vae, dict(vae.config))
    names = ["text_encoder", "text_encoder_2"]
    if len(spec.texts) == 1:
        names = names[1:] if spec.family == "sdxl-refiner" else names[:1]
    for name, part, text in zip(names, source.texts, spec.texts, strict=True):
        if spec.family == "sd2":  # published without the layer that is not read
            text = replace(text, layers=text.layers - text.unread_layers)
        encoder = build.empty_text_encoder(text)
        _write_part(path / name, encoder, part, encoder.config.to_dict())
    kind = {"sdxl": "XL", "sdxl-refiner": "XLImg2Img"}.get(spec.family, "")
    index = {"_class_name": f"StableDiffusion{kind}Pipeline"}
    (path / "model_index.json").write_text(json.dumps(index))
    if family == "sd2-v":
        scheduler = path / "scheduler" / "scheduler_config.json"
        scheduler.parent.mkdir()
        scheduler.write_text('{"prediction_type": "v_prediction"}')
    return path


def _write_part(folder: Path, module: Module, part: Any, config: Mapping[str, Any]) -> None:
    """One network of a folder under the names that diffusers and transformers publish."""
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    keys = part.keys(shapes)
    is_text = folder.name.startswith("text")
    tensors = {}
    for name, shape in shapes.items():
        published = name.replace("class_embedding.", "add_embedding.")
        if is_text and not name.startswith("text_projection"):
            published = "text_model." + name
        tensors[published] = part.state[keys[name]].reshape(shape).clone()
    folder.mkdir(parents=True)
    stem = "model" if is_text else "diffusion_pytorch_model"
    save_file(tensors, folder / f"{stem}.safetensors")
    (folder / "config.json").write_text(json.dumps(config, default=str))
