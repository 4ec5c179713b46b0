"""Names of LoRAs in an infotext, and their hashes: so that a text still works after a file was
renamed.

Plain text to plain text; which files there are is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from modules.generation.infotext import parse

FIELD = "Lora hashes"
_TAG = re.compile(r"(<(?:lora|lyco):)([^:>]+)(?=[:>])")


def lora_hashes(infotext: str) -> dict[str, str]:
    """name -> short hash, as the text's field `Lora hashes` lists them."""
    listed = parse(infotext).fields.get(FIELD, "")
    pairs = (entry.rpartition(":") for entry in listed.split(","))
    return {name.strip(): digest.strip() for name, _, digest in pairs if name and digest.strip()}


def with_names(infotext: str, present: Callable[[str, str], str]) -> str:
    """The text with `present(name, hash)` in place of each LoRA's name whose hash it tells."""
    hashes = lora_hashes(infotext) if FIELD in infotext else {}

    def renamed(found: re.Match[str]) -> str:
        name = found[2]
        digest = hashes.get(name.replace(",", ""))
        return found[1] + (present(name, digest) if digest else name)

    return _TAG.sub(renamed, infotext) if hashes else infotext
