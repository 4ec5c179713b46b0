"""A request's prompts as they are used: with styles, without comments, extra-network tags set
apart.

Pure text; the order of these steps is A1111's (A1111 numerics, prompts: pipeline order for one
prompt). What a text means, and which networks exist, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modules.engine.wishes import with_chosen
from modules.generation.prompt import Tag, extra_networks, strip_comments
from modules.generation.request import Hires, Request
from modules.generation.styles import Style, apply_styles
from modules.settings import Settings


@dataclass(frozen=True)
class Texts:
    """positive, negative: as infotext shows them. encoded: the positive one without tags.

    tags: of the networks to use; a tag in the negative prompt is text like any other.
    """

    positive: str
    negative: str
    encoded: str
    tags: tuple[Tag, ...]


def texts_of(
    request: Request,
    settings: Settings,
    styles: Mapping[str, Style],
    *,
    hires: Hires | None = None,
) -> Texts:
    """Texts of the first pass, or of a second one. A style that is not there is left out."""
    positive, negative = request.prompt, request.negative_prompt
    if hires is not None:
        positive, negative = hires.prompt or positive, hires.negative_prompt or negative
    chosen = [styles[name] for name in request.styles if name in styles]
    positive, negative = apply_styles(positive, negative, chosen)
    if settings.sd.enable_prompt_comments:
        positive, negative = strip_comments(positive), strip_comments(negative)
    encoded, tags = extra_networks(positive)
    if request.disable_extra_networks:
        return Texts(positive, negative, encoded, ())
    positive = with_chosen(positive, tags, settings)
    return Texts(positive, negative, *extra_networks(positive))
