"""Parameters that other programs keep beside a picture, as A1111's infotext: InvokeAI, NovelAI; and
ComfyUI's names of samplers.

Takes text entries as plain strings, whatever file they came from, and gives a text that
`infotext.parse` reads; None where there is nothing to read. What the programs compute otherwise is
not made up for: the fields come over, the pixels need not.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from modules.errors import EaselError
from modules.generation.choices import SCHEDULES, find_sampler
from modules.generation.infotext_fields import line_of

# Names in ComfyUI, InvokeAI and NovelAI.
_SAMPLERS = {
    "ddim_v3": "DDIM",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "dpm_adaptive": "DPM adaptive",
    "dpm_fast": "DPM fast",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_2m_sde_heun_gpu": "DPM++ 2M SDE Heun",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE",
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "lcm": "LCM",
    "lms": "LMS",
    "pndm": "PLMS",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "unipc": "UniPC",
}
_SCHEDULES = {"ddim_uniform": "DDIM", "native": "Automatic"} | {
    row.name: row.label for row in SCHEDULES
}


def known_sampler(name: str) -> tuple[str, str | None]:
    """(sampler, schedule or None) for another program's name, such as dpmpp_2m_karras; a name that
    is none of theirs comes back as it is.
    """
    try:
        return find_sampler(name).label, None
    except EaselError:  # not one of ours, nor an alias
        pass
    bare = name.strip().casefold().replace(" ", "_")
    schedule = None
    for tail, label in _SCHEDULES.items():
        if bare.endswith("_" + tail):
            bare, schedule = bare.removesuffix("_" + tail), label
            break
    if bare in _SAMPLERS:
        return _SAMPLERS[bare], schedule
    short = bare.removeprefix("k_").removesuffix("_k")
    if short in _SAMPLERS:
        return _SAMPLERS[short], "Karras" if bare.endswith("_k") else schedule
    return name, None


def translate(fields: dict[str, str]) -> None:
    """Names of samplers and schedules in the fields as ours, in place."""
    for sampler, schedule in (
        ("Sampler", "Schedule type"),
        ("Hires sampler", "Hires schedule type"),
    ):
        if sampler in fields:
            if fields[sampler].casefold() == "uni_pc_bh2":
                fields.setdefault("UniPC variant", "bh2")
            fields[sampler], found = known_sampler(fields[sampler])
            if found is not None:
                fields.setdefault(schedule, found)
        if schedule in fields:
            name = fields[schedule]
            fields[schedule] = _SCHEDULES.get(name.strip().casefold(), name)


def infotext_of_entries(items: Mapping[str, str], size: tuple[int, int]) -> str | None:
    """Infotext for a picture's text entries by name; `size` (width, height) is the picture's."""
    if items.get("Software") == "NovelAI":
        return _novelai(_object(items.get("Comment")), items.get("Description", ""), size)
    if "invokeai_metadata" in items:
        return _invoke(_object(items["invokeai_metadata"]))
    if "sd-metadata" in items:
        return _old_invoke(_object(items["sd-metadata"]))
    if "Dream" in items:
        return _dream(items["Dream"])
    return None


def infotext_of_json(text: str) -> str | None:
    """Infotext for a JSON text that was pasted: InvokeAI's or NovelAI's record of a picture."""
    record = _object(text)
    if record is None:
        return None
    if isinstance(record.get("image"), dict):
        return _old_invoke(record)
    if "positive_prompt" in record:
        return _invoke(record)
    if "uc" in record and "scale" in record:
        size = (_whole(record.get("width")), _whole(record.get("height")))
        return _novelai(record, str(record.get("prompt", "")), size)
    return None


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _text(prompt: Any, negative: Any, fields: Mapping[str, Any]) -> str:
    told = {name: _plain(value) for name, value in fields.items()}
    lines = [str(prompt or ""), f"Negative prompt: {negative}" if negative else "", line_of(told)]
    return "\n".join(line for line in lines if line)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else None


def _size(width: Any, height: Any) -> str | None:
    return f"{width}x{height}" if _whole(width) and _whole(height) else None


def _novelai(record: dict[str, Any] | None, prompt: str, size: tuple[int, int]) -> str | None:
    if record is None:
        return None
    sampler, schedule = known_sampler(str(record.get("sampler", "")))
    try:
        find_sampler(sampler)
    except EaselError:
        sampler = "Euler a"
    noise = record.get("noise_schedule")
    fields = {
        "Steps": record.get("steps"),
        "Sampler": sampler,
        "Schedule type": _SCHEDULES.get(str(noise).casefold()) if noise else schedule,
        "CFG scale": record.get("scale"),
        "Seed": record.get("seed"),
        "Size": _size(*size),
        "Denoising strength": record.get("strength"),
        "Clip skip": 2,
        "ENSD": 31337,
    }
    return _text(prompt, record.get("uc"), fields)


def _invoke(record: dict[str, Any] | None) -> str | None:
    """InvokeAI 3 and later. Its clip skip counts from 0; its noise is drawn on the CPU by
    default.
    """
    if record is None:
        return None
    sampler, schedule = known_sampler(str(record.get("scheduler", "")))
    model = record.get("model")
    model = model if isinstance(model, dict) else {"name": model}
    on_cpu = str(record.get("rand_device", "")).casefold() == "cpu"
    skip = _whole(record.get("clip_skip"))
    fields = {
        "Steps": record.get("steps"),
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": record.get("cfg_scale"),
        "Seed": record.get("seed"),
        "Size": _size(record.get("width"), record.get("height")),
        "Model": model.get("name") or model.get("model_name"),
        "Denoising strength": record.get("strength"),
        "Clip skip": skip + 1 if skip else None,
        "RNG": "CPU" if on_cpu else None,
        "Version": f"InvokeAI {record.get('app_version', '')}".strip(),
    }
    prompt = str(record.get("positive_prompt") or "") + "".join(_invoke_loras(record))
    return _text(prompt, record.get("negative_prompt"), fields)


def _invoke_loras(record: dict[str, Any]) -> list[str]:
    rows = record.get("loras")
    tags = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        model = row.get("model") or row.get("lora")
        named = model if isinstance(model, dict) else {}
        name = named.get("name") or named.get("model_name")
        if name:
            tags.append(f" <lora:{name}:{_plain(row.get('weight', 1)) or 1}>")
    return tags


def _old_invoke(record: dict[str, Any] | None) -> str | None:
    """InvokeAI 1 and 2: the negative prompt stands in square brackets within the prompt."""
    image = record.get("image") if record else None
    if record is None or not isinstance(image, dict):
        return None
    prompts = image.get("prompt")
    if isinstance(prompts, list):
        parts = [part.get("prompt", "") for part in prompts if isinstance(part, dict)]
        prompts = " ".join(str(part) for part in parts)
    prompt, negative = _unbracketed(str(prompts or ""))
    sampler, schedule = known_sampler(str(image.get("sampler", "")))
    digest = record.get("model_hash")
    fields = {
        "Steps": image.get("steps"),
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": image.get("cfg_scale"),
        "Seed": image.get("seed"),
        "Size": _size(image.get("width"), image.get("height")),
        "Model hash": digest[:10] if isinstance(digest, str) else None,
        "Model": record.get("model_weights"),
        "Denoising strength": image.get("strength"),
        "Version": f"InvokeAI {record.get('app_version', '')}".strip(),
    }
    return _text(prompt, negative, fields)


def _unbracketed(text: str) -> tuple[str, str]:
    """The text without what stands in square brackets, and that."""
    outside, inside = [], []
    for number, part in enumerate(text.split("[")):
        within, bracket, rest = part.partition("]") if number else ("", "", part)
        if number and not bracket:
            rest, within = "[" + part, ""
        outside.append(rest)
        inside.append(within)
    return " ".join("".join(outside).split()), ", ".join(part for part in inside if part)


def _dream(text: str) -> str | None:
    """The command line that the first InvokeAI kept: "a pear" -s 50 -S 1 -W 512 -H 512 -C 7.5."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    names = {"-s": "Steps", "-S": "Seed", "-C": "CFG scale", "-A": "Sampler", "-f": "strength"}
    names |= {"-W": "width", "-H": "height"}
    found: dict[str, Any] = {}
    prompt = []
    waiting = iter(words)
    for word in waiting:
        flag, value = (word[:2], word[2:]) if word[:2] in names else (word, "")
        if flag in names:
            found[names[flag]] = value or next(waiting, None)
        elif not word.startswith("-"):
            prompt.append(word)
    plain, negative = _unbracketed(" ".join(prompt))
    sampler, schedule = known_sampler(str(found.get("Sampler", "k_lms")))
    fields = {
        "Steps": found.get("Steps"),
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": found.get("CFG scale"),
        "Seed": found.get("Seed"),
        "Denoising strength": found.get("strength"),
    }
    if found.get("width") and found.get("height"):
        fields["Size"] = f"{found['width']}x{found['height']}"
    return _text(plain, negative, fields)
