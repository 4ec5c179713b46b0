"""Pictures that AUTOMATIC1111 made with a small checkpoint, made again by the engine.

A picture passes at a mean difference of at most 1 level of 255 and at most half a percent of pixels
off by more than 4 levels, with the recorded infotext but Version. By default one case of each
group; all of them with --full.
"""

import functools
import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from modules.engine.engine import generate
from modules.engine.fields import Sources
from modules.engine.networks import Networks
from modules.flags import parse as parse_flags
from modules.flags import paths_of
from modules.generation.infotext import parse, to_api_fields
from modules.generation.request import Hires, Init, Mask, Request
from modules.generation.tokens import load_tokenizer
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from modules.networks.models import Models
from modules.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOT_BUILT = {"extras", "error"}  # groups that need what this version has not
MOST_MEAN, MOST_PIXELS_OFF, OFF = 1.0, 0.005, 4

HIRES_NAMES = {
    "hr_scale": "scale",
    "hr_upscaler": "upscaler",
    "hr_second_pass_steps": "steps",
    "hr_resize_x": "resize_x",
    "hr_resize_y": "resize_y",
    "hr_sampler_name": "sampler_name",
    "hr_scheduler": "scheduler",
    "hr_prompt": "prompt",
    "hr_negative_prompt": "negative_prompt",
    "denoising_strength": "denoising_strength",
}
MASK_NAMES = {
    "mask_blur_x": "blur_x",
    "mask_blur_y": "blur_y",
    "mask_round": "round",
    "inpainting_fill": "fill",
    "inpaint_full_res": "only_masked",
    "inpaint_full_res_padding": "padding",
    "inpainting_mask_invert": "invert",
}
INIT_NAMES = {
    "denoising_strength": "denoising_strength",
    "resize_mode": "resize_mode",
    "initial_noise_multiplier": "noise_multiplier",
}


def _cases() -> list:
    """One parameter for each recorded case that this version can make; all but each group's first
    are slow.
    """
    folder = os.environ.get("EASEL_GOLDEN")
    if not folder or not (Path(folder) / "index.json").is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="EASEL_GOLDEN is not set"))]
    seen, found = set(), []
    for case in json.loads((Path(folder) / "index.json").read_text())["cases"]:
        if case["group"] in NOT_BUILT:
            continue
        marks = [pytest.mark.full] if case["group"] in seen else []
        seen.add(case["group"])
        found.append(pytest.param(case, id=case["name"], marks=marks))
    return found


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose by sharing their work out, on a busy machine very much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


class Quiet:
    """A control that wants nothing."""

    def check(self, *, between: bool = False):
        return "go"

    def progress(self, image_index: int, step: int, steps: int) -> None:
        assert 0 < step <= steps

    def wants_preview(self) -> bool:
        return False

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None:
        raise AssertionError("nobody asked for a preview")

    def status(self, message: str) -> None: ...


def _renamed(body: dict, names: dict[str, str]) -> dict[str, Any]:
    return {ours: body[theirs] for theirs, ours in names.items() if theirs in body}


def request_of(body: dict, inputs: Path, stored: dict[str, bytes]) -> Request:
    """The recorded API body as a Request; the pictures that it names are put into `stored`."""

    def store(name: str) -> str:
        data = (inputs / name.removeprefix("@")).read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        stored[sha256] = data
        return sha256

    known = {field.name for field in fields(Request)} - {"hires", "init", "override_settings"}
    values = {name: value for name, value in body.items() if name in known}
    values |= {"subseed": max(0, body.get("subseed", 0)), "cfg_scale": float(body["cfg_scale"])}
    for name in ("seed_resize_from_h", "seed_resize_from_w"):
        values[name] = max(0, values.get(name, 0))
    if body.get("enable_hr"):
        hires = _renamed(body, HIRES_NAMES)
        hires["scale"] = float(hires.get("scale", 2.0))
        values["hires"] = Hires(**hires)
    if "init_images" in body:
        mask = None
        if "mask" in body:
            blurs = {
                "mask_blur_x": body.get("mask_blur", 4),
                "mask_blur_y": body.get("mask_blur", 4),
            }
            given = _renamed(blurs | body, MASK_NAMES)
            given["invert"] = bool(given.get("invert"))
            mask = Mask(image=store(body["mask"]), **given)
        images = tuple(store(name) for name in body["init_images"])
        values["init"] = Init(images=images, mask=mask, **_renamed(body, INIT_NAMES))
    return Request(**values)


@functools.cache
def _tools(folder: Path, scratch: Path):
    checkpoint = folder / "tiny-sd1.safetensors"
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    sources = Sources(model_name=checkpoint.stem, model_hash=lambda: sha256[:10])
    tokenizer = load_tokenizer(ROOT / "configs")
    nets = ["--lora-dir", str(folder / "nets"), "--embeddings-dir", str(folder / "nets")]
    paths = paths_of(parse_flags(["--data-dir", str(scratch), *nets], {}))
    index = Index(scratch / "library.sqlite")
    networks = Networks(NetworkFiles(paths, Hasher(index), index), tokenizer)
    return Models("cpu").get(checkpoint), tokenizer, sources, networks


def make(case: dict, folder: Path, scratch: Path) -> list:
    body = json.loads((folder / "cases" / case["name"] / "request.json").read_text())
    settings_of_text = {}
    if "infotext" in body:  # fields that the body does not give come from this text
        told = to_api_fields(parse(body["infotext"]))
        settings_of_text = told.pop("override_settings")
        body = told | body
    stored: dict[str, bytes] = {}
    request = request_of(body, folder / "inputs", stored)
    settings = Settings().with_changes(
        {"randn_source": "CPU"} | settings_of_text | body.get("override_settings", {})
    )
    model, tokenizer, sources, networks = _tools(folder, scratch)
    outputs = generate(
        request,
        settings,
        model=model,
        tokenizer=tokenizer,
        input_bytes=stored.__getitem__,
        indexes=range(request.image_count),
        control=Quiet(),
        sources=sources,
        networks=networks,
    )
    return list(outputs)


def difference(ours: bytes, theirs: Path) -> tuple[float, float]:
    """(mean difference in levels, share of pixels off by more than 4 in any channel)."""
    pictures = [Image.open(io.BytesIO(ours)), Image.open(theirs)]
    assert pictures[0].size == pictures[1].size
    a, b = (np.asarray(picture.convert("RGB"), np.int16) for picture in pictures)
    off = np.abs(a - b)
    return float(off.mean()), float((off.max(-1) > OFF).mean())


def told(infotext: str) -> dict:
    """What an infotext says, numbers as numbers, without its Version and what readers add."""
    read = parse(infotext, old_behaviour=False)
    found: dict = {"prompt": read.prompt, "negative prompt": read.negative_prompt}
    for name, value in read.fields.items():
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    found.pop("Version", None)
    return found


@pytest.mark.parametrize("case", _cases())
def test_the_engine_makes_the_recorded_pictures(case, golden_folder, scratch):
    outputs = make(case, golden_folder, scratch)

    recorded = sorted((golden_folder / "cases" / case["name"]).glob("image-*.png"))
    assert len(outputs) == len(recorded)
    for output, theirs in zip(outputs, recorded, strict=True):
        mean, share = difference(output.data, theirs)
        assert mean <= MOST_MEAN and share <= MOST_PIXELS_OFF, (mean, share)
    ours, theirs = told(outputs[0].picture.infotext), told(case["infotext"])
    assert {name: ours.get(name) for name in theirs} == theirs
