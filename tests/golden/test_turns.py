"""Pictures that several checkpoints work on: hires fix's own, the refiner; a first picture."""

import hashlib
import io
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from modules.engine.checkpoints import Checkpoint, Sources
from modules.engine.engine import Output, generate
from modules.generation.infotext import parse
from modules.generation.request import Hires, Init, Request
from modules.generation.tokens import load_tokenizer
from modules.networks.kept import Limits
from modules.networks.models import Models
from modules.settings import Settings
from tests.golden.engine.conftest import Recorder
from tests.tiny_checkpoint import write_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = load_tokenizer(ROOT / "configs")
LEVEL = 1  # of 255: what a larger batch may do to a picture


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Cabinet:
    """Two tiny checkpoints; remembers which were opened."""

    def __init__(self, folder: Path) -> None:
        self.models = Models("cpu", limits=Limits(2))
        self.paths = {
            name: write_tiny_checkpoint(folder / f"{name}.safetensors", seed=seed)
            for seed, name in enumerate(("base", "other"))
        }
        self.opened: list[str] = []
        self.alive: list[weakref.ref] = []

    def checkpoint(self, name: str) -> Checkpoint:
        spec, alphas = self.models.look(self.paths[name])

        def opened():
            self.opened.append(name)
            model = self.models.get(self.paths[name])
            self.alive.append(weakref.ref(model))
            return model

        return Checkpoint(
            key=name,
            spec=spec,
            alphas_cumprod=alphas,
            sources=Sources(model_name=name, model_hash=lambda: "0123456789"),
            open=opened,
        )

    def make(self, request: Request, own: str = "base", **more: Any) -> list[Output]:
        self.opened, self.alive = [], []
        checkpoint = self.checkpoint(own)
        settings = Settings().with_changes(more.pop("settings", {}))
        outputs = generate(
            request,
            settings,
            model=checkpoint.open(),
            tokenizer=TOKENIZER,
            input_bytes=more.pop("pictures", {}).__getitem__,
            indexes=more.pop("indexes", range(request.image_count)),
            control=more.pop("control", Recorder()),
            sources=checkpoint.sources,
            checkpoints=lambda name, field: self.checkpoint(name or own),
        )
        return list(outputs)


@pytest.fixture(scope="module")
def cabinet(tmp_path_factory: pytest.TempPathFactory) -> Cabinet:
    return Cabinet(tmp_path_factory.mktemp("models"))


def wish(**changes: Any) -> Request:
    values: dict[str, Any] = {"prompt": "a pear", "seed": 11, "subseed": 3, "steps": 4}
    values |= {"width": 64, "height": 64, "sampler_name": "Euler"}
    return Request(**values | changes)


def pixels(output: Output) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(output.data)).convert("RGB"), np.int16)


def off(one: Output, other: Output) -> int:
    return int(np.abs(pixels(one) - pixels(other)).max())


def stored(image: Image.Image) -> tuple[str, dict[str, bytes]]:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    return sha256, {sha256: buffer.getvalue()}


def test_a_refiner_from_the_first_call_on_makes_its_own_picture(cabinet):
    """So prompts, noise levels and decoder are all the refiner's."""
    (refined,) = cabinet.make(wish(refiner_checkpoint="other", refiner_switch_at=0.0))
    (alone,) = cabinet.make(wish(), own="other")

    assert off(refined, alone) == 0


@pytest.mark.parametrize(
    "sampler",
    [pytest.param(n, marks=pytest.mark.full) for n in ("Euler a", "DPM++ SDE", "UniPC", "LCM")]
    + ["DDIM"],
)
def test_a_refiner_changes_the_picture_from_where_it_takes_over(cabinet, sampler):
    request = wish(sampler_name=sampler, refiner_checkpoint="other", refiner_switch_at=0.5)
    (refined,) = cabinet.make(request)
    assert cabinet.opened == ["base", "other"]
    (again,) = cabinet.make(request)

    (base,) = cabinet.make(wish(sampler_name=sampler))
    (other,) = cabinet.make(wish(sampler_name=sampler), own="other")
    assert refined.data == again.data
    assert off(refined, base) > 0
    assert (off(refined, other) > 0) == (sampler != "LCM")  # whose fifty levels all count as late


