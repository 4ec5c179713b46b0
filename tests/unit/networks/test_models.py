"""Loading, switching and keeping checkpoints."""

from __future__ import annotations

import gc
import json
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.errors import CheckpointError, FlagsError, NotBuiltError
from modules.networks import memory
from modules.networks.kept import Limits
from modules.networks.model import Model
from modules.networks.models import Models, choose_device
from tests import tiny_checkpoint as tiny

Files = Callable[[str], Path]


def answers(model: Model) -> tuple[torch.Tensor, ...]:
    """What each network makes of fixed numbers."""
    generator = torch.Generator().manual_seed(1)
    x, text = torch.randn(1, 4, 4, 4, generator=generator), model.encode_text([[Plain()]]).tokens
    prediction = model.predict(x, torch.tensor([321.0]), cross_attention=text)
    return (
        text,
        prediction,
        model.decode(x),
        model.encode_image(x.reshape(1, 1, 8, 8).repeat(1, 3, 4, 4)),
    )


class Plain:
    ids = (49406, 320, 2368, *(49407,) * 74)
    weights = (1.0,) * 77
    placements = ()


@pytest.mark.parametrize("name", ["pickle.ckpt", "folder"])
def test_the_same_weights_in_another_format_are_the_same_model(
    model: Model, tiny_files: Files, name: str
) -> None:
    other = Models("cpu").get(tiny_files(name))
    for mine, theirs in zip(answers(model), answers(other), strict=True):
        assert torch.equal(mine, theirs)
    assert other.name == {"pickle.ckpt": "pickle", "folder": "folder"}[name]
    assert (other.spec.unet, other.spec.texts, other.spec.vae) == (
        model.spec.unet,
        model.spec.texts,
        model.spec.vae,
    )


def test_the_old_text_layout_is_the_same_model(model: Model, tmp_path: Path) -> None:
    old = {
        name.replace("transformer.text_model.", "transformer."): value
        for name, value in tiny.tiny_weights().items()
    }
    save_file(old, tmp_path / "old.safetensors")
    other = Models("cpu").get(tmp_path / "old.safetensors")
    assert torch.equal(answers(other)[0], answers(model)[0])


def test_a_loaded_checkpoint_is_not_loaded_again_until_its_file_changes(tmp_path: Path) -> None:
    path = tiny.write_tiny_checkpoint(tmp_path / "a.safetensors")
    models = Models("cpu")
    first = models.get(path)
    assert models.get(path) is first and models.loaded is first
    tiny.write_tiny_checkpoint(tmp_path / "b.safetensors", seed=5)
    os.replace(tmp_path / "b.safetensors", path)
    second = models.get(path)
    assert second is not first and not torch.equal(answers(second)[1], answers(first)[1])


def test_as_many_stay_loaded_as_asked_for_the_oldest_leave(tiny_files: Files) -> None:
    one, two = tiny_files("single.safetensors"), tiny_files("other.safetensors")
    models = Models("cpu", limits=Limits(2))
    first, second = models.get(one), models.get(two)
    assert models.get(one) is first and models.get(two) is second
    models.limits = Limits(1)
    third = models.get(tiny_files("pickle.ckpt"))
    assert models.loaded is third and models.get(one) is not first


