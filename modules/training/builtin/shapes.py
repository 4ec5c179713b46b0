"""The objects of the built-in world, each as one vectorised evaluation over a picture's pixels.

A shape takes object coordinates (u to the right, v up, the object fills about -1..1) and answers
with an inside function, surface normals and places of fixed colour. Knows nothing of light,
ground or captions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
TILT = 0.22
"""Sine of the angle from which surfaces of revolution are seen from above."""


@dataclass(frozen=True)
class Patch:
    """A part of fixed colour (RGB 0..1), or of the object's colour times `scale`; mask (H, W) in
    0..1.
    """

    mask: Field
    colour: tuple[float, float, float] | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Surface:
    """inside (H, W): positive within the outline; normal (H, W, 3): unit vectors, z to the
    viewer.
    """

    inside: Field
    normal: Field
    patches: tuple[Patch, ...] = ()
    width: float = 0.8
    """Half width of the shadow."""


def coverage(inside: Field) -> Field:
    """Share of each pixel within the outline, (H, W) in 0..1, from the inside function's slope."""
    down, right = np.gradient(inside)
    slope = np.sqrt(down * down + right * right) + 1e-6
    return np.clip(0.5 + inside / slope, 0.0, 1.0).astype(np.float32)


def _unit(x: Any, y: Any, z: Any) -> Field:
    normal = np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)
    return normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6)


def _revolve(
    u: Field, v: Field, heights: list[float], radii: list[float]
) -> tuple[Field, Field, Field]:
    """inside, normal and height of the surface with this profile about the v axis, seen from
    above.
    """
    fine = np.linspace(heights[0], heights[-1], 512)
    table = np.interp(fine, heights, radii)
    kernel = np.hanning(25)
    table = np.convolve(np.pad(table, 12, mode="edge"), kernel / kernel.sum(), "valid")
    slope = np.gradient(table, fine)
    height = v
    for _ in range(3):
        radius = np.interp(height, fine, table)
        depth = np.sqrt(np.maximum(radius * radius - u * u, 0.0))
        height = v + TILT * depth
    radius = np.interp(height, fine, table)
    inside = np.minimum(radius - np.abs(u), np.minimum(height - fine[0], fine[-1] - height))
    across = np.clip(u / np.maximum(radius, 1e-3), -1.0, 1.0)
    toward = np.sqrt(1.0 - across * across)
    steep = np.interp(height, fine, slope)
    return inside.astype(np.float32), _unit(across, -steep, toward), height.astype(np.float32)


def _disc(u: Field, v: Field, x: float, y: float, a: float, b: float) -> Field:
    """Inside function of an ellipse with half axes a and b about (x, y)."""
    return (1.0 - np.sqrt(((u - x) / a) ** 2 + ((v - y) / b) ** 2)).astype(np.float32)


def ball(u: Field, v: Field, turn: float) -> Surface:
    radius = np.sqrt(u * u + v * v)
    toward = np.sqrt(np.maximum(1.0 - (radius / 0.95) ** 2, 0.0))
    return Surface(0.95 - radius, _unit(u, v, toward))


def apple(u: Field, v: Field, turn: float) -> Surface:
    angle = np.arctan2(np.abs(u), v)
    edge = (
        0.93 - 0.2 * np.exp(-((angle / 0.45) ** 2)) - 0.07 * np.exp(-(((np.pi - angle) / 0.3) ** 2))
    )
    radius = np.sqrt((u / 1.04) ** 2 + v * v)
    share = np.minimum(radius / edge, 1.0)
    body = edge - radius
    dent = 0.8 * np.exp(-((u / 0.3) ** 2 + ((v - 0.78) / 0.2) ** 2))
    normal = _unit(u / edge, v / edge - dent, np.sqrt(1.0 - share * share))
    lean = 0.16 * (turn - 0.5)
    stem = 0.055 - np.abs(u - lean * (v - 0.6) * 2) - 4.0 * np.maximum(np.abs(v - 0.87) - 0.2, 0.0)
    side = 1.0 if turn > 0.5 else -1.0
    x, y = side * u, v - 0.02
    leaf = _disc(0.85 * x + 0.5 * y, -0.5 * x + 0.85 * y, 0.8, 0.66, 0.3, 0.12) * 0.15
    patches = (
        Patch(coverage(stem), (0.33, 0.2, 0.1)),
        Patch(coverage(leaf), (0.2, 0.55, 0.16)),
    )
    return Surface(np.maximum(body, np.maximum(stem, leaf)), normal, patches)


