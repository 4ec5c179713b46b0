"""Is the built-in model any good? `python -m bench.builtin_quality [--full-size] [--out DIR]`

A small classifier that was trained on drawn scenes alone (bench/builtin_probe.py) reads object,
colour and ground off pictures that the real engine makes from fresh captions. Then: what a negative
prompt is worth, how much of a start picture stays at which denoising strength, whether pixels
outside an inpaint mask change, and whether a doodle becomes a photo of the same thing in the same
place. Contact sheets go to `--out` as PNG files. `--full-size`: as many pictures as the stated
goals ask for (200 of the main sampler), else a handful. Every figure tells how much is wrong, so
small is good. Goals are those of a model trained on a CPU.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from bench.builtin_probe import NAMES, TINY, Amounts, PictureProbe, Pictures, right, trained
from bench.harness import ROOT, Figure, parser, report
from bench.making import Unwatched
from modules.engine.engine import generate
from modules.engine.fields import Sources
from modules.generation.request import Init, Mask, Request
from modules.generation.tokens import load_tokenizer
from modules.networks.models import Models
from modules.settings import Settings
from modules.training.builtin import world
from modules.training.builtin.board import sheet
from modules.training.builtin.captions import caption
from modules.training.builtin.render import render

BUILT_IN = ROOT / "models" / "Stable-diffusion" / "easel-builtin.safetensors"
FRESH = 30_000_000  # neither a recipe nor the probe draws as far as this
MAIN = ("DPM++ 2M", "Karras")
OTHERS = (("Euler", None), ("Euler a", None), ("DDIM", None), ("UniPC", None), ("LCM", None))
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
READS = 0.75  # the share of drawn scenes that the probe must get right to judge with
GOALS = {"object": 50.0, "colour": 40.0, "ground": 25.0}  # per cent wrong, at most
EXERCISE = "photo of a realistic banana with water droplets, and dramatic lighting"


@dataclass(frozen=True)
class Counts:
    """How many pictures each part makes."""

    main: int = 200
    other: int = 40
    negative: int = 32
    kept: int = 16
    doodles: int = 32


FEW = Counts(main=6, other=2, negative=3, kept=2, doodles=3)


class Painter:
    """The engine with one checkpoint: requests to pictures."""

    def __init__(self, checkpoint: Path) -> None:
        self.model = Models("cpu").get(checkpoint)
        self.tokenizer = load_tokenizer(ROOT / "configs")
        self.checkpoint = checkpoint
        self._files: dict[str, bytes] = {}

    @property
    def pixels(self) -> int:
        return self.model.spec.default_size[0]

    def keep(self, picture: Pictures) -> str:
        """A picture's name for requests."""
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        name = hashlib.sha256(buffer.getvalue()).hexdigest()
        self._files[name] = buffer.getvalue()
        return name

    def paint(self, request: Request) -> Pictures:
        """The request's first picture, (H, W, 3)."""
        (output,) = generate(
            request,
            Settings(),
            model=self.model,
            tokenizer=self.tokenizer,
            input_bytes=self._files.__getitem__,
            indexes=[0],
            control=Unwatched(),
            sources=Sources(model_name=self.checkpoint.stem, model_hash=lambda: "0123456789"),
        )
        return np.asarray(Image.open(io.BytesIO(output.data)).convert("RGB"))


def plain_scenes(first: int = FRESH) -> Iterator[world.Scene]:
    """Scenes of one plain object in soft light, photographed; never trained on."""
    number = first
    while True:
        scene = world.scene(number)
        if scene.is_plain and scene.extent == "ordinary" and scene.place == "anywhere":
            yield scene
        number += 1


def first_scenes(count: int) -> list[world.Scene]:
    scenes = plain_scenes()
    return [next(scenes) for _ in range(count)]


