"""The world of the built-in checkpoint: which scenes there are and which captions tell of them.

A scene is one object in one colour on one ground, drawn from its index alone: the same index
gives the same scene and the same captions on every machine. Knows nothing of pixels, tokens or
networks.
"""

from dataclasses import dataclass

import numpy as np

OBJECTS = (
    "apple", "ball", "banana", "cone", "cube", "heart", "mug", "mushroom", "pear", "star",
)  # fmt: skip
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
GROUNDS = ("white", "black", "grass", "beach", "snow", "wood", "night", "sunset")
LIGHTS = ("soft", "dramatic")
STYLES = ("photo", "doodle")

NATURAL_COLOUR = {
    "apple": "red", "banana": "yellow", "heart": "red", "mushroom": "red", "pear": "green",
    "star": "yellow",
}  # fmt: skip
OBJECT_WORDS = {"ball": ("ball", "ball", "sphere"), "mug": ("mug", "mug", "cup")}
COLOUR_WORDS = {"purple": ("purple", "purple", "violet")}
GROUND_PHRASES = {
    "white": ("on a white background", "on white", "white background"),
    "black": ("on a black background", "on black", "black background"),
    "grass": ("on grass", "on the grass", "in the grass", "in a meadow"),
    "beach": ("on a beach", "on the beach", "on sand", "at the beach"),
    "snow": ("in the snow", "on snow", "in snow"),
    "wood": ("on a wooden table", "on a table", "on wood"),
    "night": ("at night", "in the night", "under the stars"),
    "sunset": ("at sunset", "in the sunset", "sunset"),
}
LIGHT_PHRASES = {
    "soft": ("soft light", "soft lighting"),
    "dramatic": ("dramatic lighting", "dramatic light"),
}
STYLE_WORDS = {
    "photo": ("photo", "photo", "photograph", "picture", "image"),
    "doodle": ("doodle", "flat doodle", "sketch", "drawing", "cartoon"),
}
FILLERS = (
    "realistic", "beautiful", "detailed", "high quality", "sharp", "with water drops",
)  # fmt: skip
DOODLE_SHARE = 0.14
VARIANTS = 4
"""Captions per scene: variant 0 names everything, the others leave something out or say it
otherwise.
"""


@dataclass(frozen=True)
class Scene:
    """One picture's content. Lengths are in half picture widths, y points up, (0, 0) is the
    middle.
    """

    index: int
    object: str
    colour: str
    ground: str
    light: str
    style: str
    x: float
    y: float
    size: float
    turn: float
    """Free number in 0..1 that turns, mirrors or tilts the object."""
    horizon: float
    shade_seed: int

    def __post_init__(self) -> None:
        assert self.object in OBJECTS and self.colour in COLOURS, self
        assert self.ground in GROUNDS and self.light in LIGHTS and self.style in STYLES, self
        assert 0.1 < self.size < 1.0 and 0.0 <= self.turn <= 1.0, self

    @property
    def labels(self) -> tuple[int, int, int, int, int]:
        """Class numbers of object, colour, ground, light and style."""
        return (
            OBJECTS.index(self.object),
            COLOURS.index(self.colour),
            GROUNDS.index(self.ground),
            LIGHTS.index(self.light),
            STYLES.index(self.style),
        )


@dataclass(frozen=True)
class Caption:
    """Words and what they tell: class numbers as in Scene.labels, the class count where untold."""

    text: str
    told: tuple[int, int, int, int, int]


UNTOLD = (len(OBJECTS), len(COLOURS), len(GROUNDS), len(LIGHTS), len(STYLES))
EMPTY = Caption("", UNTOLD)


