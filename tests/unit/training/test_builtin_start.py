"""Claims about how a training of the built-in checkpoint starts, stops and is set."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from modules.training.builtin import world
from modules.training.builtin.__main__ import bring, chosen_half, chosen_recipe, main
from modules.training.builtin.export import write_checkpoint
from modules.training.builtin.loop import Place, Schedule, Stage, TimeUp
from modules.training.builtin.networks import Sizes, build_text, build_unet, build_vae
from modules.training.builtin.recipe import CHECKPOINT_NAME, CPU, GPU
from modules.training.builtin.text import Reader, Words, whole_encoder
from modules.training.builtin.warm import Started, UnfitStart, translate_contexts

VOCABULARY = Path(__file__).parents[3] / "configs" / "clip" / "vocab.json"
TINY = Sizes(
    resolution=32,
    text_width=16,
    text_layers=1,
    text_heads=2,
    unet_channels=(16, 16),
    unet_attention=(False, True),
    unet_heads=2,
    unet_groups=1,
    vae_channels=(8, 8, 8, 8),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A file, and the networks that are in it."""
    torch.manual_seed(0)
    words = Words(VOCABULARY)
    reader = Reader(TINY, words.rows)
    unet, vae = build_unet(TINY), build_vae(TINY)
    for module in (reader, unet, vae):
        for parameter in module.parameters():
            parameter.data = parameter.data.half().float()
    table = reader.table()
    table.data = table.data.to(torch.float8_e4m3fn).float()
    path = tmp_path_factory.mktemp("start") / "finished.safetensors"
    whole = whole_encoder(reader, words, TINY)
    write_checkpoint(path, whole, unet, vae, TINY, "a test", "2026-01-02", [[0.0] * 3] * 5)
    return path, words, reader.eval(), unet.eval(), vae.eval()


def test_a_finished_file_alone_gives_back_the_same_networks(finished):
    path, words, reader, unet, vae = finished

    start = Started(path, TINY)

    assert start.sizes == TINY and start.knows_the_words
    for one, other in ((start.unet, unet), (start.vae, vae)):
        state = other.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in one.state_dict().items())
    tokens = torch.tensor([words.encode("a wet red banana, and dramatic lighting, zebra")])
    with torch.no_grad():
        again = start.reader(words).encoder(input_ids=tokens).last_hidden_state
        assert torch.equal(again, reader.encoder(input_ids=tokens).last_hidden_state)
        assert start.denoiser(reader, words, tokens) is start.unet


def test_a_file_of_other_sizes_is_refused_by_name(finished):
    with pytest.raises(UnfitStart, match=r"finished\.safetensors.*unet_channels.*\(16, 16\)"):
        Started(finished[0], replace(TINY, unet_channels=(32, 32)))


def test_a_unet_reads_new_contexts_as_it_read_the_old_ones():
    torch.manual_seed(0)
    unet = cast(Any, build_unet(TINY).eval())
    new = torch.randn(400, 24)
    old = new @ torch.randn(24, 16)

    translated = cast(Any, translate_contexts(unet, old, new))

    latent, steps = torch.randn(2, 4, 8, 8), torch.tensor([5, 900])
    with torch.no_grad():
        expected = unet(latent, steps, old[:154].reshape(2, 77, 16)).sample
        found = translated(latent, steps, new[:154].reshape(2, 77, 24)).sample
    assert torch.allclose(found, expected, atol=2e-2 * float(expected.abs().max()))


def test_mixed_precision_is_for_gpus_unless_it_is_asked_for():
    assert (chosen_half("auto", cuda=True), chosen_half("auto", cuda=False)) == (
        torch.bfloat16, None,
    )  # fmt: skip
    assert chosen_half("bfloat16", cuda=False) == torch.bfloat16
    assert chosen_recipe(cuda=False, goes_on=False, steps=0, half=None) == CPU
    assert chosen_recipe(cuda=True, goes_on=False, steps=0, half=torch.bfloat16) == GPU
    small = chosen_recipe(cuda=False, goes_on=True, steps=77, half=torch.bfloat16)
    assert small.denoiser.steps == 77 and small.denoiser.rate < CPU.denoiser.rate
    assert small.half_denoiser and not CPU.half_denoiser


def test_the_gpus_recipe_has_the_groups_and_size_that_ldm_code_expects():
    sizes = GPU.sizes
    with torch.device("meta"):
        networks = (build_unet(sizes), build_vae(sizes), build_text(sizes, 110))
    halves = sum(p.numel() for module in networks for p in module.parameters())

    assert (sizes.resolution, sizes.unet_groups, sizes.vae_groups, sizes.unet_heads) == (
        256, 32, 32, 8,
    )  # fmt: skip
    assert 2 * halves + 49_408 * sizes.text_width < 16 * 2**20


def test_a_stage_whose_time_is_over_saves_and_goes_on_later_at_its_step(tmp_path):
    place = Place(tmp_path, torch.device("cpu"), None, until=time.monotonic() - 1.0)
    linear = torch.nn.Linear(2, 1)
    stage = Stage("short", linear, Schedule(9, 1e-3), place)

    with pytest.raises(TimeUp, match="short stopped at step 1 of 9"):
        stage.train(lambda step, generator: (linear.weight.square().sum(), {}))

    again = Stage("short", torch.nn.Linear(2, 1), Schedule(9, 1e-3), replace(place, until=None))
    assert again.resume() and again.step == 1


def test_what_a_run_brings_back_is_its_file_and_at_most_six_pictures(tmp_path):
    run, where = tmp_path / "run", tmp_path / "out"
    (run / "log").mkdir(parents=True)
    (run / CHECKPOINT_NAME).write_bytes(b"x")
    for number in range(9):
        (run / "log" / f"{number}.png").write_bytes(b"y")

    bring(run, where)

    names = {path.name for path in where.iterdir()}
    assert CHECKPOINT_NAME in names and len(names) == 7


def test_a_folder_that_holds_a_run_is_not_begun_anew_by_mistake(tmp_path, capsys):
    (tmp_path / "pictures.npy").write_bytes(b"")

    assert main(["--out", str(tmp_path), "--device", "cpu"]) == 2
    assert "--resume" in capsys.readouterr().err


def test_the_header_names_the_world(finished):
    from safetensors import safe_open

    with safe_open(finished[0], "pt") as file:
        assert file.metadata()["easel.world"] == world.NAME
