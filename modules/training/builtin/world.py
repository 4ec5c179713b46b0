"""The world of the built-in checkpoint: which still lifes there are.

A scene is one object or two on a ground, drawn from its index alone: the same index gives the
same scene on every machine. Most scenes are plain (one object, soft light, photo), because that
is what people ask for first; the others have something special. Knows nothing of captions,
pixels, tokens or networks.
"""

from dataclasses import dataclass

import numpy as np

NAME = "2"
"""Another name for every change of the words; the checkpoint's header tells it."""
OBJECTS = (
    "apple", "ball", "banana", "bottle", "cherry", "cone", "cube", "donut", "heart", "lemon", "mug",
    "mushroom", "orange", "pear", "star",
)  # fmt: skip
COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black",
)  # fmt: skip
GROUNDS = ("white", "black", "grass", "beach", "snow", "wood", "night", "sunset")
LIGHTS = ("soft", "dramatic")
STYLES = ("photo", "doodle", "pencil", "pixel")
MATERIALS = ("plain", "matte", "glossy", "wet")
EXTENTS = ("ordinary", "small", "large")
PLACES = ("anywhere", "left", "right", "centre")
RELATIONS = ("alone", "left", "right", "on")

NATURAL_COLOUR = {
    "apple": "red", "banana": "yellow", "bottle": "green", "cherry": "red", "donut": "pink",
    "heart": "red", "lemon": "yellow", "mushroom": "red", "orange": "orange", "pear": "green",
    "star": "yellow",
}  # fmt: skip
NATURAL_SHARE = 0.22
BASE = {
    "apple": -0.88, "ball": -0.95, "banana": -0.62, "bottle": -0.97, "cherry": -0.86, "cone": -0.98,
    "cube": -0.85, "donut": -0.62, "heart": -1.0, "lemon": -0.6, "mug": -0.97, "mushroom": -0.95,
    "orange": -0.9, "pear": -0.95, "star": -0.82,
}  # fmt: skip
"""Where an object of size 1 touches the ground, below its middle."""
TOP = {"cube": 0.5, "mug": 0.76, "mushroom": 0.86, "donut": 0.22}
"""Where another object may stand on one of size 1, above its middle."""
SPECIAL = {
    "dramatic": 8.0, "wet": 4.0, "wet dramatic": 4.0, "matte": 1.5, "glossy": 2.0, "small": 1.5,
    "large": 1.5, "left": 1.5, "right": 1.5, "centre": 1.0, "two": 9.0, "doodle": 5.0,
    "pencil": 3.5, "pixel": 3.5,
}  # fmt: skip
"""What makes a scene special, in hundredths of all scenes; the others are plain."""
ATTRIBUTES = (
    "object", "colour", "ground", "light", "style", "material", "extent", "place", "relation",
    "other_object", "other_colour",
)  # fmt: skip
CLASSES = (
    len(OBJECTS), len(COLOURS), len(GROUNDS), len(LIGHTS), len(STYLES), len(MATERIALS),
    len(EXTENTS), len(PLACES), len(RELATIONS), len(OBJECTS) + 1, len(COLOURS) + 1,
)  # fmt: skip
"""Classes per attribute; of the other object's two, the last one means that there is none."""


@dataclass(frozen=True)
class Thing:
    """An object. Lengths are in half picture widths, y points up, (0, 0) is the middle."""

    object: str
    colour: str
    x: float
    y: float
    size: float
    turn: float
    """Free number in 0..1 that turns, mirrors or tilts the object."""
    material: str = "plain"

    def __post_init__(self) -> None:
        assert self.object in OBJECTS and self.colour in COLOURS, self
        assert self.material in MATERIALS, self
        assert 0.1 < self.size < 1.0 and 0.0 <= self.turn <= 1.0, self


@dataclass(frozen=True)
class Scene:
    """One picture's content: one thing, or two of which the first stands to the other as
    `relation` says.
    """

    index: int
    things: tuple[Thing, ...]
    ground: str
    light: str
    style: str
    extent: str
    place: str
    relation: str
    horizon: float
    shade_seed: int

    def __post_init__(self) -> None:
        assert self.ground in GROUNDS and self.light in LIGHTS and self.style in STYLES, self
        assert self.extent in EXTENTS and self.place in PLACES, self
        assert self.relation in RELATIONS and len(self.things) in (1, 2), self
        assert (self.relation == "alone") == (len(self.things) == 1), self

    @property
    def thing(self) -> Thing:
        """What the scene is about."""
        return self.things[0]

    @property
    def labels(self) -> tuple[int, ...]:
        """Class numbers, one per attribute."""
        other = self.things[1] if len(self.things) > 1 else None
        return (
            OBJECTS.index(self.thing.object),
            COLOURS.index(self.thing.colour),
            GROUNDS.index(self.ground),
            LIGHTS.index(self.light),
            STYLES.index(self.style),
            MATERIALS.index(self.thing.material),
            EXTENTS.index(self.extent),
            PLACES.index(self.place),
            RELATIONS.index(self.relation),
            OBJECTS.index(other.object) if other else len(OBJECTS),
            COLOURS.index(other.colour) if other else len(COLOURS),
        )

    @property
    def is_plain(self) -> bool:
        """One object of plain material in soft light, photographed."""
        return (self.relation, self.light, self.style, self.thing.material) == (
            "alone", "soft", "photo", "plain",
        )  # fmt: skip