def pear(u: Field, v: Field, turn: float) -> Surface:
    heights = [-0.92, -0.9, -0.83, -0.65, -0.4, -0.1, 0.15, 0.4, 0.6, 0.72, 0.79, 0.81]
    radii = [0.3, 0.4, 0.54, 0.68, 0.72, 0.6, 0.44, 0.34, 0.29, 0.22, 0.1, 0.0]
    body, normal, _ = _revolve(u, v, heights, radii)
    lean = (turn - 0.5) * 0.5
    stem = 0.05 - np.abs(u - lean * (v - 0.7)) - 4.0 * np.maximum(np.abs(v - 0.84) - 0.2, 0.0)
    patch = Patch(coverage(stem), (0.33, 0.2, 0.1))
    return Surface(np.maximum(body, stem), normal, (patch,), width=0.7)


def cone(u: Field, v: Field, turn: float) -> Surface:
    inside, normal, _ = _revolve(u, v, [-0.85, 0.97], [0.76, 0.0])
    return Surface(inside, normal, width=0.75)


def mug(u: Field, v: Field, turn: float) -> Surface:
    side = 1.0 if turn > 0.5 else -1.0
    x = side * u + 0.18
    body, normal, _ = _revolve(x, v, [-0.83, -0.78, 0.8], [0.58, 0.62, 0.64])
    normal = normal * np.array([side, 1.0, 1.0], np.float32)
    ring = np.sqrt(((x - 0.66) / 0.9) ** 2 + (v + 0.02) ** 2)
    handle = 0.12 - np.abs(ring - 0.36)
    bulge = np.clip((ring - 0.36) / 0.12, -1, 1)
    round_handle = _unit(
        side * bulge * (x - 0.66) / (ring + 1e-3), bulge * v / (ring + 1e-3), 1.05 - bulge**2
    )
    is_body = coverage(body)[..., None]
    normal = is_body * normal + (1.0 - is_body) * round_handle
    rim = _disc(x, v, 0.0, 0.8 - 0.02, 0.64, 0.64 * TILT)
    hole = _disc(x, v, 0.0, 0.8 - 0.02, 0.56, 0.53 * TILT)
    patches = (Patch(coverage(rim), None, 1.2), Patch(coverage(hole), None, 0.35))
    inside = np.maximum(np.maximum(body, handle), rim)
    return Surface(inside, normal, patches, width=0.7)


def mushroom(u: Field, v: Field, turn: float) -> Surface:
    heights = [-0.05, -0.02, 0.05, 0.2, 0.45, 0.7, 0.85, 0.9]
    cap, cap_normal, _ = _revolve(u, v, heights, [0.55, 0.86, 0.9, 0.87, 0.7, 0.42, 0.15, 0.0])
    stem, stem_normal, _ = _revolve(u, v, [-0.95, -0.9, -0.5, 0.1], [0.24, 0.34, 0.25, 0.24])
    is_cap = coverage(cap)
    normal = is_cap[..., None] * cap_normal + (1 - is_cap[..., None]) * stem_normal
    spots = np.zeros_like(u)
    shift = 0.3 * (turn - 0.5)
    for x, y, size in (
        (-0.45, 0.12, 0.13),
        (0.02, 0.34, 0.16),
        (0.48, 0.16, 0.12),
        (-0.2, 0.62, 0.1),
    ):
        spots = np.maximum(spots, coverage(_disc(u, v, x + shift, y, size, size * 0.85)))
    patches = (
        Patch((1.0 - is_cap).astype(np.float32), (0.93, 0.87, 0.72)),
        Patch((spots * is_cap).astype(np.float32), (0.96, 0.95, 0.92)),
    )
    return Surface(np.maximum(cap, stem), normal, patches, width=0.5)


