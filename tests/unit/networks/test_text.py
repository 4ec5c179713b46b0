"""Text embeddings, against CLIP and OpenCLIP text models written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from bench import layouts
from modules.networks.model import Model
from tests import tiny_families as families
from tests.tiny_checkpoint import TEXT, tiny_weights
from tests.unit.networks.chunks import chunk

LoadFamily = Callable[[str], Model]


def clip_by_hand(
    ids: tuple[int, ...],
    layers: int,
    weights: Mapping[str, Tensor] | None = None,
    prefix: str = TEXT,
    *,
    final_norm: bool = True,
) -> Tensor:
    """One head, causal, quick GELU, pre-norm; `layers` of them, then perhaps the final norm."""
    named = tiny_weights() if weights is None else weights
    w = {name.removeprefix(prefix): value.float() for name, value in named.items()}

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-5)

    def dense(x: Tensor, name: str) -> Tensor:
        return linear(x, w[name + ".weight"], w[name + ".bias"])

    x = w["embeddings.token_embedding.weight"][list(ids)]
    x = x + w["embeddings.position_embedding.weight"]
    mask = torch.full((77, 77), float("-inf")).triu(1)
    for index in range(layers):
        name = f"encoder.layers.{index}."
        normed = norm(x, name + "layer_norm1")
        q, k, v = (dense(normed, f"{name}self_attn.{part}_proj") for part in "qkv")
        attended = (q @ k.T / x.shape[-1] ** 0.5 + mask).softmax(-1) @ v
        x = x + dense(attended, name + "self_attn.out_proj")
        hidden = dense(norm(x, name + "layer_norm2"), name + "mlp.fc1")
        x = x + dense(hidden * torch.sigmoid(1.702 * hidden), name + "mlp.fc2")
    return norm(x, "final_layer_norm") if final_norm else x


@pytest.mark.parametrize(("clip_skip", "layers"), [(1, 2), (2, 1), (3, 0), (12, 0)])
def test_clip_skip_stops_that_many_layers_early_and_norms(
    model: Model, clip_skip: int, layers: int
) -> None:
    sample = chunk(320, 2368, 525)
    embedded = model.encode_text([[sample]], clip_skip=clip_skip).tokens
    assert embedded.shape == (1, 77, 16) and embedded.dtype == torch.float32
    assert torch.allclose(embedded[0], clip_by_hand(sample.ids, layers), atol=1e-5)


def test_chunks_are_encoded_apart_and_joined_along_the_tokens(model: Model) -> None:
    first, second = chunk(320, 2368), chunk(525)
    joined = model.encode_text([[first, second]]).tokens
    assert joined.shape == (1, 154, 16)
    assert torch.allclose(joined[:, :77], model.encode_text([[first]]).tokens, atol=1e-6)
    assert torch.allclose(joined[:, 77:], model.encode_text([[second]]).tokens, atol=1e-6)


def test_emphasis_original_keeps_the_mean_over_all_rows_of_the_call(model: Model) -> None:
    rows = [[chunk(320, 2368, weight=1.5)], [chunk(525, 600, weight=0.3)]]
    plain = model.encode_text(rows, emphasis="None").tokens
    weights = torch.tensor([row[0].weights for row in rows])[..., None]
    restored = model.encode_text(rows).tokens
    assert torch.allclose(restored.mean(), plain.mean(), rtol=1e-4)
    expected = plain * weights * (plain.mean() / (plain * weights).mean())
    assert torch.allclose(restored, expected, rtol=1e-5, atol=1e-6)


def test_emphasis_no_norm_only_multiplies_and_ignore_does_nothing(model: Model) -> None:
    rows = [[chunk(320, 2368, weight=1.5)]]
    plain = model.encode_text([[chunk(320, 2368)]], emphasis="None").tokens
    weights = torch.tensor(rows[0][0].weights)[None, :, None]
    assert torch.allclose(model.encode_text(rows, emphasis="No norm").tokens, plain * weights)
    assert torch.equal(model.encode_text(rows, emphasis="Ignore").tokens, plain)


def test_rows_with_different_numbers_of_chunks_are_a_mistake_of_the_caller(model: Model) -> None:
    with pytest.raises(AssertionError, match="same chunks"):
        model.encode_text([[chunk(1)], [chunk(1), chunk(2)]])


def test_an_embeddings_vectors_stand_in_for_tokens_before_positions(model: Model) -> None:
    """Two vectors that are the table's own rows give what those tokens give, up to the end."""
    table = model.text_encoders[0].embeddings.token_embedding.weight
    vectors = {"two": (table[[320, 2368]],), "long": (table[[320] * 9],)}
    placed = replace(chunk(0, 0, 525), placements=((1, "two"),))
    embedded = model.encode_text([[placed]], vectors=vectors).tokens
    expected = model.encode_text([[chunk(320, 2368, 525)]]).tokens
    assert torch.allclose(embedded, expected, atol=1e-6)
    over_the_end = replace(chunk(*[320] * 72), placements=((73, "long"),))
    embedded = model.encode_text([[over_the_end]], vectors=vectors).tokens
    assert torch.allclose(embedded[0], clip_by_hand((49406, *[320] * 76), 2), atol=1e-5)


