"""What a prompt asks for is put on the model, told in infotext, and gone with the next prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.engine.networks import Networks
from modules.flags import parse as parse_flags
from modules.flags import paths_of
from modules.generation import infotext
from modules.generation.request import Hires, Request
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from modules.networks.adapters import Adapters
from modules.networks.hypernetworks import Hypernetworks
from modules.settings import Settings

UNET_KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
TEXT_KEY = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("models/Lora", "models/hypernetworks", "embeddings"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def networks(folder, tokenizer, model) -> Iterator[Networks]:
    paths = paths_of(parse_flags(["--data-dir", str(folder)], {}))
    index = Index(folder / "library.sqlite")
    yield Networks(NetworkFiles(paths, Hasher(index), index), tokenizer)
    Hypernetworks(model).clear()
    Adapters(model).clear()  # other tests make pictures with it too


def lora(
    folder: Path,
    name: str,
    model: Any,
    *,
    seed: int = 1,
    alias: str = "",
    more: dict[str, Tensor] | None = None,
) -> str:
    """A LoRA for one module of the U-Net and one of the text encoder; its short hash."""
    generator = torch.Generator().manual_seed(seed)
    unet = model.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_k
    text = model.text_encoders[0].encoder.layers[0].self_attn.q_proj
    tensors = dict(more or {})
    for key, module in ((UNET_KEY, unet), (TEXT_KEY, text)):
        out, into = module.weight.shape
        tensors[f"{key}.lora_up.weight"] = torch.randn(out, 2, generator=generator)
        tensors[f"{key}.lora_down.weight"] = torch.randn(2, into, generator=generator)
    path = folder / "models/Lora" / f"{name}.safetensors"
    save_file(tensors, path, metadata={"ss_output_name": alias} if alias else None)
    data = path.read_bytes()
    return hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()[:12]


def embedding(folder: Path, name: str, width: int, vectors: int = 2) -> str:
    path = folder / "embeddings" / f"{name}.safetensors"
    generator = torch.Generator().manual_seed(7)
    save_file({"emb_params": torch.randn(vectors, width, generator=generator)}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def wish(prompt: str, **changes: Any) -> Request:
    values: dict[str, Any] = {
        "negative_prompt": "",
        "seed": 1,
        "subseed": 0,
        "steps": 1,
        "width": 64,
        "height": 64,
    }
    values |= {"prompt": prompt, "sampler_name": "Euler"} | changes
    return Request(**values)


@pytest.fixture
def told(make, networks):
    """told(request, **settings): the picture's bytes, its fields of infotext, the warnings."""

    def made(request: Request, **changes):
        summaries = []
        settings = Settings().with_changes({"enable_pnginfo": False} | changes)
        outputs = make(request, settings=settings, networks=networks, summaries=summaries)
        fields = infotext.parse(outputs[-1].picture.infotext).fields
        return outputs[-1].data, fields, summaries[0].warnings

    return made


def test_a_lora_changes_the_picture_and_leaves_no_trace(told, folder, model):
    digest = lora(folder, "ink", model, alias="stroke")
    before, fields, warnings = told(wish("a pear"))
    assert "Lora hashes" not in fields and warnings == ()

    inked, fields, warnings = told(wish("a pear<lora:ink>"))
    assert fields["Lora hashes"] == f"ink: {digest}" and "Missing networks" not in fields
    assert warnings == () and inked != before

    assert told(wish("a pear<lora:stroke>"))[0] == inked
    assert told(wish("a pear<lyco:ink:te=1:unet=1>"))[0] == inked
    assert told(wish("a pear<lora:ink:0>"))[0] == before
    assert told(wish("a pear<lora:ink>", disable_extra_networks=True))[0] == before
    assert told(wish("a pear"))[0] == before


def test_a_lora_is_named_as_it_was_written(told, folder, model):
    digest = lora(folder, "ink", model, alias="my, stroke")

    assert told(wish("<lora:my, stroke>"))[1]["Lora hashes"] == f"my stroke: {digest}"
    off = told(wish("<lora:ink>"), lora_add_hashes_to_infotext=False)
    assert "Lora hashes" not in off[1]


def test_the_second_pass_has_the_networks_of_its_own_prompt(told, folder, model):
    first, second = lora(folder, "one", model), lora(folder, "two", model, seed=2)
    hires = Hires(prompt="a pear<lora:two>", scale=1.0, denoising_strength=0.9, steps=1)

    both, fields, _ = told(wish("a pear<lora:one>", hires=hires))
    assert fields["Lora hashes"] == f"one: {first}, two: {second}"
    same = Hires(prompt="a pear<lora:one>", scale=1.0, denoising_strength=0.9, steps=1)
    assert told(wish("a pear<lora:one>", hires=same))[0] != both
    # Each batch begins with the first prompt's networks again.
    assert told(wish("a pear<lora:one>", hires=hires, seed=0, n_iter=2))[0] == both