def scene(index: int) -> Scene:
    """The scene with this number (0 or more)."""
    random = np.random.default_rng((index, 19))
    special = _special(random)
    style = special if special in STYLES else "photo"
    if special == "two" and random.random() < 0.15:
        style = "doodle"
    light = "dramatic" if "dramatic" in special else "soft"
    if special in ("two", "small", "large", "left", "right") and style == "photo":
        light = "dramatic" if random.random() < 0.2 else "soft"
    material = special.split()[0] if special.split()[0] in MATERIALS else "plain"
    name = _name(random)
    colour = _colour(random, name)
    ground = _ground(random, colour, style)
    extent = special if special in EXTENTS else "ordinary"
    if style == "doodle" and random.random() < 0.3:
        extent = EXTENTS[random.integers(3)]
    place = special if special in PLACES else "anywhere"
    alone = special != "two"
    relation = "alone" if alone else RELATIONS[1 + random.integers(3)]
    things = (
        (_alone(random, name, colour, material, extent, place),)
        if alone
        else _pair(random, name, colour, ground, relation)
    )
    return Scene(
        index=index,
        things=things,
        ground=ground,
        light=light,
        style=style,
        extent=extent if alone else "ordinary",
        place=place,
        relation=relation,
        horizon=float(random.uniform(-0.15, 0.2)),
        shade_seed=int(random.integers(2**31)),
    )


def _special(random: np.random.Generator) -> str:
    at = 100.0 * random.random()
    for name, share in SPECIAL.items():
        if at < share:
            return name
        at -= share
    return "no"


def _name(random: np.random.Generator) -> str:
    return OBJECTS[random.integers(len(OBJECTS))]


def _colour(random: np.random.Generator, name: str) -> str:
    if name in NATURAL_COLOUR and random.random() < NATURAL_SHARE:
        return NATURAL_COLOUR[name]
    return COLOURS[random.integers(len(COLOURS))]


def _ground(random: np.random.Generator, colour: str, style: str) -> str:
    """A ground on which the object can be seen; drawings are mostly on blank paper or a
    blackboard.
    """
    dark = ("black", "night")
    while True:
        ground = GROUNDS[random.integers(len(GROUNDS))]
        if style == "doodle" and random.random() < 0.6:
            ground = "white" if random.random() < 0.65 else "black"
        if style == "pencil" and random.random() < 0.5:
            ground = "white"
        if colour in ("black", "brown") and ground in dark and random.random() < 0.9:
            continue
        if colour == "black" and ground in dark:
            continue
        if colour == "white" and ground == "white" and style in ("doodle", "pencil"):
            continue
        return ground


def _alone(
    random: np.random.Generator, name: str, colour: str, material: str, extent: str, place: str
) -> Thing:
    low, high = {"ordinary": (0.48, 0.68), "small": (0.27, 0.36), "large": (0.76, 0.86)}[extent]
    size = float(random.uniform(low, high))
    x = float(random.uniform(-0.26, 0.26))
    if extent == "large":
        x *= 0.3
    if place == "centre":
        x *= 0.15
    elif place in ("left", "right"):
        size = min(size, float(random.uniform(0.40, 0.52)))
        x = float(random.uniform(0.36, 0.5)) * (-1.0 if place == "left" else 1.0)
    y = float(random.uniform(-0.2, 0.02))
    if extent == "small":
        y -= 0.15
    return Thing(name, colour, x, y, size, float(random.random()), material)


def _pair(
    random: np.random.Generator, name: str, colour: str, ground: str, relation: str
) -> tuple[Thing, Thing]:
    """The first stands left of, right of or on the second, both on one floor line."""
    other = _name(random)
    if relation == "on":
        supports = [support for support in TOP if support != name]
        other = supports[random.integers(len(supports))]
    while other == name:
        other = _name(random)
    other_colour = colour
    while other_colour == colour or (other_colour == "black" and ground in ("black", "night")):
        other_colour = _colour(random, other)
    floor = float(random.uniform(-0.72, -0.55))
    if relation == "on":
        low_size, high_size = float(random.uniform(0.36, 0.44)), float(random.uniform(0.28, 0.34))
        x, low_y = float(random.uniform(-0.15, 0.15)), floor - low_size * BASE[other]
        at = (x, low_y + low_size * TOP[other] - high_size * BASE[name])
        other_at = (x, low_y)
        sizes = (high_size, low_size)
    else:
        side = -1.0 if relation == "left" else 1.0
        sizes = (float(random.uniform(0.36, 0.46)), float(random.uniform(0.36, 0.46)))
        at = (side * float(random.uniform(0.42, 0.5)), floor - sizes[0] * BASE[name])
        other_at = (-side * float(random.uniform(0.42, 0.5)), floor - sizes[1] * BASE[other])
    return (
        Thing(name, colour, *at, sizes[0], float(random.random())),
        Thing(other, other_colour, *other_at, sizes[1], float(random.random())),
    )