def wish(prompt: str, seed: int, sampler: tuple[str, str | None] = MAIN, **more: object) -> Request:
    """20 steps at CFG 7, as the goals have it."""
    return Request(
        prompt=prompt, seed=seed, subseed=0, sampler_name=sampler[0], scheduler=sampler[1],
        steps=20, cfg_scale=7.0, **more,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def wrong(
    probe: PictureProbe, pictures: Sequence[Pictures], scenes: Sequence[world.Scene]
) -> dict[str, float]:
    """Per cent of the pictures that do not show what the scenes say, by attribute."""
    shares = right(probe.read(pictures), [scene.labels[: len(NAMES)] for scene in scenes])
    return {name: 100.0 * (1.0 - share) for name, share in shares.items()}


def prompts_obeyed(
    painter: Painter, probe: PictureProbe, reads: Collection[str], counts: Counts, out: Path
) -> list[Figure]:
    """Every sampler's wrong objects, colours and grounds over fresh captions; held to the goals in
    what the probe `reads`.
    """
    figures = []
    for sampler in (MAIN, *OTHERS):
        scenes = first_scenes(counts.main if sampler == MAIN else counts.other)
        pictures = [
            painter.paint(wish(caption(scene, 0).text, number, sampler))
            for number, scene in enumerate(scenes)
        ]
        label = " ".join(filter(None, sampler))
        for name, share in list(wrong(probe, pictures, scenes).items())[:3]:
            bound = GOALS[name] if sampler == MAIN and name in reads else None
            note = f"{len(scenes)} captions, 20 steps, CFG 7"
            figures.append(Figure(f"{label}: wrong {name}", share, "%", None, bound, note))
        if sampler == MAIN:
            sheet(pictures[:48], 8).save(out / "prompts.png")
    return figures


def negative_prompt(painter: Painter, probe: PictureProbe, counts: Counts) -> list[Figure]:
    """How often hearts are red without and with "red" in the negative prompt."""
    found = []
    for negative in ("", "red"):
        pictures = [
            painter.paint(wish("a photo of a heart", seed, negative_prompt=negative))
            for seed in range(counts.negative)
        ]
        red = probe.read(pictures)[:, 1] == world.COLOURS.index("red")
        found.append(100.0 * float(red.mean()))
    note = f"without a negative prompt {found[0]:.0f} %; {counts.negative} pictures each"
    ratio = found[1] / max(found[0], 1e-6)
    return [Figure("red hearts with negative prompt 'red', of those without", ratio, "x", None, 0.5,
                   note)]  # fmt: skip


def likeness(one: Pictures, other: Pictures) -> float:
    """Correlation of two pictures' 16x16 averages, over all channels."""
    cells = [
        picture.reshape(16, len(picture) // 16, 16, len(picture) // 16, 3).mean((1, 3)).ravel()
        for picture in (one, other)
    ]
    return float(np.corrcoef(cells[0], cells[1])[0, 1])


def layout_kept(painter: Painter, counts: Counts, out: Path) -> list[Figure]:
    """How like its start a picture of something else remains, by denoising strength."""
    scenes = first_scenes(2 * counts.kept)
    starts, wanted = scenes[: counts.kept], scenes[counts.kept :]
    curve, rows = [], []
    for strength in STRENGTHS:
        made = []
        for number, (start, want) in enumerate(zip(starts, wanted, strict=True)):
            name = painter.keep(render(start, painter.pixels))
            init = Init(images=(name,), denoising_strength=strength)
            made.append(painter.paint(wish(caption(want, 0).text, number, init=init)))
        pairs = zip(made, starts, strict=True)
        curve.append(np.mean([likeness(one, render(of, painter.pixels)) for one, of in pairs]))
        rows.append(made[:8])
    top = [render(scene, painter.pixels) for scene in starts[:8]]
    sheet([*top, *(one for row in rows for one in row)], len(top)).save(out / "strengths.png")
    rises = sum(max(after - before, 0.0) for before, after in zip(curve, curve[1:], strict=False))
    note = ", ".join(f"{s:g}: {c:.2f}" for s, c in zip(STRENGTHS, curve, strict=True))
    return [Figure("likeness to the start, sum of rises along the strengths", float(rises), "",
                   None, 0.05, note)]  # fmt: skip


def mask_obeyed(painter: Painter, counts: Counts) -> list[Figure]:
    """Pixels outside an inpaint mask that changed, and how much changed inside."""
    outside, inside = 0, []
    side = painter.pixels
    mask = np.zeros((side, side, 3), np.uint8)
    mask[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 255
    hole = mask[..., 0] > 0
    for number, scene in enumerate(first_scenes(counts.kept)):
        start = render(scene, side)
        options = Mask(image=painter.keep(mask), blur_x=0, blur_y=0, fill=1, only_masked=False)
        init = Init(images=(painter.keep(start),), denoising_strength=0.9, mask=options)
        made = painter.paint(wish("a blue ball on grass", number, init=init))
        outside += int((made != start).any(-1)[~hole].sum())
        inside.append(float((made != start).any(-1)[hole].mean()))
    note = f"{100 * np.mean(inside):.0f} % of those inside did; {counts.kept} pictures"
    return [Figure("pixels outside an inpaint mask that changed", outside, "", None, 0.0, note)]


def centre(picture: Pictures) -> tuple[float, float]:
    """Middle (x, y) in pixels of what differs from the picture's border colour."""
    border = np.median(np.concatenate([picture[0], picture[-1]]).astype(float), axis=0)
    away = np.abs(picture.astype(float) - border).sum(-1)
    weight = np.where(away > 0.35 * away.max(), 1.0, 0.0)
    rows, columns = np.mgrid[0 : len(picture), 0 : len(picture)]
    return float((columns * weight).sum() / weight.sum()), float(
        (rows * weight).sum() / weight.sum()
    )


def doodles_to_photos(
    painter: Painter, probe: PictureProbe, counts: Counts, out: Path
) -> list[Figure]:
    """Flat doodles on white made photos: what of them stays."""
    scenes = [
        replace(scene, style="doodle", ground="white")
        for scene in first_scenes(4 * counts.doodles)
        if scene.thing.colour != "white"
    ][: counts.doodles]
    figures, rows = [], [[render(scene, painter.pixels) for scene in scenes]]
    for strength in (0.4, 0.6, 0.75):
        made = []
        for number, (scene, doodle) in enumerate(zip(scenes, rows[0], strict=True)):
            prompt = f"a photo of a {scene.thing.colour} {scene.thing.object} on a white background"
            init = Init(images=(painter.keep(doodle),), denoising_strength=strength)
            made.append(painter.paint(wish(prompt, number, init=init)))
        rows.append(made)
        shares = wrong(probe, made, [replace(scene, style="photo") for scene in scenes])
        moved = np.median([
            np.hypot(*np.subtract(centre(one), centre(of)))
            for one, of in zip(made, rows[0], strict=True)
        ])  # fmt: skip
        note = f"object {shares['object']:.0f} %, style {shares['style']:.0f} % wrong"
        note += f"; centre moved by {moved:.1f} of {painter.pixels} pixels (median)"
        bound = 5.0 if strength < 0.5 else None
        figures.append(Figure(f"doodle to photo at {strength:g}: wrong colour",
                              shares["colour"], "%", None, bound, note))  # fmt: skip
    sheet([one for row in rows for one in row[:8]], min(8, len(scenes))).save(out / "doodles.png")
    return figures


def exercise(painter: Painter, out: Path) -> None:
    """The contact sheet of a yellow doodle of a banana at rising strengths: a row per seed."""
    scene = next(
        scene
        for scene in map(world.scene, range(10**6))
        if (scene.style, scene.ground, scene.thing.object, scene.thing.colour, scene.extent)
        == ("doodle", "white", "banana", "yellow", "ordinary") and scene.relation == "alone"
    )  # fmt: skip
    doodle = render(scene, painter.pixels)
    cells = []
    for seed in range(3):
        cells.append(doodle)
        for strength in (0.4, 0.5, 0.6, 0.7, 0.8):
            init = Init(images=(painter.keep(doodle),), denoising_strength=strength)
            cells.append(painter.paint(wish(EXERCISE, seed, init=init)))
    sheet(cells, 6).save(out / "exercise.png")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, default=BUILT_IN)
    options.add_argument("--out", type=Path, help="folder for the contact sheets")
    options.add_argument("--probe", type=Path, help="file that keeps the trained probe")
    options.add_argument("--only", nargs="*", help="prompts, negative, layout, mask, doodles")
    given = options.parse_args()
    out = given.out or Path("tmp") / "builtin-quality"
    out.mkdir(parents=True, exist_ok=True)
    painter = Painter(given.checkpoint)
    counts, amounts = (Counts(), Amounts()) if given.full_size else (FEW, TINY)
    probe, shares = trained(amounts, painter.pixels, given.probe)
    reads = {name for name in NAMES if shares[name] >= READS}  # a quickly trained one, not objects
    figures = [
        Figure(f"probe: wrong {name} on held-out drawn scenes", 100 * (1 - shares[name]), "%",
               None, 3.0 if given.full_size else None)
        for name in NAMES[:3]
    ]  # fmt: skip
    parts = {
        "prompts": lambda: prompts_obeyed(painter, probe, reads, counts, out),
        "negative": lambda: negative_prompt(painter, probe, counts),
        "layout": lambda: layout_kept(painter, counts, out),
        "mask": lambda: mask_obeyed(painter, counts),
        "doodles": lambda: doodles_to_photos(painter, probe, counts, out),
    }
    for name, part in parts.items():
        if not given.only or name in given.only:
            figures += part()
    exercise(painter, out)
    report(figures, given.json)


if __name__ == "__main__":
    main()