def test_hypernetworks_are_used_each_with_its_multiplier(told, folder, model):
    width = model.spec.texts[0].width
    net = {"linear.0.weight": torch.eye(width), "linear.0.bias": torch.ones(width)}
    torch.save({width: (net, net)}, folder / "models/hypernetworks/tilt.pt")
    plain = told(wish("a pear"))[0]

    tilted, fields, warnings = told(wish("a pear<hypernet:tilt:0.5>"))
    assert warnings == () and "Missing networks" not in fields
    assert len({plain, tilted, told(wish("a pear<hypernet:tilt>"))[0]}) == 3
    chosen = {"sd_hypernetwork": "tilt", "extra_networks_default_multiplier": 0.5}
    assert told(wish("a pear"), **chosen)[0] == tilted
    assert told(wish("a pear"))[0] == plain


def test_the_second_prompts_may_be_encoded_with_the_first_passs_networks(told, folder, model):
    lora(folder, "two", model)

    def made(prompt, first_passs):
        hires = Hires(prompt=prompt, scale=1.0, denoising_strength=0.9, steps=1)
        changes = {"hires_fix_use_firstpass_conds": first_passs}
        return told(wish("a pear", hires=hires), **changes)[0]

    of_texts_alone = "a pear<lora:two:1:0>"
    assert made(of_texts_alone, False) != made("a pear", False)
    assert made(of_texts_alone, True) == made("a pear", True)
    assert made("a pear<lora:two:0:1>", True) != made("a pear", True)


def test_what_is_missing_or_does_not_fit_is_told_and_the_picture_made_without(told, folder):
    plain = told(wish("a pear"))[0]
    save_file({"nothing.weight": torch.ones(2)}, folder / "models/Lora/odd.safetensors")
    (folder / "models/Lora/broken.safetensors").write_bytes(b"no weights")
    tags = "<lora:gone><lora:odd><lora:broken><lora:odd:x><hypernet:away:1><fog:x>"

    data, fields, warnings = told(wish(f"a pear{tags}"))
    assert data == plain
    assert set(fields["Missing networks"].split(", ")) == {"gone", "odd", "broken", "away"}
    for word in ("gone", "odd", "broken", "'x'", "away", "fog"):
        assert any(word in line for line in warnings), word


def test_an_embedding_stands_for_its_name(told, folder, model):
    plain = told(wish("a pear", negative_prompt="zorp"))[0]
    digest = embedding(folder, "zorp", model.spec.texts[0].width)

    data, fields, warnings = told(wish("a pear", negative_prompt="Zorp"))
    assert data != plain and warnings == ()
    assert fields["TI hashes"] == f"zorp: {digest}"
    assert told(wish("a pear"))[1].get("TI hashes") is None
    off = told(wish("zorp"), textual_inversion_add_hashes_to_infotext=False)
    assert "TI hashes" not in off[1]


def test_embeddings_are_told_in_the_order_of_the_prompts(told, folder, model):
    width = model.spec.texts[0].width
    zorp, blurg = embedding(folder, "zorp", width), embedding(folder, "blurg", width, 3)

    fields = told(wish("a (zorp:1.2) AND blurg", negative_prompt="blurg zorp"))[1]
    assert fields["TI hashes"] == f"zorp: {zorp}, blurg: {blurg}"


def test_an_embedding_of_another_family_is_a_word_and_told(told, folder, model):
    plain = told(wish("a zorp"))[0]
    embedding(folder, "zorp", model.spec.texts[0].width + 8)

    data, fields, warnings = told(wish("a zorp"))
    assert data == plain and fields["Missing networks"] == "zorp"
    assert any("zorp was made for another family" in line for line in warnings)
    assert told(wish("a pear"))[2] == ()


def test_a_loras_own_embedding_is_there_with_it_alone(told, folder, model):
    width = model.spec.texts[0].width
    bundle = {"bundle_emb.zorp.emb_params": torch.full((1, width), 0.5)}
    lora(folder, "ink", model, more=bundle)
    lora(folder, "bare", model)

    assert told(wish("a zorp<lora:ink>"))[0] != told(wish("a zorp<lora:bare>"))[0]
    assert told(wish("a pear<lora:ink>"))[0] == told(wish("a pear<lora:bare>"))[0]


def test_a_changed_or_new_file_counts_at_once(told, folder, model):
    missing, fields, _ = told(wish("a pear<lora:ink>"))
    assert fields["Missing networks"] == "ink"
    lora(folder, "ink", model)
    first = told(wish("a pear<lora:ink>"))[0]
    lora(folder, "ink", model, seed=3, alias="longer than before")

    second = told(wish("a pear<lora:ink>"))[0]
    assert len({missing, first, second}) == 3


def test_an_embedding_that_was_written_over_counts_at_once(told, folder, model):
    width = model.spec.texts[0].width
    embedding(folder, "zorp", width)
    first = told(wish("a zorp"))[0]
    digest = embedding(folder, "zorp", width, 3)

    second, fields, _ = told(wish("a zorp"))
    assert second != first and fields["TI hashes"] == f"zorp: {digest}"


def test_without_networks_every_tag_is_missing(make):
    summaries = []
    make(wish("a<lora:ink><hypernet:h>"), summaries=summaries)

    assert summaries[0].extra_generation_params["Missing networks"] == "ink, h"