def cube(u: Field, v: Field, turn: float) -> Surface:
    yaw, pitch, half = 0.35 + 0.85 * turn, 0.45, 0.58
    cos_y, sin_y, cos_p, sin_p = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    # rows: the cube's axes seen in view coordinates (right, up, toward the viewer)
    axes = np.array(
        [
            [cos_y, -sin_y * sin_p, sin_y * cos_p],
            [0, cos_p, sin_p],
            [-sin_y, -cos_y * sin_p, cos_y * cos_p],
        ]
    )
    near, far = np.full_like(u, -9.0), np.full_like(u, 9.0)
    normal = np.zeros((*u.shape, 3), np.float32)
    for axis in axes:
        across = axis[0] * u + axis[1] * v
        first, second = (-half - across) / axis[2], (half - across) / axis[2]
        enter, leave = np.minimum(-first, -second), np.maximum(-first, -second)
        normal[enter > near] = axis * np.sign(axis[2])
        near, far = np.maximum(near, enter), np.minimum(far, leave)
    return Surface((far - near).astype(np.float32), normal, width=0.75)


def banana(u: Field, v: Field, turn: float) -> Surface:
    side = 1.0 if turn > 0.5 else -1.0
    lean = side * 0.25
    x, y = np.cos(lean) * u + np.sin(lean) * v, -np.sin(lean) * u + np.cos(lean) * v
    y = y - 0.62
    reach = np.sqrt(x * x + y * y)
    angle = np.arctan2(side * x, -y) / 1.15
    end = np.maximum(np.abs(angle) - 1.0, 0.0)
    thick = 0.3 * np.sqrt(np.maximum(1.0 - 0.86 * np.clip(angle, -1, 1) ** 2, 0.02)) + 0.02
    inside = thick - np.abs(reach - 0.95) - 3.0 * end
    bulge = np.clip((reach - 0.95) / thick, -1, 1)
    normal = _unit(bulge * x / (reach + 1e-3), bulge * y / (reach + 1e-3), np.sqrt(1.02 - bulge**2))
    tips = coverage((np.abs(angle) - 0.93).astype(np.float32))
    dark = Patch(tips, (0.25, 0.17, 0.08))
    return Surface(inside.astype(np.float32), normal, (dark,), width=0.7)


def _spindle(
    along: Field, across: Field, heights: list[float], radii: list[float]
) -> tuple[Field, Field, Field]:
    """inside, and the normal's parts along and across, of a body of revolution seen square on."""
    fine = np.linspace(heights[0], heights[-1], 256)
    table = np.interp(fine, heights, radii)
    kernel = np.hanning(19)
    table = np.convolve(np.pad(table, 9, mode="edge"), kernel / kernel.sum(), "valid")
    radius = np.interp(along, fine, table)
    steep = np.interp(along, fine, np.gradient(table, fine))
    inside = np.minimum(
        radius - np.abs(across), np.minimum(along - heights[0], heights[-1] - along)
    )
    share = np.clip(across / np.maximum(radius, 1e-3), -1.0, 1.0)
    lengthwise = (-steep * np.sqrt(1.0 - share**2)).astype(np.float32)
    return inside.astype(np.float32), lengthwise, share.astype(np.float32)