def scene(index: int) -> Scene:
    """The scene with this number (0 or more)."""
    random = np.random.default_rng((index, 7))
    thing = OBJECTS[random.integers(len(OBJECTS))]
    colour = COLOURS[random.integers(len(COLOURS))]
    if thing in NATURAL_COLOUR and random.random() < 0.08:
        colour = NATURAL_COLOUR[thing]
    style = "doodle" if random.random() < DOODLE_SHARE else "photo"
    ground = _ground(random, colour, style)
    size = float(random.uniform(0.48, 0.68))
    return Scene(
        index=index,
        object=thing,
        colour=colour,
        ground=ground,
        light="dramatic" if style == "photo" and random.random() < 0.35 else "soft",
        style=style,
        x=float(random.uniform(-0.26, 0.26)),
        y=float(random.uniform(-0.2, 0.02)),
        size=size,
        turn=float(random.random()),
        horizon=float(random.uniform(-0.15, 0.2)),
        shade_seed=int(random.integers(2**31)),
    )


def _ground(random: np.random.Generator, colour: str, style: str) -> str:
    """A ground on which the object can be seen; doodles are mostly on blank paper or a
    blackboard.
    """
    dark = ("black", "night")
    while True:
        ground = GROUNDS[random.integers(len(GROUNDS))]
        if style == "doodle" and random.random() < 0.6:
            ground = "white" if random.random() < 0.65 else "black"
        if colour == "black" and ground in dark:
            continue
        if style == "doodle" and colour == ground:
            continue
        return ground


def _pick(random: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[random.integers(len(options))]


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def caption(of: Scene, variant: int) -> Caption:
    """Caption number `variant` (0 .. VARIANTS-1) of a scene; variant 0 tells object, colour and
    ground.
    """
    random = np.random.default_rng((of.index, 11, variant))
    full = variant == 0
    told = list(of.labels)
    natural = NATURAL_COLOUR.get(of.object) == of.colour
    tell_thing = full or random.random() > 0.05
    tell_colour = full or random.random() > (0.5 if natural else 0.08)
    tell_ground = full or random.random() > 0.2
    tell_light = random.random() < (0.75 if of.light == "dramatic" else 0.2)
    tell_style = of.style == "doodle" or random.random() < 0.4
    for place, tell in enumerate((tell_thing, tell_colour, tell_ground, tell_light, tell_style)):
        if not tell:
            told[place] = UNTOLD[place]
    thing = _pick(random, OBJECT_WORDS.get(of.object, (of.object,))) if tell_thing else "object"
    colour = _pick(random, COLOUR_WORDS.get(of.colour, (of.colour,))) if tell_colour else ""
    ground = _pick(random, GROUND_PHRASES[of.ground]) if tell_ground else ""
    light = _pick(random, LIGHT_PHRASES[of.light]) if tell_light else ""
    style = _pick(random, STYLE_WORDS[of.style]) if tell_style else ""
    words = _phrase(random, thing, colour, ground, light, style)
    return Caption(words, (told[0], told[1], told[2], told[3], told[4]))


def _phrase(
    random: np.random.Generator, thing: str, colour: str, ground: str, light: str, style: str
) -> str:
    """The told parts in one of several orders, with or without articles, commas and empty
    praise.
    """
    filler = _pick(random, FILLERS) if random.random() < 0.25 else ""
    noun = " ".join(word for word in (colour, thing) if word)
    if random.random() < 0.25:  # a list of tags, as many people write prompts
        tags = [noun, *(part for part in (ground, light, style, filler) if part)]
        if random.random() < 0.5:
            random.shuffle(tags)
        return ", ".join(tags)
    if filler and not filler.startswith("with") and random.random() < 0.5:
        noun, filler = f"{filler} {noun}", ""
    subject = f"{_article(noun)} {noun}"
    if style:
        subject = f"{_article(style)} {style} of {subject}" if random.random() < 0.7 else (
            f"{style} of {subject}"
        )  # fmt: skip
    if ground and random.random() < 0.15 and not ground.endswith("background"):
        subject, ground = f"{ground}, {subject}", ""
    sentence = " ".join(part for part in (subject, ground) if part)
    return ", ".join(part for part in (sentence, light, filler) if part)
