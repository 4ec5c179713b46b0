"""What people would write to get a scene of the built-in world: captions and what they tell.

Wording and order vary, synonyms come in, things are left out: from (scene, variant) alone. Knows
nothing of pixels, tokens or networks.
"""

from dataclasses import dataclass

import numpy as np

from modules.training.builtin.world import CLASSES, NATURAL_COLOUR, Scene, Thing

OBJECT_WORDS = {
    "ball": ("ball", "ball", "sphere"), "mug": ("mug", "mug", "cup"),
    "donut": ("donut", "donut", "doughnut"), "cherry": ("cherry", "cherry", "cherries"),
    "cube": ("cube", "cube", "box"),
}  # fmt: skip
COLOUR_WORDS = {"purple": ("purple", "purple", "violet")}
GROUND_PHRASES = {
    "white": ("on a white background", "on white", "white background"),
    "black": ("on a black background", "on black", "black background", "dark background"),
    "grass": ("on grass", "on the grass", "in the grass", "in a meadow", "on a lawn"),
    "beach": ("on a beach", "on the beach", "on sand", "at the beach"),
    "snow": ("in the snow", "on snow", "in snow"),
    "wood": ("on a wooden table", "on a table", "on wood"),
    "night": ("at night", "in the night", "under the stars"),
    "sunset": ("at sunset", "in the sunset", "sunset"),
}
LIGHT_PHRASES = {
    "soft": ("soft light", "soft lighting", "plain light"),
    "dramatic": ("dramatic lighting", "dramatic light", "with dramatic lighting"),
}
STYLE_WORDS = {
    "photo": ("photo", "photo", "photograph", "picture", "image"),
    "doodle": ("doodle", "flat doodle", "flat sketch", "sketch", "flat drawing", "cartoon"),
    "pencil": ("pencil drawing", "pencil sketch"),
    "pixel": ("pixel art", "pixel art picture", "pixel art image"),
}
MATERIAL_WORDS = {"matte": ("matte",), "glossy": ("glossy", "shiny"), "wet": ("wet",)}
WET_PHRASES = (
    "with water droplets", "with water drops", "with droplets", "covered in water droplets",
    "covered with drops",
)  # fmt: skip
EXTENT_WORDS = {"small": ("small", "small", "tiny", "little"), "large": ("large", "big", "huge")}
PLACE_PHRASES = {
    "left": ("on the left", "on the left side"),
    "right": ("on the right", "on the right side"),
    "centre": ("in the centre", "in the center", "in the middle"),
}
RELATION_PHRASES = {
    "left": ("left of", "to the left of"),
    "right": ("right of", "to the right of"),
    "on": ("on", "on top of"),
}
FILLERS = ("realistic", "beautiful", "detailed", "high quality", "sharp")
VARIANTS = 4
"""Captions per scene: variant 0 names everything, the others leave something out or say it
otherwise.
"""


@dataclass(frozen=True)
class Caption:
    """Words and what they tell: class numbers as in Scene.labels, the class count where untold."""

    text: str
    told: tuple[int, ...]


EMPTY = Caption("", CLASSES)


def caption(of: Scene, variant: int) -> Caption:
    """Caption number `variant` (0 .. VARIANTS-1) of a scene; variant 0 tells all that is
    special, the object, its colour and the ground.
    """
    random = np.random.default_rng((of.index, 23, variant))
    full = variant == 0
    natural = NATURAL_COLOUR.get(of.thing.object) == of.thing.colour
    pair = len(of.things) > 1
    tells = [
        full or pair or random.random() > 0.04,  # object
        full or pair or random.random() > (0.5 if natural else 0.06),  # colour
        full or random.random() > 0.2,  # ground
        random.random() < (0.85 if of.light == "dramatic" else 0.2),
        of.style != "photo" or random.random() < 0.4,
        of.thing.material != "plain",
        of.extent != "ordinary",
        of.place != "anywhere",
        pair,
        pair,
        pair,
    ]
    told = tuple(
        label if tell else none for label, tell, none in zip(of.labels, tells, CLASSES, strict=True)
    )
    return Caption(_sentence(random, of, tells), told)


def _pick(random: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[random.integers(len(options))]


def _article(words: str) -> str:
    """The article with the space behind it, "" before a plural."""
    if words.endswith("cherries"):
        return ""
    return "an " if words[0] in "aeiou" else "a "


def _noun(
    random: np.random.Generator, thing: Thing, tell_object: bool, tell_colour: bool, extent: str
) -> tuple[str, str]:
    """A thing with its adjectives, and what follows it ("with water droplets") or ""."""
    name = _pick(random, OBJECT_WORDS.get(thing.object, (thing.object,)))
    colour = _pick(random, COLOUR_WORDS.get(thing.colour, (thing.colour,)))
    after = ""
    material = _pick(random, MATERIAL_WORDS.get(thing.material, ("",)))
    if thing.material == "wet" and random.random() < 0.7:
        material, after = "", _pick(random, WET_PHRASES)
    words = [_pick(random, EXTENT_WORDS[extent])] if extent in EXTENT_WORDS else []
    words += [material] if material else []
    words += [colour] if tell_colour else []
    return " ".join([*words, name if tell_object else "object"]), after


def _sentence(random: np.random.Generator, of: Scene, tells: list[bool]) -> str:
    """The told parts in one of several orders, with or without articles, commas and empty
    praise.
    """
    noun, after = _noun(random, of.thing, tells[0], tells[1], of.extent)
    ground = _pick(random, GROUND_PHRASES[of.ground]) if tells[2] else ""
    light = _pick(random, LIGHT_PHRASES[of.light]) if tells[3] else ""
    style = _pick(random, STYLE_WORDS[of.style]) if tells[4] else ""
    place = _pick(random, PLACE_PHRASES[of.place]) if tells[7] else ""
    filler = _pick(random, FILLERS) if random.random() < 0.2 else ""
    if len(of.things) > 1:
        other, _ = _noun(random, of.things[1], True, True, "ordinary")
        after = f"{_pick(random, RELATION_PHRASES[of.relation])} {_article(other)}{other}"
    elif random.random() < 0.25:  # a list of tags, as many people write prompts
        tags = [noun, *(part for part in (after, place, ground, light, style, filler) if part)]
        if random.random() < 0.5:
            random.shuffle(tags)
        return ", ".join(tags)
    if filler and random.random() < 0.6:
        noun, filler = f"{filler} {noun}", ""
    subject = " ".join(part for part in (f"{_article(noun)}{noun}", after) if part)
    if style:
        article = _article(style) if not style.endswith("art") else ""
        subject = f"{article if random.random() < 0.7 else ''}{style} of {subject}"
    if ground and random.random() < 0.15 and not ground.endswith("background"):
        subject, ground = f"{ground}, {subject}", ""
    sentence = " ".join(part for part in (subject, place, ground) if part)
    if light and random.random() < 0.15:
        light = f"and {light}"
    return ", ".join(part for part in (sentence, light, filler) if part)
