"""What a picture file says of itself in its first bytes: size, infotext, fields to search for.

Reads no pixels, so thousands of files take seconds; text that stands behind the pixels (a few
programs write it there) is not seen. Knows nothing of folders and databases.
"""

from __future__ import annotations

import json
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from modules.generation import infotext as infotexts
from modules.pictures.metadata import infotext_of

_NETWORK = re.compile(r"<(?:lora|lyco|hypernet):([^:>]+)")
_LARGEST_SEED = 2**63 - 1  # what SQLite and JavaScript's callers can hold


@dataclass(frozen=True, kw_only=True)
class PictureHeader:
    """Width and height in pixels; texts are "" and `seed` None where the file tells nothing."""

    width: int
    height: int
    infotext: str = ""
    prompt: str = ""
    negative_prompt: str = ""
    model: str = ""
    sampler: str = ""
    seed: int | None = None
    networks: tuple[str, ...] = ()


def read_header(path: Path) -> PictureHeader:
    """OSError where the file can't be opened as a picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decoded
            with Image.open(path) as image:
                width, height = image.size
                text, items = infotext_of(image)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise OSError(f"{path.name} is no picture") from error
    except (ValueError, SyntaxError, EOFError, struct.error, IndexError) as error:
        raise OSError(f"{path.name} is damaged ({error})") from error
    if not text:
        prompt = _prompt_of_graph(items)
        return PictureHeader(width=width, height=height, infotext=prompt, prompt=prompt)
    parsed = infotexts.parse(text)
    fields = parsed.fields
    return PictureHeader(
        width=width,
        height=height,
        infotext=text,
        prompt=parsed.prompt,
        negative_prompt=parsed.negative_prompt,
        model=str(fields.get("Model", "")),
        sampler=str(fields.get("Sampler", "")),
        seed=_seed(fields),
        networks=tuple(dict.fromkeys(_NETWORK.findall(parsed.prompt))),
    )


def _seed(fields: Mapping[str, Any]) -> int | None:
    try:
        seed = int(str(fields.get("Seed", "")))
    except ValueError:
        return None
    return seed if 0 <= seed <= _LARGEST_SEED else None


def _prompt_of_graph(items: Mapping[str, str]) -> str:
    """The texts in ComfyUI's own `prompt` entry (a graph as JSON): enough to be found by."""
    try:
        graph = json.loads(items.get("prompt", ""))
    except ValueError:
        return ""
    if not isinstance(graph, dict):
        return ""
    texts: list[str] = []
    for node in graph.values():
        if not isinstance(node, dict) or "TextEncode" not in str(node.get("class_type", "")):
            continue
        inputs = node.get("inputs")
        text = inputs.get("text") if isinstance(inputs, dict) else None
        if isinstance(text, str):
            texts.append(text.strip())
    return "\n".join(dict.fromkeys(filter(None, texts)))
