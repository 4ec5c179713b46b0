"""Draws a scene of the built-in world as a picture. Knows nothing of captions and networks.

Photos are shaded: ambient + diffuse + a Blinn highlight on the shapes' normals, soft elliptic
shadows, a painted ground (ground.py). Doodles are flat colour with an outline, pencil drawings
hatch the shaded picture on paper, pixel art is the shaded picture of a quarter of the size in few
tones.
"""

import numpy as np
from numpy.typing import NDArray

from modules.training.builtin.ground import FLAT_GROUND, mix, painted, row
from modules.training.builtin.shapes import SHAPES, Field, Surface, coverage
from modules.training.builtin.world import BASE, Scene, Thing

RGB: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.09, 0.10),
    "orange": (0.96, 0.50, 0.07),
    "yellow": (0.97, 0.84, 0.12),
    "green": (0.15, 0.60, 0.20),
    "blue": (0.11, 0.31, 0.86),
    "purple": (0.50, 0.14, 0.66),
    "pink": (0.98, 0.56, 0.71),
    "brown": (0.44, 0.25, 0.12),
    "white": (0.94, 0.94, 0.93),
    "black": (0.07, 0.07, 0.08),
}
TINT = {"night": (0.72, 0.76, 0.95), "sunset": (1.05, 0.92, 0.82)}
GLOSS = {"plain": (32, 1.0), "matte": (8, 0.12), "glossy": (90, 2.1), "wet": (60, 1.7)}
"""Exponent of the highlight, and its strength relative to the light's own, by material."""
DROPS = 15
PIXEL_ART_SIDE = 32
TONES = 7.0