def lemon(u: Field, v: Field, turn: float) -> Surface:
    lean = 0.5 * (turn - 0.5)
    a, b = np.cos(lean) * u + np.sin(lean) * v, -np.sin(lean) * u + np.cos(lean) * v
    heights = [-1.0, -0.97, -0.86, -0.74, -0.5, -0.2, 0.0, 0.2, 0.5, 0.74, 0.86, 0.97, 1.0]
    radii = [0.0, 0.1, 0.14, 0.24, 0.48, 0.62, 0.64, 0.62, 0.48, 0.24, 0.14, 0.1, 0.0]
    inside, along, across = _spindle(a, b, heights, radii)
    along = 0.8 * along + 0.1 * np.sin(31 * a + 4 * np.sin(9 * b)) * np.sin(29 * b)
    toward = np.sqrt(np.maximum(1.05 - across**2, 0.02))
    x, y = (
        np.cos(lean) * along - np.sin(lean) * across,
        np.sin(lean) * along + np.cos(lean) * across,
    )
    tip = 1.0 if turn > 0.5 else -1.0
    end = coverage((0.09 - np.sqrt((a - tip * 0.95) ** 2 + b**2)).astype(np.float32))
    return Surface(inside, _unit(x, y, toward), (Patch(end, (0.36, 0.33, 0.12)),), width=0.8)


def orange(u: Field, v: Field, turn: float) -> Surface:
    radius = np.sqrt((u / 0.95) ** 2 + (v / 0.9) ** 2)
    toward = np.sqrt(np.maximum(1.0 - radius**2, 0.0))
    dimple = 0.13 * np.sin(22 * u + 3 * np.sin(5 * v)) * np.sin(21 * v + 3 * np.sin(6 * u)) * toward
    shade = 0.9 * np.exp(-((u / 0.16) ** 2 + ((v - 0.72) / 0.1) ** 2))
    normal = _unit(u / 0.95 + dimple, v / 0.9 - shade + dimple, toward)
    side = 1.0 if turn > 0.5 else -1.0
    x, y = side * u, v
    leaf = _disc(0.94 * x + 0.34 * y, -0.34 * x + 0.94 * y, 0.6, 0.7, 0.36, 0.13) * 0.15
    stem = 0.1 - np.sqrt(u**2 + ((v - 0.78) / 0.6) ** 2)
    patches = (
        Patch(coverage(leaf.astype(np.float32)), (0.13, 0.45, 0.14)),
        Patch(coverage(stem.astype(np.float32)), (0.26, 0.3, 0.1)),
    )
    inside = np.maximum((1.0 - radius) * 0.92, leaf)
    return Surface(inside.astype(np.float32), normal, patches, width=0.75)


def cherry(u: Field, v: Field, turn: float) -> Surface:
    side = 1.0 if turn > 0.5 else -1.0
    x = side * u
    inside, parts = np.full_like(u, -9.0), np.zeros((*u.shape, 3), np.float32)
    stems = np.full_like(u, -9.0)
    knot = (0.12, 0.9)
    for place_x, place_y, size in ((-0.44, -0.4, 0.46), (0.46, -0.42, 0.44)):
        radius = np.sqrt((x - place_x) ** 2 + (v - place_y) ** 2)
        dent = 0.8 * np.exp(-(((x - place_x) / 0.14) ** 2 + ((v - place_y - 0.36) / 0.09) ** 2))
        toward = np.sqrt(np.maximum(1.0 - (radius / size) ** 2, 0.0))
        normal = _unit(side * (x - place_x) / size, (v - place_y) / size - dent, toward)
        closer = radius < size
        parts[closer] = normal[closer]
        inside = np.maximum(inside, size - radius)
        share = np.clip((v - place_y - 0.3) / (knot[1] - place_y - 0.3), 0.0, 1.0)
        middle = place_x + (knot[0] - place_x) * share**1.7
        thin = 0.05 - np.abs(x - middle) * 0.85
        ends = np.minimum(v - place_y - 0.3, knot[1] - v) * 4
        stems = np.maximum(stems, np.minimum(thin, ends))
    turned_x, turned_y = x - 0.45, v - 0.82
    leaf = _disc(
        0.97 * turned_x - 0.2 * turned_y, 0.2 * turned_x + 0.97 * turned_y, 0.0, 0.0, 0.34, 0.14
    )
    leaf = (leaf * 0.15).astype(np.float32)
    stems = stems.astype(np.float32)
    patches = (Patch(coverage(stems), (0.3, 0.36, 0.12)), Patch(coverage(leaf), (0.2, 0.55, 0.16)))
    whole = np.maximum(inside, np.maximum(stems, leaf))
    parts[~parts.any(-1)] = (0.0, 0.3, 0.95)
    return Surface(whole.astype(np.float32), parts, patches, width=0.95)


