"""Text embeddings, against a CLIP text model written out by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from modules.networks.model import Model
from tests.tiny_checkpoint import TEXT, tiny_weights


@dataclass(frozen=True)
class Chunk:
    ids: tuple[int, ...]
    weights: tuple[float, ...]
    placements: tuple[tuple[int, str], ...] = ()


def chunk(*ids: int, weight: float = 1.0) -> Chunk:
    padding = 76 - len(ids)
    return Chunk(
        (49406, *ids, *(49407,) * padding), (1.0, *(weight,) * len(ids), *(1.0,) * padding)
    )


def clip_by_hand(ids: tuple[int, ...], layers: int) -> Tensor:
    """One head, causal, quick GELU, pre-norm; `layers` of them, then the final norm."""
    w = {name.removeprefix(TEXT): value.float() for name, value in tiny_weights().items()}

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
    return norm(x, "final_layer_norm")


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