def test_more_stay_loaded_while_the_machine_can_spare_it(
    tiny_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("single.safetensors", "other.safetensors", "pickle.ckpt")
    models = Models("cpu", limits=Limits(1, extra=None))
    left = [2**40, 0]  # when the second comes, and the third; the first has nobody to send away
    monkeypatch.setattr(memory, "free", lambda: left.pop(0))
    monkeypatch.setattr(memory, "total", lambda: 2**34)
    for name in names:
        models.get(tiny_files(name))
    assert [models.has(tiny_files(name)) for name in names] == [False, False, True]
    left[:] = [2**40, 2**40, 2**40, 2**40]
    for name in names:
        models.get(tiny_files(name))
    assert all(models.has(tiny_files(name)) for name in names)
    models.unload_others()
    assert [models.has(tiny_files(name)) for name in names] == [False, False, True]


def test_a_checkpoint_takes_the_memory_of_the_one_that_leaves_but_for_what_is_held(
    tiny_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models("cpu")
    one, two = tiny_files("single.safetensors"), tiny_files("other.safetensors")

    def place(model: Model) -> int:
        return model.unet.conv_in.weight.untyped_storage().data_ptr()

    before = place(models.get(one))
    with monkeypatch.context() as patch:
        patch.setattr(gc, "collect", lambda: pytest.fail("a ring of objects held a network"))
        assert place(models.get(two)) == before
    held = models.get(two).unet.conv_out.weight.data
    numbers = held.clone()
    assert place(models.get(one)) != before and torch.equal(held, numbers)


def test_others_leave_the_device_and_come_back(
    tiny_files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two on it; on the CPU itself there is nowhere to go, so the moves are only listed."""
    moves: list[str] = []
    monkeypatch.setattr(Model, "park", lambda self: moves.append(f"-{self.path.stem}"))
    monkeypatch.setattr(Model, "bring", lambda self: moves.append(self.path.stem))
    models = Models("cpu", limits=Limits(3))
    models.on_device = 2
    for name in ("single.safetensors", "other.safetensors", "pickle.ckpt", "single.safetensors"):
        models.get(tiny_files(name))
    assert " ".join(moves) == "single other -single pickle -other single"


@pytest.mark.gpu
def test_a_checkpoint_that_was_parked_answers_as_before(tiny_files: Files) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    models, path = Models("cuda", limits=Limits(2)), tiny_files("single.safetensors")
    one = models.get(path)
    before = answers(one)
    models.get(tiny_files("other.safetensors"))
    assert {w.device.type for network in one.networks for w in network.parameters()} == {"cpu"}
    again = answers(models.get(path))
    assert all(torch.equal(now, then) for now, then in zip(again, before, strict=True))


def test_vae_files_stay_loaded_if_that_is_wanted(tiny_files: Files) -> None:
    models, path, vae = (
        Models("cpu"),
        tiny_files("single.safetensors"),
        tiny_files("vae.safetensors"),
    )
    models.vaes_kept = 1
    first = models.get(path, vae).vae
    assert models.get(path).vae is not first
    assert models.get(path, vae).vae is first
    assert models.get(tiny_files("other.safetensors"), vae).vae is first
    models.vaes_kept = 0
    models.get(path)
    assert models.get(path, vae).vae is not first


def test_another_vae_keeps_the_unet_and_changes_the_pixels(tiny_files: Files) -> None:
    models, path = Models("cpu"), tiny_files("single.safetensors")
    own = models.get(path)
    before, unet = answers(own), own.unet
    other = models.get(path, tiny_files("vae.safetensors"))
    assert other.unet is unet and other.vae_path == tiny_files("vae.safetensors")
    after = answers(other)
    assert torch.equal(after[1], before[1]) and not torch.equal(after[2], before[2])
    assert torch.equal(answers(models.get(path))[2], before[2])


@pytest.mark.parametrize(
    ("file", "prefix"),
    [("a.pt", ""), ("a.safetensors", "first_stage_model."), ("a.ckpt", "first_stage_model.")],
)
def test_vae_files_of_every_layout_are_the_same_vae(
    tiny_files: Files, tmp_path: Path, file: str, prefix: str
) -> None:
    models, path = Models("cpu"), tiny_files("single.safetensors")
    reference = answers(models.get(path, tiny_files("vae.safetensors")))
    other = models.get(path, tiny.write_tiny_vae(tmp_path / file, prefix=prefix))
    assert torch.equal(answers(other)[2], reference[2])


@pytest.mark.parametrize("old_names", [False, True])
def test_a_vae_with_diffusers_names_is_the_same_vae(
    model: Model, tiny_files: Files, tmp_path: Path, old_names: bool
) -> None:
    weights = load_file(tiny_files("folder") / "vae" / "diffusion_pytorch_model.safetensors")
    renames = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    if old_names:
        for new, old in renames.items():
            weights = {name.replace(new, old): value for name, value in weights.items()}
    save_file(weights, tmp_path / "vae.safetensors")
    other = Models("cpu").get(tiny_files("other.safetensors"), tmp_path / "vae.safetensors")
    assert torch.equal(answers(other)[2], answers(model)[2])


def test_a_failed_load_leaves_the_loaded_checkpoint(tiny_files: Files, tmp_path: Path) -> None:
    models = Models("cpu")
    first = models.get(tiny_files("single.safetensors"))
    bad = tiny.write_truncated(tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match=r"bad\.safetensors"):
        models.get(bad)
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        models.get(tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match="holds no VAE"):
        lora = tmp_path / "lora.safetensors"
        save_file({"lora_unet_x.lora_up.weight": torch.ones(2, 2)}, lora)
        models.get(tiny_files("single.safetensors"), lora)
    assert models.get(tiny_files("single.safetensors")) is first


def test_a_checkpoints_own_noise_schedule_is_used(tmp_path: Path) -> None:
    alphas = torch.linspace(0.99, 0.01, 1000)
    path = tmp_path / "a.safetensors"
    tiny.write_tiny_checkpoint(path, extra={"alphas_cumprod": alphas.half()})
    assert torch.equal(Models("cpu").get(path).alphas_cumprod, alphas.half().float())
    tiny.write_tiny_checkpoint(path, extra={"alphas_cumprod": -alphas})
    with pytest.raises(CheckpointError, match="alphas_cumprod"):
        Models("cpu").get(path)


def test_norm_groups_of_the_metadata_reach_the_networks(tmp_path: Path) -> None:
    path = tiny.write_tiny_checkpoint(
        tmp_path / "a.safetensors", norm_groups=4, width=16, vae_width=8
    )
    model = Models("cpu").get(path)
    groups = {
        module.num_groups
        for network in (model.unet, model.vae)
        for module in network.modules()
        if isinstance(module, torch.nn.GroupNorm)
    }
    assert groups == {4}
    assert answers(model)[1].isfinite().all()


def test_unload_forgets_all(tiny_files: Files) -> None:
    models = Models("cpu")
    model = weakref.ref(models.get(tiny_files("single.safetensors")))
    models.unload()
    gc.collect()
    assert models.loaded is None and model() is None


@pytest.mark.parametrize(
    ("part", "content", "error", "says"),
    [
        ("model_index.json", {"_class_name": "StableDiffusion3Pipeline"}, NotBuiltError, "on3P"),
        ("model_index.json", None, CheckpointError, "model_index.json"),
        ("unet/config.json", {"in_channels": 9}, CheckpointError, "wrongly merged"),
        ("unet/config.json", {"block_out_channels": "x"}, CheckpointError, "unet/config.json"),
        ("text_encoder/config.json", {}, CheckpointError, "text_encoder/config.json"),
        ("vae/diffusion_pytorch_model.safetensors", None, CheckpointError, "vae holds no weights"),
    ],
)
def test_a_folder_that_cannot_be_loaded_says_why(
    tmp_path: Path, part: str, content: object, error: type[Exception], says: str
) -> None:
    folder = tiny.write_tiny_folder(tmp_path / "folder")
    if content is None:
        (folder / part).unlink()
    else:
        (folder / part).write_text(json.dumps(content))
    with pytest.raises(error, match=says):
        Models("cpu").get(folder)


def test_loading_is_silent(
    tiny_files: Files, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    Models("cpu").get(tiny_files("pickle.ckpt"))
    Models("cpu").get(tiny_files("folder"))
    assert capfd.readouterr() == ("", "") and len(recwarn) == 0


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    for name in ("tpu", "cuda:99", "99"):
        with pytest.raises(FlagsError, match=name):
            choose_device(name)


def test_where_a_vae_may_go_is_told_anew_at_each_get(tiny_files: Files) -> None:
    models, path = Models("cpu"), tiny_files("single.safetensors")
    models.vae_rescues = (torch.bfloat16,)
    assert models.get(path).vae_rescues == (torch.bfloat16,)
    models.vae_rescues = ()
    assert models.get(path).vae_rescues == ()