def donut(u: Field, v: Field, turn: float) -> Surface:
    flat = 0.62
    ring = np.sqrt(u**2 + (v / flat) ** 2) + 1e-4
    middle, thick = 0.62, 0.36
    bulge = np.clip((ring - middle) / thick, -1.0, 1.0)
    toward = np.sqrt(1.02 - bulge**2)
    normal = _unit(bulge * u / ring, bulge * v / ring / flat * 0.8 + 0.35 * toward, toward)
    inside = (thick - np.abs(ring - middle)).astype(np.float32)
    angle = np.arctan2(v, u)
    wave = 0.2 + 0.035 * np.sin(7 * angle + 6 * turn) - 0.06 * np.sin(angle)
    dough = coverage((np.abs(ring - middle + 0.03) - wave - 0.08).astype(np.float32))
    return Surface(inside, normal, (Patch(dough, (0.80, 0.57, 0.32)),), width=0.95)


def bottle(u: Field, v: Field, turn: float) -> Surface:
    heights = [-0.92, -0.88, -0.5, 0.12, 0.3, 0.44, 0.56, 0.9, 0.96]
    radii = [0.36, 0.41, 0.42, 0.42, 0.36, 0.22, 0.15, 0.15, 0.15]
    inside, normal, height = _revolve(u, v, heights, radii)
    label = np.minimum(height + 0.55, -0.02 - height).astype(np.float32)
    cap = (height - 0.78).astype(np.float32)
    patches = (
        Patch(coverage(label), (0.93, 0.91, 0.84)),
        Patch(coverage(cap), (0.55, 0.42, 0.2)),
    )
    return Surface(inside, normal, patches, width=0.5)


def star(u: Field, v: Field, turn: float) -> Surface:
    lean = 0.3 * (turn - 0.5)
    angle = np.arctan2(u, v) + lean
    radius = np.sqrt(u * u + v * v)
    sector = 2 * np.pi / 5
    folded = np.mod(angle + sector / 2, sector) - sector / 2
    # the edge runs from the tip (radius 1, angle 0) to the notch (radius 0.45, angle sector / 2)
    tip, notch = np.array([0.0, 1.0]), 0.45 * np.array([np.sin(sector / 2), np.cos(sector / 2)])
    along = (notch - tip) / np.linalg.norm(notch - tip)
    x, y = radius * np.sin(np.abs(folded)), radius * np.cos(folded)
    inside = -((x - tip[0]) * -along[1] + (y - tip[1]) * along[0])
    facing = angle - folded + np.sign(folded) * 0.9
    normal = _unit(0.75 * np.sin(facing - lean), 0.75 * np.cos(facing - lean), np.full_like(u, 0.8))
    return Surface(inside.astype(np.float32), normal, width=0.6)


def heart(u: Field, v: Field, turn: float) -> Surface:
    x, y = u * 1.2, v * 1.12 + 0.12
    value = -((x * x + y * y - 1.0) ** 3 - x * x * y**3)
    height = 0.8 * np.sqrt(1.0 - (1.0 - np.clip(value, 0.0, 1.0) ** 0.34) ** 2)
    down, right = np.gradient(height)
    pixel = float(abs(u[0, 1] - u[0, 0]))
    normal = _unit(-right / pixel * 0.5, down / pixel * 0.5, np.ones_like(u))
    return Surface(value.astype(np.float32), normal, width=0.45)


SHAPES: dict[str, Callable[[Field, Field, float], Surface]] = {
    "apple": apple,
    "ball": ball,
    "banana": banana,
    "bottle": bottle,
    "cherry": cherry,
    "cone": cone,
    "cube": cube,
    "donut": donut,
    "heart": heart,
    "lemon": lemon,
    "mug": mug,
    "mushroom": mushroom,
    "orange": orange,
    "pear": pear,
    "star": star,
}
