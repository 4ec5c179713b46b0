"""Draws a scene of the built-in world as a picture. Knows nothing of captions and networks.

Shading is ambient + diffuse + one Blinn highlight on the shape's normals, a soft elliptic shadow
and a painted ground; doodles are flat colour with an outline, as if painted with a mouse.
"""

import numpy as np
from numpy.typing import NDArray

from modules.training.builtin.shapes import SHAPES, Field, Surface, coverage
from modules.training.builtin.world import Scene

RGB: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.09, 0.10),
    "orange": (0.96, 0.50, 0.07),
    "yellow": (0.97, 0.84, 0.12),
    "green": (0.15, 0.60, 0.20),
    "blue": (0.11, 0.31, 0.86),
    "purple": (0.50, 0.14, 0.66),
    "pink": (0.98, 0.56, 0.71),
    "white": (0.94, 0.94, 0.93),
    "black": (0.07, 0.07, 0.08),
}
TINT = {"night": (0.72, 0.76, 0.95), "sunset": (1.05, 0.92, 0.82)}
FLAT_GROUND = {  # (above, below) the horizon for doodles
    "white": ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "black": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "grass": ((0.60, 0.82, 0.97), (0.33, 0.62, 0.22)),
    "beach": ((0.60, 0.84, 0.97), (0.92, 0.83, 0.60)),
    "snow": ((0.70, 0.80, 0.92), (0.94, 0.96, 1.0)),
    "wood": ((0.82, 0.76, 0.66), (0.56, 0.36, 0.20)),
    "night": ((0.04, 0.05, 0.16), (0.08, 0.09, 0.16)),
    "sunset": ((0.92, 0.52, 0.30), (0.30, 0.15, 0.22)),
}