def open_clip_by_hand(ids: tuple[int, ...], prefix: str, family: str) -> tuple[Tensor, ...]:
    """After 0 to 3 layers, the second normed, and pooled: one head, causal, GELU."""
    named = families.family_weights(family).items()
    w = {k.removeprefix(prefix): v.float() for k, v in named if k.startswith(prefix)}

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-5)

    end = ids.index(49407)
    ids = (*ids[: end + 1], *(0,) * (76 - end))
    x = w["token_embedding.weight"][list(ids)] + w["positional_embedding"]
    mask, states = torch.full((77, 77), float("-inf")).triu(1), [x]
    for index in range(3):
        name = f"transformer.resblocks.{index}."
        normed = norm(x, name + "ln_1")
        weight, bias = w[name + "attn.in_proj_weight"], w[name + "attn.in_proj_bias"]
        q, k, v = (normed @ weight.T + bias).split(x.shape[-1], dim=-1)
        attended = (q @ k.T / x.shape[-1] ** 0.5 + mask).softmax(-1) @ v
        out = linear(attended, w[name + "attn.out_proj.weight"], w[name + "attn.out_proj.bias"])
        x = x + out
        c_fc, c_proj = name + "mlp.c_fc", name + "mlp.c_proj"
        hidden = gelu(linear(norm(x, name + "ln_2"), w[c_fc + ".weight"], w[c_fc + ".bias"]))
        x = x + linear(hidden, w[c_proj + ".weight"], w[c_proj + ".bias"])
        states.append(x)
    pooled = norm(x, "ln_final")[end] @ w["text_projection"]
    return (*states, norm(states[2], "ln_final"), pooled)


SAMPLE = chunk(320, 2368, 525)


@pytest.mark.parametrize("clip_skip", [1, 2, 5])
def test_sd2_reads_the_last_layer_but_one_normed_whatever_clip_skip(
    family_model: LoadFamily, clip_skip: int
) -> None:
    encoded = family_model("sd2").encode_text([[SAMPLE]], clip_skip=clip_skip)
    by_hand = open_clip_by_hand(SAMPLE.ids, layouts.OPEN_CLIP, "sd2")
    assert encoded.pooled is None
    assert torch.allclose(encoded.tokens[0], by_hand[4], atol=1e-5)


@pytest.mark.parametrize(
    ("clip_skip", "honoured", "layers"), [(1, False, 2), (3, False, 2), (1, True, 3), (3, True, 1)]
)
def test_xl_reads_both_encoders_unnormed_and_clip_skip_only_by_the_setting(
    family_model: LoadFamily, clip_skip: int, honoured: bool, layers: int
) -> None:
    model = family_model("sdxl")
    encoded = model.encode_text([[SAMPLE]], clip_skip=clip_skip, clip_l_skip=honoured)
    by_hand = open_clip_by_hand(SAMPLE.ids, layouts.XL_OPEN_CLIP, "sdxl")
    weights = families.family_weights("sdxl")
    first = clip_by_hand(SAMPLE.ids, layers, weights, layouts.XL_CLIP, final_norm=False)
    assert torch.allclose(encoded.tokens[0, :, :16], first, atol=1e-5)
    assert torch.allclose(encoded.tokens[0, :, 16:], by_hand[2], atol=1e-5)
    assert encoded.pooled is not None
    assert torch.allclose(encoded.pooled[0], by_hand[5], atol=1e-5)


def test_the_refiner_reads_the_second_encoder_alone(family_model: LoadFamily) -> None:
    encoded = family_model("sdxl-refiner").encode_text([[SAMPLE]])
    by_hand = open_clip_by_hand(SAMPLE.ids, layouts.ONLY_OPEN_CLIP, "sdxl-refiner")
    assert encoded.pooled is not None
    assert torch.allclose(encoded.tokens[0], by_hand[2], atol=1e-5)
    assert torch.allclose(encoded.pooled[0], by_hand[5], atol=1e-5)


def test_emphasis_keeps_the_mean_of_each_encoder_and_chunk_and_leaves_the_pooled_text(
    family_model: LoadFamily,
) -> None:
    """A mean over both encoders, or over both chunks, would be another number."""
    model = family_model("sdxl")
    rows = [[chunk(320, 2368, weight=1.6), chunk(525, weight=0.4)]]
    plain = model.encode_text(rows, emphasis="None")
    weighted = model.encode_text(rows)
    assert plain.pooled is not None and weighted.pooled is not None
    assert torch.equal(weighted.pooled, plain.pooled)
    for number, sample in enumerate(rows[0]):
        weights = torch.tensor(sample.weights)[:, None]
        for part in (slice(0, 16), slice(16, 40)):
            place = (0, slice(77 * number, 77 * number + 77), part)
            expected = plain.tokens[place] * weights
            expected = expected * (plain.tokens[place].mean() / expected.mean())
            assert torch.allclose(weighted.tokens[place], expected, rtol=1e-4, atol=1e-5)


def test_the_pooled_text_is_the_first_chunks(family_model: LoadFamily) -> None:
    model = family_model("sdxl")
    one = model.encode_text([[SAMPLE]]).pooled
    two = model.encode_text([[SAMPLE, chunk(525)]]).pooled
    assert one is not None and two is not None and torch.equal(one, two)


def test_each_encoder_takes_its_own_vectors_of_an_embedding(family_model: LoadFamily) -> None:
    model = family_model("sdxl")
    tables = [m.embeddings.token_embedding.weight for m in model.text_encoders]
    vectors = {"pair": tuple(table[[320, 2368]] for table in tables)}
    placed = replace(chunk(0, 0, 525), placements=((1, "pair"),))
    embedded = model.encode_text([[placed]], vectors=vectors)
    assert torch.allclose(embedded.tokens, model.encode_text([[SAMPLE]]).tokens, atol=1e-6)