def test_the_refiner_is_told_where_it_worked_and_only_there(cabinet):
    (refined,) = cabinet.make(wish(refiner_checkpoint="other", refiner_switch_at=0.5))
    (never,) = cabinet.make(wish(refiner_checkpoint="other", refiner_switch_at=0.9999))

    fields = parse(refined.picture.infotext).fields
    assert (fields["Refiner"], fields["Refiner switch at"]) == ("other [0123456789]", "0.5")
    assert fields["Model"] == "base" and "Hires refiner" not in fields
    assert "Refiner" not in parse(never.picture.infotext).fields


def test_each_batch_begins_with_the_jobs_own_checkpoint_again(cabinet):
    request = wish(n_iter=2, refiner_checkpoint="other", refiner_switch_at=0.5)

    outputs = cabinet.make(request)

    assert cabinet.opened == ["base", "other", "base", "other"]
    (alone,) = cabinet.make(wish(seed=12, refiner_checkpoint="other", refiner_switch_at=0.5))
    assert off(outputs[1], alone) == 0


def test_a_refined_batch_equals_its_pictures_alone(cabinet):
    more = {"refiner_checkpoint": "other", "refiner_switch_at": 0.5, "sampler_name": "Euler a"}

    batch = cabinet.make(wish(batch_size=2, **more))

    (alone,) = cabinet.make(wish(seed=12, **more))
    assert off(batch[1], alone) <= LEVEL


def test_one_checkpoint_leaves_before_the_other_is_loaded(cabinet, monkeypatch):
    """Nothing in the engine holds it; of what keeps checkpoints loaded, one has room here."""
    gone: list[bool] = []
    get = cabinet.models.get

    def watched(path):
        cabinet.models.unload()
        gone.extend(ref() is None for ref in cabinet.alive[-1:])
        return get(path)

    monkeypatch.setattr(cabinet.models, "get", watched)
    more = {"refiner_checkpoint": "other", "refiner_switch_at": 0.5, "tiling": True, "steps": 2}
    cabinet.make(wish(n_iter=2, **more))

    assert gone == [True, True, True]


def test_a_tiling_picture_is_tiled_by_the_refiner_too(cabinet):
    tiled = wish(refiner_checkpoint="other", refiner_switch_at=0.0, tiling=True)

    (refined,) = cabinet.make(tiled)

    (alone,) = cabinet.make(wish(tiling=True), own="other")
    assert off(refined, alone) == 0
    (plain,) = cabinet.make(wish(), own="other")
    assert off(refined, plain) > 0


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_hires_fix_with_a_checkpoint_of_its_own_is_the_firsts_picture_made_larger(
    cabinet, upscaler
):
    hires = Hires(scale=1.5, upscaler=upscaler, checkpoint="other", denoising_strength=0.6)

    (made,) = cabinet.make(wish(hires=hires))

    assert cabinet.opened == ["base", "other"]
    fields = parse(made.picture.infotext).fields
    assert fields["Hires checkpoint"] == "other [0123456789]" and fields["Model"] == "base"
    plain = Hires(scale=1.5, upscaler=upscaler, denoising_strength=0.6)
    for own in ("base", "other"):
        (alone,) = cabinet.make(wish(hires=plain), own=own)
        assert off(made, alone) > 0