def render(scene: Scene, pixels: int = 128) -> NDArray[np.uint8]:
    """The scene as RGB (pixels, pixels, 3)."""
    axis = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    random = np.random.default_rng(scene.shade_seed)
    picture = (
        _doodle(scene, x, y, random) if scene.style == "doodle" else _photo(scene, x, y, random)
    )
    return (np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _row(numbers: tuple[float, ...]) -> Field:
    return np.array(numbers, np.float32)


def _mix(under: Field, over: Field | tuple[float, ...], mask: Field) -> Field:
    return under + (np.asarray(over, np.float32) - under) * mask[..., None]


def _doodle(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    above, below = FLAT_GROUND[scene.ground]
    picture = np.where((y > scene.horizon)[..., None], _row(above), _row(below))
    picture = picture.astype(np.float32)
    wobble = random.uniform(0.0, 0.05)
    phase = random.uniform(0, 6.28, 4)
    u = (x - scene.x + wobble * np.sin(5 * y + phase[0]) * np.cos(3 * x + phase[1])) / scene.size
    v = (y - scene.y + wobble * np.sin(5 * x + phase[2]) * np.cos(3 * y + phase[3])) / scene.size
    surface = SHAPES[scene.object](u, v, scene.turn)
    fill = np.broadcast_to(_row(RGB[scene.colour]), picture.shape)
    fill = (fill + random.uniform(-0.06, 0.06, 3)).astype(np.float32)
    if random.random() < 0.6:
        for patch in surface.patches:
            part = patch.colour or tuple(patch.scale * channel for channel in RGB[scene.colour])
            fill = _mix(fill, part, patch.mask)
    picture = _mix(picture, fill, coverage(surface.inside))
    if random.random() < 0.5:
        down, right = np.gradient(surface.inside)
        distance = np.abs(surface.inside) / (np.sqrt(down**2 + right**2) + 1e-6)
        line = np.clip(random.uniform(0.8, 2.0) - distance, 0.0, 1.0)
        ink = (0.9, 0.9, 0.9) if scene.ground in ("black", "night") else (0.08, 0.07, 0.07)
        picture = _mix(picture, ink, line)
    return picture


def _photo(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    dramatic = scene.light == "dramatic"
    side = -1.0 if random.random() < 0.6 else 1.0
    ground = _ground(scene, x, y, random)
    u, v = (x - scene.x) / scene.size, (y - scene.y) / scene.size
    surface = SHAPES[scene.object](u, v, scene.turn)
    ground = _shadow(scene, surface, ground, x, y, -side * (0.22 if dramatic else 0.08), dramatic)
    colour = np.broadcast_to(_row(RGB[scene.colour]), ground.shape)
    colour = (colour * random.uniform(0.9, 1.06)).astype(np.float32)
    for patch in surface.patches:
        part = patch.colour or tuple(patch.scale * channel for channel in RGB[scene.colour])
        colour = _mix(colour, part, patch.mask)
    lit = _light(surface, colour, side, dramatic)
    if scene.ground in TINT:
        lit = lit * _row(TINT[scene.ground])
    if dramatic:
        spot = np.exp(-((x - scene.x) ** 2 + (y - scene.y) ** 2) / 1.1)
        ground = ground * (0.3 + 0.62 * spot)[..., None]
    return _mix(ground, lit, coverage(surface.inside))


def _light(surface: Surface, colour: Field, side: float, dramatic: bool) -> Field:
    direction = _row((0.85 * side, 0.5, 0.35) if dramatic else (0.45 * side, 0.65, 0.7))
    direction = direction / np.linalg.norm(direction)
    diffuse = np.maximum(surface.normal @ direction, 0.0)
    half = direction + _row((0.0, 0.0, 1.0))
    half = half / np.linalg.norm(half)
    gloss = np.maximum(surface.normal @ half, 0.0) ** 32
    ambient, strength, highlight = (0.26, 0.95, 0.55) if dramatic else (0.52, 0.58, 0.38)
    ambient_light = ambient * (1.0 + 0.18 * surface.normal[..., 1])
    return colour * (ambient_light + strength * diffuse)[..., None] + (highlight * gloss)[..., None]


def _shadow(
    scene: Scene, surface: Surface, ground: Field, x: Field, y: Field, shift: float, dramatic: bool
) -> Field:
    low = scene.y + scene.size * (surface.base + 0.06)
    wide = scene.size * surface.width
    distance = ((x - scene.x - shift * scene.size) / (wide * 1.15)) ** 2 + (
        (y - low) / (wide * 0.3)
    ) ** 2
    dark = (0.68 if dramatic else 0.48) * np.exp(-1.6 * distance**1.5)
    return ground * (1.0 - dark)[..., None].astype(np.float32)


def _blend(share: Field, low: tuple[float, ...], high: tuple[float, ...]) -> Field:
    """From low (share 0) to high (share 1), (H, W, 3)."""
    share = np.clip(share, 0.0, 1.0)[..., None]
    return (_row(low) * (1 - share) + _row(high) * share).astype(np.float32)


def _ground(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    """Sky above the horizon and floor below it."""
    horizon = scene.horizon
    up = (y - horizon) / (1.0 - horizon)
    down = (horizon - y) / (1.0 + horizon)
    if scene.ground == "white":
        return _blend(0.5 + 0.5 * y, (0.86, 0.86, 0.87), (0.97, 0.97, 0.97))
    if scene.ground == "black":
        return _blend(0.5 + 0.5 * y, (0.075, 0.075, 0.08), (0.02, 0.02, 0.022))
    if scene.ground == "grass":
        sky = _blend(up, (0.80, 0.90, 0.98), (0.33, 0.60, 0.92))
        grain = random.normal(0, 0.035, x.shape).astype(np.float32)[..., None]
        floor = _blend(down, (0.42, 0.68, 0.26), (0.20, 0.46, 0.12)) + grain
    elif scene.ground == "beach":
        sky = _blend(up, (0.82, 0.93, 0.98), (0.40, 0.70, 0.95))
        grain = random.normal(0, 0.02, x.shape).astype(np.float32)[..., None]
        floor = _blend(down, (0.96, 0.89, 0.70), (0.85, 0.73, 0.50)) + grain
        sky = np.where((up < 0.17)[..., None], _row((0.10, 0.45, 0.62)), sky)
    elif scene.ground == "snow":
        sky = _blend(up, (0.80, 0.87, 0.95), (0.50, 0.64, 0.82))
        grain = random.normal(0, 0.012, x.shape).astype(np.float32)[..., None]
        floor = _blend(down, (0.90, 0.94, 0.99), (0.97, 0.98, 1.0)) + grain
    elif scene.ground == "wood":
        sky = _blend(up, (0.80, 0.74, 0.64), (0.66, 0.60, 0.52))
        floor = _planks(x, y, down, random)
    elif scene.ground == "night":
        sky = _stars(_blend(up, (0.10, 0.13, 0.30), (0.02, 0.03, 0.12)), up, random)
        floor = _blend(down, (0.10, 0.11, 0.20), (0.06, 0.06, 0.12))
    else:
        sky = _blend(up, (1.0, 0.68, 0.30), (0.46, 0.24, 0.45))
        sun_x = random.uniform(-0.8, 0.8)
        sun = coverage(
            (0.17 - np.sqrt((x - sun_x) ** 2 + (y - horizon - 0.12) ** 2)).astype(np.float32)
        )
        sky = _mix(sky, (1.0, 0.93, 0.62), sun)
        floor = _blend(down, (0.40, 0.22, 0.28), (0.20, 0.10, 0.16))
    above = np.clip((y - horizon) * x.shape[0] / 2 + 0.5, 0.0, 1.0)
    return _mix(floor.astype(np.float32), sky.astype(np.float32), above.astype(np.float32))


def _planks(x: Field, y: Field, down: Field, random: np.random.Generator) -> Field:
    floor = _blend(down, (0.60, 0.40, 0.23), (0.48, 0.29, 0.15))
    across = (x - random.uniform(-0.3, 0.3)) / (0.35 + 0.9 * np.maximum(down, 0.0))
    seam = np.abs(np.mod(across * 2.0 + 0.5, 1.0) - 0.5)
    streak = 0.03 * np.sin(across * 37.0 + 3.0 * np.sin(across * 11.0))
    dark = 1.0 - 0.35 * np.exp(-((seam / 0.035) ** 2))
    return floor * dark[..., None] + streak[..., None]


def _stars(sky: Field, up: Field, random: np.random.Generator) -> Field:
    rows, columns = np.nonzero(up > 0.05)
    count = min(34, len(rows))
    chosen = random.choice(len(rows), count, replace=False)
    sky[rows[chosen], columns[chosen]] = random.uniform(0.5, 1.0, count)[:, None]
    return sky
