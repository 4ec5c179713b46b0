"""Styles: named pieces of prompt. Putting them in, finding them again, and their CSV text.

Which files they lie in is not known here. Rules: A1111 interface, styles; A1111 numerics, prompts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PLACE = "{prompt}"
_COLUMNS = ("name", "prompt", "negative_prompt")


@dataclass(frozen=True)
class Style:
    """Text for the prompt and for the negative prompt; `{prompt}` in it stands for what is
    there.
    """

    name: str
    prompt: str = ""
    negative_prompt: str = ""


def _with_text(prompt: str, text: str) -> str:
    if PLACE in text:
        return text.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), text.strip()) if part)


def apply_styles(prompt: str, negative_prompt: str, styles: Iterable[Style]) -> tuple[str, str]:
    """Prompt and negative prompt with the styles' texts, one after the other."""
    for style in styles:
        prompt = _with_text(prompt, style.prompt)
        negative_prompt = _with_text(negative_prompt, style.negative_prompt)
    return prompt, negative_prompt


def _without_text(prompt: str, text: str) -> str | None:
    """What `prompt` was before `text` was put in, None if it was not."""
    if PLACE in text:
        before, _, rest = text.partition(PLACE)
        after = rest.rpartition(PLACE)[2]
        if not (prompt.startswith(before) and prompt.endswith(after)):
            return None
        # With several places, what stood in the first is as long as what stands in each.
        fixed = len(text) - len(PLACE) * text.count(PLACE)
        length, uneven = divmod(len(prompt) - fixed, text.count(PLACE))
        inner = prompt[len(before) : len(before) + length]
        return inner if not uneven and length >= 0 and _with_text(inner, text) == prompt else None
    text = text.strip()
    if not text:
        return prompt
    if prompt.strip() == text:
        return ""
    ending = ", " + text
    return prompt.removesuffix(ending) if prompt.endswith(ending) else None


def extract_styles(
    prompt: str, negative_prompt: str, styles: Sequence[Style]
) -> tuple[list[str], str, str]:
    """Names of the styles whose text is in both prompts, and the prompts without them.

    Each style is found once at most; the names are in the order in which they must be applied.
    """
    names: list[str] = []
    rest = [style for style in styles if style.prompt.strip() or style.negative_prompt.strip()]
    while True:
        for style in rest:
            outer = _without_text(prompt, style.prompt)
            inner = _without_text(negative_prompt, style.negative_prompt)
            if outer is not None and inner is not None:
                break
        else:
            return names[::-1], prompt, negative_prompt
        prompt, negative_prompt = outer, inner
        names.append(style.name)
        rest.remove(style)


def read_csv(text: str) -> list[Style]:
    """Styles of a styles.csv. Rows without a name or with one that begins with # are left out.

    Old files call the prompt's column `text`.
    """
    styles = []
    for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))):
        name = row.get("name") or ""
        if name and not name.startswith("#"):
            prompt = row.get("prompt") or row.get("text") or ""
            styles.append(Style(name, prompt, row.get("negative_prompt") or ""))
    return styles


def write_csv(styles: Iterable[Style]) -> str:
    """The text of a styles.csv; A1111 writes it as UTF-8 with a byte order mark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((style.name, style.prompt, style.negative_prompt) for style in styles)
    return text.getvalue()
