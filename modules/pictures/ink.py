"""What was painted on a picture: laid over it, or taken as a mask. Pixels in, pixels out.

Ink is RGBA of the picture's size, with straight alpha; where it is empty nothing was painted.
Rules: A1111 interface, img2img tab.
"""

from __future__ import annotations

import io

from PIL import Image, ImageFilter

from modules.errors import ImageError


def png(image: Image.Image) -> bytes:
    """The picture as a PNG file, quickly packed: it is read again soon."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def composite_ink(ground: Image.Image, ink: Image.Image) -> Image.Image:
    """`ink` (RGBA) drawn over `ground` of the same size; where the ink is empty the ground's pixels
    are untouched.

    RGB if the ground has no transparency, else RGBA. ImageError where the sizes differ.
    """
    if ground.size != ink.size:
        raise ImageError(
            f"the drawing is {ink.width}x{ink.height}, its ground {ground.width}x{ground.height}; "
            "clear the canvas and load the picture again",
            field="canvas",
        )
    has_alpha = "A" in ground.getbands() or "transparency" in ground.info
    over = Image.alpha_composite(ground.convert("RGBA"), ink.convert("RGBA"))
    return over if has_alpha else over.convert("RGB")


def faded(ink: Image.Image, opacity: int) -> Image.Image:
    """`ink` (RGBA) with its alpha at `opacity` percent, rounded as the browser's canvas does."""
    ink = ink.convert("RGBA")
    if opacity < 100:
        ink.putalpha(ink.getchannel("A").point([(a * opacity + 50) // 100 for a in range(256)]))
    return ink


def lay_over(ground: Image.Image, ink: Image.Image, at: tuple[int, int]) -> None:
    """Draw `ink` over `ground` (both RGBA), its corner at (x, y) of the ground, in place."""
    ground.alpha_composite(ink, at)


def ink_mask(ink: Image.Image) -> Image.Image:
    """Grey: white where the ink is thick, black where there is none."""
    return ink.convert("RGBA").getchannel("A")


def paint_over(
    ground: Image.Image, ink: Image.Image, *, blur: int, transparency: int
) -> tuple[Image.Image, Image.Image]:
    """Inpaint sketch: the picture (RGB) with the paint softly on it, and the grey mask of what was
    painted.

    blur: radius in pixels of both the paint and its edge. transparency: percent by which the mask,
    and with it the paint, is weakened. Beyond the blurred edge no pixel of the ground changes.
    """
    assert 0 <= transparency <= 100, f"transparency of {transparency} percent"
    painted = composite_ink(ground, ink).convert("RGB")
    strength = round(255 * (1 - transparency / 100))
    mask = ink_mask(ink).point(lambda alpha: strength if alpha else 0)
    soft = ImageFilter.GaussianBlur(blur)
    over = Image.composite(painted.filter(soft), ground.convert("RGB"), mask.filter(soft))
    return over, mask