def test_hires_fix_of_a_picture_with_another_checkpoint_is_that_checkpoints_alone(cabinet):
    """No trace of the job's own checkpoint: the picture is enlarged, encoded and walked anew."""
    sha256, pictures = stored(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
    hires = Hires(scale=1.5, upscaler="Lanczos", firstpass_image=sha256, checkpoint="other")
    (made,) = cabinet.make(wish(hires=hires), pictures=pictures)
    same = Hires(scale=1.5, upscaler="Lanczos", firstpass_image=sha256)
    (alone,) = cabinet.make(wish(hires=same), own="other", pictures=pictures)

    assert off(made, alone) == 0


def test_what_ran_before_leaves_no_trace(cabinet):
    hires = Hires(scale=1.5, upscaler="Lanczos", checkpoint="other")
    (first,) = cabinet.make(wish())
    cabinet.make(wish(hires=hires, refiner_checkpoint="base", refiner_switch_at=0.5))
    cabinet.make(wish(width=96), own="other")

    (again,) = cabinet.make(wish())

    assert first.data == again.data


@pytest.mark.parametrize(
    ("passes", "opened"),
    [
        ("second pass", ["base", "other"]),
        ("first pass", ["base", "other", "base"]),
        ("both passes", ["base", "other", "base", "other"]),
    ],
)
def test_the_refiner_works_in_the_passes_that_the_setting_names(cabinet, passes, opened):
    hires = Hires(scale=1.5, steps=2, denoising_strength=1.0)
    request = wish(hires=hires, refiner_checkpoint="other", refiner_switch_at=0.4)

    (made,) = cabinet.make(request, settings={"hires_fix_refiner_pass": passes})

    assert cabinet.opened == opened
    told = parse(made.picture.infotext).fields.get("Hires refiner")
    assert told == (None if passes == "second pass" else passes)


def test_a_first_picture_stands_for_the_first_pass(cabinet):
    """What img2img of the enlarged picture gives; seed 0, so that the encoder's random part is the
    same.
    """
    red = Image.new("RGB", (64, 64), "red")
    sha256, pictures = stored(red)
    large, more = stored(red.resize((96, 96)))
    hires = Hires(scale=1.5, upscaler="Nearest", firstpass_image=sha256, denoising_strength=0.5)
    control = Recorder()

    (made,) = cabinet.make(wish(hires=hires, seed=0), pictures=pictures, control=control)

    init = Init(images=(large,), denoising_strength=0.5)
    (alike,) = cabinet.make(
        wish(init=init, seed=0, width=96, height=96),
        pictures=more,
        settings={"img2img_fix_steps": True},
    )
    assert off(made, alike) == 0
    assert control.progress_calls[-1] == (0, 4, 4)  # the second pass's steps alone
    fields = parse(made.picture.infotext).fields
    assert (fields["Hires upscale"], fields["Size-1"], fields["Steps"]) == ("1.5", "64", "4")


def test_a_first_picture_is_encoded_for_a_latent_upscaler(cabinet):
    made = []
    for colour in ("red", "blue", "red"):
        sha256, pictures = stored(Image.new("RGB", (64, 64), colour))
        hires = Hires(scale=1.5, upscaler="Latent", firstpass_image=sha256)
        made += cabinet.make(wish(hires=hires), pictures=pictures)

    assert off(made[0], made[1]) > 0 == off(made[0], made[2])


def test_a_first_picture_in_a_batch_gives_each_seed_its_own(cabinet):
    sha256, pictures = stored(Image.new("RGB", (70, 61), "red"))
    hires = Hires(scale=1.5, firstpass_image=sha256)

    batch = cabinet.make(wish(hires=hires, batch_size=2), pictures=pictures)

    (alone,) = cabinet.make(wish(hires=hires, seed=12), pictures=pictures)
    assert off(batch[1], alone) <= LEVEL < off(batch[0], batch[1])


def test_hires_sizes_are_worked_out_from_the_size_that_was_asked_for(cabinet):
    """103 x 64 is drawn as 96 x 64, but enlarged to 206 x 128, of which 200 x 128 are whole."""
    (made,) = cabinet.make(wish(width=103, hires=Hires(scale=2.0, steps=1)))

    assert (made.picture.width, made.picture.height) == (200, 128)


def test_without_other_checkpoints_nothing_is_looked_for(cabinet):
    outputs = generate(
        wish(refiner_checkpoint="None", hires=Hires(checkpoint="Use same checkpoint")),
        Settings(),
        model=cabinet.models.get(cabinet.paths["base"]),
        tokenizer=TOKENIZER,
        input_bytes={}.__getitem__,
        indexes=[0],
        control=Recorder(),
        sources=cabinet.checkpoint("base").sources,
    )

    assert next(outputs).complete
