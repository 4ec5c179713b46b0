"""File and folder names from A1111's patterns (interface 20.2). Text only; touches no disk."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.settings import Settings

_TOKEN = re.compile(r"\[([a-z_]+)((?:<[^<>]*>)*)\]", re.IGNORECASE)
_ARGUMENT = re.compile(r"<([^<>]*)>")
_ILLEGAL = re.compile(r'[#<>:"/\\|?*\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # Windows' devices


@dataclass(frozen=True, kw_only=True)
class Naming:
    """All that a name may speak of. `now` is aware local time; `longest` is the flag --filenames-
    max-length.
    """

    request: Request
    picture: Picture
    summary: Summary
    settings: Settings
    now: dt.datetime
    job_timestamp: str  # YYYYMMDDhhmmss of the job's start
    data: bytes = b""  # the finished file, for [image_hash]
    user: str = ""
    basename: str = ""  # the stem of the start picture's file, in a batch over many
    longest: int = 128
    unix_only: bool = False  # --unix-filenames-sanitization: only "/" is replaced


class _Dropped(Exception):
    """The token has no meaning here: it goes, and the text before it goes too."""


def clean(text: str, *, longest: int = 128, unix_only: bool = False) -> str:
    """`text` as one part of a path: nothing illegal, no leading space, no trailing space or dot."""
    text = text.replace("/", "_") if unix_only else _ILLEGAL.sub("_", text)
    text = text.lstrip(" ")[:longest].rstrip(" .")
    return f"_{text}" if not unix_only and _RESERVED.match(text) else text


def apply(pattern: str, naming: Naming) -> str:
    """The pattern with its tokens filled in; unknown tokens stay as they are written. "/" divides
    folders.
    """
    result = ""
    end = 0
    for match in _TOKEN.finditer(pattern):
        before = pattern[end : match.start()]
        end = match.end()
        make = _TOKENS.get(match.group(1).lower())
        if make is None:
            result += before + match.group(0)
            continue
        try:
            value = make(naming, _ARGUMENT.findall(match.group(2)))
        except _Dropped:
            continue
        result += before + clean(str(value), longest=naming.longest, unix_only=naming.unix_only)
    return result + pattern[end:]


def file_stem(naming: Naming) -> str:
    """The name without number and ending; a pattern left empty means A1111's default."""
    pattern = naming.settings.saving_images.samples_filename_pattern
    if not pattern:
        in_folders = naming.settings.saving_to_dirs.save_to_dirs
        pattern = "[seed]" if in_folders else "[seed]-[prompt_spaces]"
    stem = apply(pattern, naming).replace("/", "_")
    return clean(stem, longest=max(naming.longest, 1), unix_only=naming.unix_only)


def subfolder(naming: Naming, *, grid: bool = False) -> PurePosixPath:
    """The folders below the output folder; empty where pictures are not sorted into folders. Never
    leads upwards.
    """
    dirs = naming.settings.saving_to_dirs
    if not (dirs.grid_save_to_dirs if grid else dirs.save_to_dirs):
        return PurePosixPath()
    pattern = dirs.directories_filename_pattern or "[date]"
    parts = (
        clean(part, longest=naming.longest, unix_only=naming.unix_only)
        for part in re.split(r"[/\\]", apply(pattern, naming))
    )
    return PurePosixPath(*(part for part in parts if part not in ("", ".", "..")))


def _short_hash(text: str | bytes, arguments: list[str]) -> str:
    length = int(arguments[0]) if arguments and arguments[0].isdigit() else 8
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(raw).hexdigest()[: max(1, length)]


def _datetime(naming: Naming, arguments: list[str]) -> str:
    """[datetime<format><time zone>]; unusable ones fall back to the default."""
    moment = naming.now
    if len(arguments) > 1 and arguments[1]:
        try:
            moment = moment.astimezone(zoneinfo.ZoneInfo(arguments[1]))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            pass
    form = arguments[0] if arguments and arguments[0] else "%Y%m%d%H%M%S"
    try:
        return moment.strftime(form)
    except ValueError:
        return moment.strftime("%Y%m%d%H%M%S")


