"""The grounds of the built-in world: painted for photos, flat for drawings.

Knows nothing of objects and captions.
"""

import numpy as np

from modules.training.builtin.shapes import Field, coverage
from modules.training.builtin.world import Scene

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


def row(numbers: tuple[float, ...]) -> Field:
    """One pixel's numbers as an array of 32-bit floats."""
    return np.array(numbers, np.float32)


def mix(under: Field, over: Field | tuple[float, ...], mask: Field) -> Field:
    """`over` on `under` (H, W, 3) where the mask (H, W) is 1."""
    return under + (np.asarray(over, np.float32) - under) * mask[..., None]


def _blend(share: Field, low: tuple[float, ...], high: tuple[float, ...]) -> Field:
    """From low (share 0) to high (share 1), (H, W, 3)."""
    share = np.clip(share, 0.0, 1.0)[..., None]
    return (row(low) * (1 - share) + row(high) * share).astype(np.float32)


def painted(scene: Scene, x: Field, y: Field, random: np.random.Generator) -> Field:
    """Sky above the horizon and floor below it, (H, W, 3)."""
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
        sky = np.where((up < 0.17)[..., None], row((0.10, 0.45, 0.62)), sky)
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
        sky = mix(sky, (1.0, 0.93, 0.62), sun)
        floor = _blend(down, (0.40, 0.22, 0.28), (0.20, 0.10, 0.16))
    above = np.clip((y - horizon) * x.shape[0] / 2 + 0.5, 0.0, 1.0)
    return mix(floor.astype(np.float32), sky.astype(np.float32), above.astype(np.float32))


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
