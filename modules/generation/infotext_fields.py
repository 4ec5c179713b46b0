"""The fields of infotext: their names and order, the record of a text that was read, and how one
line of fields is written and taken apart.

Knows no layout of a whole text and no meaning of a value. Rules: A1111 numerics, infotext.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.generation.request import SAME_CHECKPOINT as SAME_CHECKPOINT

# Fields that stand before all others, in this order.
FIRST = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "FP8 weight",
    "Cache FP16 weight for LoRA",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Denoising strength",
    "Conditional mask weight",
    "Clip skip",
    "ENSD",
    "Token merging ratio",
    "Token merging ratio hr",
    "Init image hash",
    "RNG",
    "Tiling",
)
LAST = ("Version", "User")
SAME_SAMPLER = "Use same sampler"
SAME_SCHEDULE = "Use same scheduler"
# What a picture that does not say otherwise was made with.
DEFAULTS = {
    "Clip skip": "1",
    "Hires resize-1": "0",
    "Hires resize-2": "0",
    "Hires sampler": SAME_SAMPLER,
    "Hires schedule type": SAME_SCHEDULE,
    "Hires checkpoint": SAME_CHECKPOINT,
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": "32",
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": "0",
    "Schedule min sigma": "0",
    "Schedule rho": "0",
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": "False",
}
# Other programs' spellings of these fields, in small letters.
_SPELLINGS = {name.casefold(): name for name in (*FIRST, *LAST)} | {
    "guidance scale": "CFG scale",
    "sampling method": "Sampler",
    "sampling steps": "Steps",
    "schedule": "Schedule type",
    "scheduler": "Schedule type",
}
# No name is longer: without an end, a long line of plain words would take its length squared.
_NAME = re.compile(r"(\w[\w \-/]{1,99}):\s*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])+"(?=,|$)')
_PLAIN = re.compile(r"[^,]*")
_END = re.compile(r"\s*(?:,|$)")
_JSON = json.JSONDecoder()


@dataclass(frozen=True)
class Infotext:
    """A text that was read. `fields` hold the values as text, with defaults; a size is two fields,
    "Size-1" and "Size-2". Where the text had no line of parameters they are empty.

    styles: names of the styles that were taken out of the prompts; None where none were looked for.
    """

    prompt: str = ""
    negative_prompt: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    styles: tuple[str, ...] | None = None

    def as_parameters(self) -> dict[str, str]:
        """As A1111's API gives them: the prompts are fields too."""
        prompts = {"Prompt": self.prompt, "Negative prompt": self.negative_prompt}
        return prompts | dict(self.fields)


def quoted(value: Any) -> str:
    """The value as text; in quotes where it would not be read back."""
    text = str(value)
    # The original quotes for the first three signs only; it reads the others' quotes all the same.
    if any(sign in text for sign in ",\n:") or text[:1] in ('"', "[", "{") or text != text.strip():
        return json.dumps(text, ensure_ascii=False)
    return text


def line_of(fields: Mapping[str, Any]) -> str:
    """One line of the fields in A1111's order, the others in their own; None is left out."""
    names = [name for name in FIRST if name in fields]
    names += [name for name in fields if name not in FIRST and name not in LAST]
    names += [name for name in LAST if name in fields]
    return ", ".join(
        name if name == str(fields[name]) else f"{name}: {quoted(fields[name])}"
        for name in names
        if fields[name] is not None
    )


def pairs_of(line: str) -> list[tuple[str, str]]:
    """Names and values in a line, quotes taken off. What is no field is passed over.

    A value in JSON's brackets, as Civitai writes them, is one value whatever commas it holds.
    """
    found = []
    name = _NAME.search(line)
    while name:
        value, place = _value_at(line, name.end())
        found.append((name[1], value))
        name = _NAME.search(line, place)
    return found


def usual_name(name: str) -> str:
    """The name as A1111 spells it, where another program spells it otherwise."""
    return _SPELLINGS.get(name.casefold(), name)


def _value_at(line: str, place: int) -> tuple[str, int]:
    """The value that begins at `place`, and where the next field may begin."""
    in_quotes = _QUOTED.match(line, place)
    if in_quotes:
        return _unquoted(in_quotes[0]), in_quotes.end()
    if line[place : place + 1] in ("[", "{"):
        try:
            _, end = _JSON.raw_decode(line, place)
        except (ValueError, RecursionError):
            end = place
        if end > place and _END.match(line, end):
            return line[place:end], end
    plain = _PLAIN.match(line, place)
    assert plain is not None
    return _unquoted(plain[0].strip()), plain.end()


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
