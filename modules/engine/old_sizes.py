"""Hires fix asked for the old way: width and height are what it ends with, not what it begins with.

Turns such a request into one of today's. A1111 numerics: hires fix, sizes, old behaviour.
"""

from __future__ import annotations

from dataclasses import replace

from modules.generation.infotext import old_first_pass_size
from modules.generation.request import Request
from modules.settings import Settings


def with_todays_sizes(request: Request, settings: Settings, size: tuple[int, int]) -> Request:
    """`size`: (width, height) where the request names none. One that says what to resize to, as
    every text of ours does, is today's already.
    """
    hires = request.hires
    if hires is None or not settings.compatibility.use_old_hires_fix_width_height:
        return request
    if hires.resize_x or hires.resize_y:
        return request
    width = size[0] if request.width is None else request.width
    height = size[1] if request.height is None else request.height
    first = old_first_pass_size(width, height)
    whole = replace(hires, resize_x=width, resize_y=height)
    return replace(request, width=first[0], height=first[1], hires=whole)