def _words(naming: Naming, _arguments: list[str]) -> str:
    words = [word for word in re.split(r"[\s()\[\]{}<>,:;|_\-]+", naming.picture.prompt) if word]
    return " ".join(words[: naming.settings.saving_to_dirs.directories_max_prompt_words])


def _has_prompt(naming: Naming, arguments: list[str]) -> str:
    """[hasprompt<word|default>...]: the word where the prompt has it, else the default."""
    prompt = naming.picture.prompt.lower()
    chosen = ""
    for argument in arguments:
        word, _, default = argument.partition("|")
        chosen += word if word and word.lower() in prompt else default
    return chosen


def _without_styles(naming: Naming, _arguments: list[str]) -> str:
    return naming.request.prompt


def _some(value: object) -> object:
    if value is None or value == "":
        raise _Dropped
    return value


def _batch_number(naming: Naming, _arguments: list[str]) -> int:
    if naming.request.batch_size == 1:
        raise _Dropped
    return naming.picture.index % naming.request.batch_size + 1


def _generation_number(naming: Naming, _arguments: list[str]) -> int:
    if naming.request.image_count == 1:
        raise _Dropped
    return naming.picture.index + 1


def _sampler_scheduler(naming: Naming, _arguments: list[str]) -> str:
    schedule = naming.summary.scheduler
    return naming.summary.sampler_name + ("" if schedule == "Automatic" else f" {schedule}")


_Token = Callable[[Naming, list[str]], object]
_TOKENS: dict[str, _Token] = {
    "seed": lambda n, _: n.picture.seed,
    "seed_first": lambda n, _: n.request.seed,
    "seed_last": lambda n, _: n.request.seed + n.request.image_count - 1,
    "steps": lambda n, _: n.summary.steps,
    "cfg": lambda n, _: n.summary.cfg_scale,
    "width": lambda n, _: n.picture.width,
    "height": lambda n, _: n.picture.height,
    "styles": lambda n, _: ", ".join(n.request.styles) or "None",
    "sampler": lambda n, _: n.summary.sampler_name,
    "scheduler": lambda n, _: n.summary.scheduler,
    "sampler_scheduler": _sampler_scheduler,
    "model_hash": lambda n, _: n.summary.model_hash or "",
    "model_name": lambda n, _: n.summary.model_name,
    "date": lambda n, _: n.now.strftime("%Y-%m-%d"),
    "datetime": _datetime,
    "job_timestamp": lambda n, _: n.job_timestamp,
    "prompt": lambda n, _: n.picture.prompt.replace(" ", "_"),
    "prompt_no_styles": _without_styles,
    "prompt_spaces": lambda n, _: n.picture.prompt,
    "prompt_words": _words,
    "prompt_hash": lambda n, a: _short_hash(n.picture.prompt, a),
    "negative_prompt_hash": lambda n, a: _short_hash(n.picture.negative_prompt, a),
    "full_prompt_hash": lambda n, a: _short_hash(
        f"{n.picture.prompt} {n.picture.negative_prompt}", a
    ),
    "batch_number": _batch_number,
    "batch_size": lambda n, _: n.request.batch_size,
    "generation_number": _generation_number,
    "hasprompt": _has_prompt,
    "clip_skip": lambda n, _: n.summary.clip_skip,
    "denoising": lambda n, _: _some(n.summary.denoising_strength),
    "user": lambda n, _: _some(n.user),
    "vae_filename": lambda n, _: n.summary.vae_name or "None",
    "basename": lambda n, _: _some(n.basename),
    "none": lambda n, _: "",
    "image_hash": lambda n, a: _short_hash(n.data, a),
}
