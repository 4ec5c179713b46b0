"""Infotext: the lines of parameters that every picture carries. Written, and read from whatever
program wrote them.

Field names are A1111's; their order and quoting too, so that either program reads the other's
pictures. It knows no picture file. Its neighbours: `infotext_fields` (names, one line),
`infotext_history` (older versions), `infotext_foreign` (other programs), `infotext_request` (a
request again). Rules: A1111 numerics, infotext.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modules.generation import infotext_foreign as foreign
from modules.generation import infotext_history as history
from modules.generation.infotext_fields import FIRST, Infotext, line_of, pairs_of, usual_name
from modules.generation.infotext_history import old_first_pass_size as old_first_pass_size
from modules.generation.infotext_request import take_styles as take_styles
from modules.generation.infotext_request import to_api_fields as to_api_fields
from modules.generation.infotext_request import to_settings as to_settings

NEGATIVE = "Negative prompt:"
LEAST_FIELDS = 3  # a line with fewer is a part of the prompt
_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})")
# Where a line that lost its line ends goes over from prompts to parameters.
_FLAT = re.compile(r"\s(?=Steps: \d+, (?:Sampler|Schedule type|Size|Seed|CFG scale): )")
_FLAT_NEGATIVE = re.compile(r"\s(?=Negative prompt: )")


def write(prompt: str, negative_prompt: str, fields: Mapping[str, Any]) -> str:
    """Infotext of one picture. Fields that A1111 orders are put in order, the others keep theirs.

    A field that is None is left out.
    """
    negative = f"\n{NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{line_of(fields)}".strip()


def parse(text: str, *, old_behaviour: bool = True) -> Infotext:
    """Read what `write`, A1111, or one of its kin wrote; any text at all gives a result.

    `old_behaviour`: turn on what the picture's version did otherwise (setting `auto_backcompat`).
    """
    text = foreign.infotext_of_json(text) or text
    lines, pairs = _divided(text.strip())
    prompt, negative_prompt = _split_prompts(lines)
    if not pairs:
        return Infotext(prompt, negative_prompt)
    fields = _fields_of(pairs)
    foreign.translate(fields)
    prompt = history.modernise(fields, prompt)
    if old_behaviour:
        history.turn_on_old_behaviour(fields, prompt, negative_prompt)
    history.add_defaults(fields, prompt, negative_prompt)
    return Infotext(prompt, negative_prompt, fields)


def _divided(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The lines of the prompts, and the pairs of the line of parameters: none where it has none."""
    lines = text.split("\n")
    # Some extensions put lines of their own below the parameters.
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].strip()
        if number < len(lines) - 1 and not line.startswith("Steps:"):
            continue
        pairs = pairs_of(line)
        if len(pairs) < LEAST_FIELDS:
            continue
        head = _FLAT.split(line, maxsplit=1)
        if len(head) == 2 and usual_name(pairs[0][0]) not in FIRST and _is_prompt(head[0]):
            return [*lines[:number], *_FLAT_NEGATIVE.split(head[0])], pairs_of(head[1])
        return lines[:number], pairs
    return lines, []


def _is_prompt(head: str) -> bool:
    """Whether what stands before "Steps:" in one line are prompts, not fields before it."""
    return NEGATIVE in head or not head.endswith(",")


def _split_prompts(lines: list[str]) -> tuple[str, str]:
    lines = [line.strip() for line in lines]
    for number, line in enumerate(lines):
        if line[: len(NEGATIVE)].casefold() == NEGATIVE.casefold():
            negative = [line[len(NEGATIVE) :].strip(), *lines[number + 1 :]]
            return "\n".join(lines[:number]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _fields_of(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    given = {name for name, _ in pairs}
    for spelled, value in pairs:
        name = usual_name(spelled)
        if name != spelled and name in given:
            continue
        size = _SIZE.fullmatch(value)
        if size:
            fields |= {f"{name}-1": size[1], f"{name}-2": size[2]}
        else:
            fields[name] = value
    return fields