def render(scene: Scene, pixels: int = 128) -> NDArray[np.uint8]:
    """The scene as RGB (pixels, pixels, 3)."""
    random = np.random.default_rng(scene.shade_seed)
    if scene.style == "doodle":
        picture = _doodle(scene, *_grid(pixels), random)
    elif scene.style == "pencil":
        picture = _pencil(scene, *_grid(pixels), random)
    elif scene.style == "pixel":
        small = _photo(scene, *_grid(max(pixels // 4, 8)), random)
        tones = np.round(np.clip(small, 0.0, 1.0) * TONES) / TONES
        picture = tones.repeat(pixels // len(tones), 0).repeat(pixels // len(tones), 1)
    else:
        picture = _photo(scene, *_grid(pixels), random)
    return (np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _grid(pixels: int) -> tuple[Field, Field]:
    axis = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    return x, y


def _surface(thing: Thing, x: Field, y: Field) -> Surface:
    return SHAPES[thing.object]((x - thing.x) / thing.size, (y - thing.y) / thing.size, thing.turn)


def _paint(thing: Thing, surface: Surface, base: Field) -> Field:
    """The object's own colours over `base` (H, W, 3), its own main colour."""
    for patch in surface.patches:
        part = patch.colour or tuple(patch.scale * channel for channel in RGB[thing.colour])
        base = mix(base, part, patch.mask)
    return base


def _outline(inside: Field, width: float) -> Field:
    """How much of each pixel a line of this width in pixels covers along the outline, (H, W)."""
    down, right = np.gradient(inside)
    distance = np.abs(inside) / (np.sqrt(down**2 + right**2) + 1e-6)
    return np.clip(width - distance, 0.0, 1.0)


def _doodle(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    above, below = FLAT_GROUND[scene.ground]
    picture = np.where((y > scene.horizon)[..., None], row(above), row(below))
    picture = picture.astype(np.float32)
    wobble, phase = random.uniform(0.0, 0.05), random.uniform(0, 6.28, 4)
    bent_x = x + wobble * np.sin(5 * y + phase[0]) * np.cos(3 * x + phase[1])
    bent_y = y + wobble * np.sin(5 * x + phase[2]) * np.cos(3 * y + phase[3])
    has_parts, has_line = random.random() < 0.6, random.random() < 0.5
    width = random.uniform(0.8, 2.0) * len(x) / 128
    ink = (0.9, 0.9, 0.9) if scene.ground in ("black", "night") else (0.08, 0.07, 0.07)
    for thing in reversed(scene.things):
        surface = _surface(thing, bent_x, bent_y)
        fill = np.broadcast_to(row(RGB[thing.colour]), picture.shape)
        fill = (fill + random.uniform(-0.06, 0.06, 3)).astype(np.float32)
        if has_parts:
            fill = _paint(thing, surface, fill)
        picture = mix(picture, fill, coverage(surface.inside))
        if has_line:
            picture = mix(picture, ink, _outline(surface.inside, width))
    return picture


def _pencil(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    """Coloured pencil: hatching whose weight is the shaded picture's darkness, and an outline."""
    paper = row((0.97, 0.965, 0.945))
    above, below = FLAT_GROUND[scene.ground]
    ground = np.where((y > scene.horizon)[..., None], row(above), row(below)).astype(np.float32)
    slant, pitch = random.uniform(0.5, 1.1), random.uniform(0.075, 0.095)
    hatch = 0.5 + 0.5 * np.sin(
        (x * np.cos(slant) + y * np.sin(slant)) * 6.28 / pitch
        + 1.2 * np.sin(3 * x - 2 * y + random.uniform(0, 6.28))
    )
    far = 0.0 if scene.ground == "white" else 0.42
    picture = paper + (ground - paper) * (far * (0.35 + 0.65 * hatch))[..., None]
    if scene.ground not in ("white", "black"):
        line = np.clip(1.0 - np.abs(y - scene.horizon) * len(x) / 2, 0.0, 1.0) * 0.5
        picture = mix(picture, (0.3, 0.3, 0.32), line)
    for thing in reversed(scene.things):
        surface = _surface(thing, x, y)
        base = np.broadcast_to(row(RGB[thing.colour]), picture.shape).astype(np.float32)
        colour = _paint(thing, surface, base)
        light = surface.normal @ row((-0.42, 0.62, 0.66))
        tone = np.clip(0.95 - 0.62 * light, 0.12, 1.0)
        weight = np.clip(tone * 1.25 - 0.55 * hatch, 0.05, 1.0)[..., None]
        drawn = paper + (colour * 0.88 - paper) * weight
        picture = mix(picture, drawn.astype(np.float32), coverage(surface.inside))
        picture = mix(picture, (0.2, 0.2, 0.22), 0.85 * _outline(surface.inside, len(x) / 100))
    return picture


def _photo(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    dramatic = scene.light == "dramatic"
    side = -1.0 if random.random() < 0.6 else 1.0
    picture = painted(scene, x, y, random)
    shift = -side * (0.22 if dramatic else 0.08)
    surfaces = [_surface(thing, x, y) for thing in scene.things]
    grounded = scene.things if scene.relation != "on" else scene.things[1:]
    for thing, surface in zip(scene.things, surfaces, strict=True):
        if thing in grounded:
            picture = _shadow(thing, surface, picture, x, y, shift, dramatic)
    if dramatic:
        at_x = float(np.mean([thing.x for thing in scene.things]))
        at_y = float(np.mean([thing.y for thing in scene.things]))
        spot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 1.1)
        picture = picture * (0.3 + 0.62 * spot)[..., None]
    for thing, surface in zip(reversed(scene.things), reversed(surfaces), strict=True):
        lit = _lit(thing, surface, side, dramatic, random)
        if scene.ground in TINT:
            lit = lit * row(TINT[scene.ground])
        if scene.relation == "on" and thing is scene.things[1]:
            top = scene.things[0]
            lit = _shadow(top, surfaces[0], lit, x, y, shift, dramatic)
        picture = mix(picture, lit, coverage(surface.inside))
    return picture


def _lit(
    thing: Thing, surface: Surface, side: float, dramatic: bool, random: np.random.Generator
) -> Field:
    """The object's shaded colours (H, W, 3), everywhere, also outside its outline."""
    shape = (*surface.inside.shape, 3)
    base = np.broadcast_to(row(RGB[thing.colour]), shape) * random.uniform(0.9, 1.06)
    colour = _paint(thing, surface, base.astype(np.float32))
    direction = row((0.85 * side, 0.5, 0.35) if dramatic else (0.45 * side, 0.65, 0.7))
    direction = direction / np.linalg.norm(direction)
    diffuse = np.maximum(surface.normal @ direction, 0.0)
    half = direction + row((0.0, 0.0, 1.0))
    half = half / np.linalg.norm(half)
    exponent, strength = GLOSS[thing.material]
    gloss = np.maximum(surface.normal @ half, 0.0) ** exponent
    ambient, bright, highlight = (0.26, 0.95, 0.55) if dramatic else (0.52, 0.58, 0.38)
    ambient_light = ambient * (1.0 + 0.18 * surface.normal[..., 1])
    if thing.material in ("glossy", "wet"):  # a bright sky mirrored near the upper edge
        rim = np.clip(1.0 - surface.normal[..., 2], 0.0, 1.0) ** 2
        gloss = gloss + 0.35 * rim * np.clip(surface.normal[..., 1] + 0.2, 0.0, 1.0)
    lit = colour * (ambient_light + bright * diffuse)[..., None]
    lit = lit + (highlight * strength * gloss)[..., None]
    if thing.material == "wet":
        lit = _wet(lit, surface, side, random)
    return lit.astype(np.float32)


def _wet(lit: Field, surface: Surface, side: float, random: np.random.Generator) -> Field:
    """Drops on the surface: dark where the light enters, bright where it leaves, a white spark."""
    high, wide = surface.inside.shape
    rows, columns = np.nonzero(surface.inside > 0.04)
    if not len(rows):
        return lit
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    taken: list[tuple[float, float, float]] = []
    for _ in range(6 * DROPS):
        chosen = int(random.integers(len(rows)))
        radius = float(random.uniform(0.024, 0.052)) * wide
        at_y, at_x = float(rows[chosen]), float(columns[chosen])
        if all(np.hypot(at_x - a, at_y - b) > radius + c for a, b, c in taken):
            taken.append((at_x, at_y, radius))
        if len(taken) == DROPS:
            break
    for at_x, at_y, radius in taken:
        top, left = max(int(at_y - radius - 2), 0), max(int(at_x - radius - 2), 0)
        part = (slice(top, int(at_y + radius + 3)), slice(left, int(at_x + radius + 3)))
        across, down = (x[part] - at_x) / radius, (y[part] - at_y) / radius
        distance = np.sqrt(across**2 + down**2)
        mask = np.clip((1.0 - distance) * radius + 0.5, 0.0, 1.0)
        toward = (side * across - down) * 0.7  # 1 on the lamp's side
        shade = 1.0 - 0.5 * np.clip(toward, -0.2, 1.0) * (distance > 0.2) - 0.1
        glow = 0.42 * np.clip(-toward, 0.0, 1.0)
        spark = np.exp(-((across - 0.38 * side) ** 2 + (down + 0.38) ** 2) / 0.07)
        drop = lit[part] * (shade + glow)[..., None] + (0.75 * spark + 0.2 * glow)[..., None]
        lit[part] = mix(lit[part], drop.astype(np.float32), mask)
    return lit


def _shadow(
    thing: Thing, surface: Surface, ground: Field, x: Field, y: Field, shift: float, dramatic: bool
) -> Field:
    low = thing.y + thing.size * (BASE[thing.object] + 0.06)
    wide = thing.size * surface.width
    distance = ((x - thing.x - shift * thing.size) / (wide * 1.15)) ** 2 + (
        (y - low) / (wide * 0.3)
    ) ** 2
    dark = (0.68 if dramatic else 0.48) * np.exp(-1.6 * distance**1.5)
    return ground * (1.0 - dark)[..., None].astype(np.float32)
