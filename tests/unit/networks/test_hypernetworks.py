"""Hypernetworks on a tiny checkpoint, against the same sums written out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from modules.errors import CheckpointError
from modules.networks import hypernetworks
from modules.networks.hypernetworks import ACTIVATIONS, Hypernetworks, load_hypernetwork

WIDTH, CONTEXT = 32, 16  # of the tiny checkpoint's self- and cross-attention


def layer(place: int, rows: int, columns: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        f"linear.{place}.weight": 0.1 * torch.randn(rows, columns, generator=generator),
        f"linear.{place}.bias": 0.1 * torch.randn(rows, generator=generator),
    }


def plain(width: int, seed: int) -> dict[str, Tensor]:
    """[1, 2, 1] without an activation."""
    return layer(0, 2 * width, width, seed) | layer(1, width, 2 * width, seed + 1)


def summed(state: dict[str, Tensor], x: Tensor) -> Tensor:
    for place in (0, 1):
        x = x @ state[f"linear.{place}.weight"].T + state[f"linear.{place}.bias"]
    return x


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, content: Any) -> Path:
        torch.save(content, tmp_path / f"{name}.pt")
        return tmp_path / f"{name}.pt"

    return write


def projected(model: Any, block: str, context: Tensor) -> tuple[Tensor, Tensor]:
    attention = model.unet.down_blocks[0].attentions[0].transformer_blocks[0].get_submodule(block)
    return attention.to_k(context), attention.to_v(context)


def hooks(model: Any) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.unet.modules())


@pytest.mark.parametrize(("block", "width"), [("attn1", WIDTH), ("attn2", CONTEXT)])
def test_several_change_keys_and_values_apart_in_order_and_leave_no_trace(
    model, write, block, width
):
    states = [(plain(width, 10 * n), plain(width, 10 * n + 5)) for n in range(2)]
    paths = [write(f"{n}", {width: pair, "name": "x", "step": 5}) for n, pair in enumerate(states)]
    context = torch.randn(1, 3, width)
    clean = projected(model, block, context)
    both = Hypernetworks(model)

    assert both.use([("0", paths[0], 1.0), ("1", paths[1], -0.5)]) == {}

    attention = model.unet.down_blocks[0].attentions[0].transformer_blocks[0].get_submodule(block)
    for place, projection in enumerate((attention.to_k, attention.to_v)):
        changed = context + summed(states[0][place], context)
        changed = changed - 0.5 * summed(states[1][place], changed)
        found = projected(model, block, context)[place]
        torch.testing.assert_close(found, changed @ projection.weight.T)
    assert both.use([("0", paths[0], 0.0)]) == {}
    assert hooks(model) == 0
    Hypernetworks(model).use([("1", paths[1], 1.0)])
    assert hooks(model) == 2 * sum(
        1 for n, m in model.unet.named_modules() if n.endswith("to_k") and m.in_features == width
    )
    both.clear()
    assert hooks(model) == 0
    for now, then in zip(projected(model, block, context), clean, strict=True):
        assert torch.equal(now, then)


@pytest.mark.parametrize("activate_output", [None, True, False])
@pytest.mark.parametrize("dropout", [False, True])
def test_activation_norm_and_idle_dropout_stand_where_the_file_says(
    write, activate_output, dropout
):
    sizes, state, place, layers = (16, 32, 24, 16), {}, 0, []
    last = len(sizes) - 2
    for index in range(3):
        into, out = sizes[index], sizes[index + 1]
        linear, norm = nn.Linear(into, out), nn.LayerNorm(out)
        nn.init.normal_(norm.weight)
        layers.append(linear)
        state |= {f"linear.{place}.{name}": value for name, value in linear.state_dict().items()}
        place += 1
        if index != last or activate_output in (None, True):
            layers.append(nn.ReLU())
            place += 1
        layers.append(norm)
        state |= {f"linear.{place}.{name}": value for name, value in norm.state_dict().items()}
        place += 2 if dropout and index < last else 1
    content = {16: (state, state), "activation_func": "relu", "is_layer_norm": True}
    if activate_output is not None:
        content["activate_output"] = activate_output

    for_keys, _ = load_hypernetwork(write("a", content))[16]

    x = torch.randn(2, 5, 16)
    torch.testing.assert_close(for_keys(x), nn.Sequential(*layers)(x))


def test_the_oldest_files_call_their_layers_linear1_and_linear2(write):
    state = plain(16, 1)
    old = {name.replace("linear.0", "linear1").replace("linear.1", "linear2"): value
           for name, value in state.items()}  # fmt: skip
    for_keys, for_values = load_hypernetwork(write("old", {16: [old, old]}))[16]
    x = torch.randn(1, 2, 16)
    torch.testing.assert_close(for_keys(x), summed(state, x))
    torch.testing.assert_close(for_values(x), summed(state, x))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_that_the_original_offers_is_known(write, name):
    state = layer(0, 32, 16, 1) | layer(2, 16, 32, 2)
    if name == "prelu":
        state["linear.1.weight"] = torch.tensor([0.25])
    content = {16: (state, state), "activation_func": name, "activate_output": False}
    path = write(name, content)
    if name == "glu":  # halves its input, so that no file with it can have worked
        with pytest.raises(CheckpointError, match="damaged or of a form"):
            load_hypernetwork(path)
        return
    for_keys, _ = load_hypernetwork(path)[16]
    x = torch.randn(1, 3, 16)
    inner = x @ state["linear.0.weight"].T + state["linear.0.bias"]
    kinds = {n.lower(): getattr(nn, n) for n in dir(nn)}
    kinds |= {"linear": nn.Identity, "swish": nn.Hardswish}
    over_batch = {"dim": 0} if name in ("softmax", "softmin", "logsoftmax") else {}
    inner = kinds[name](**over_batch).eval()(inner)
    torch.testing.assert_close(
        for_keys(x), inner @ state["linear.2.weight"].T + state["linear.2.bias"]
    )


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_bad_files_are_named_with_the_reason_and_the_good_one_works(model, write, tmp_path):
    good, bad = plain(WIDTH, 1), plain(WIDTH, 1)
    bad["linear.1.weight"] = bad["linear.1.weight"][:5]
    paths = [
        write("empty", {"name": "x"}),
        write("tensor", torch.zeros(3)),
        write("bad", {WIDTH: (good, bad)}),
        write("single", {WIDTH: (good,)}),
        write("strange", {WIDTH: (good, good), "activation_func": "magic"}),
        write("wide", {768: (plain(768, 1), plain(768, 2))}),
        write("hostile", {WIDTH: (good, good), "x": _Runs(tmp_path / "made")}),
        tmp_path / "gone.pt",
        write("good", {WIDTH: (good, good)}),
    ]
    problems = Hypernetworks(model).use([(path.stem, path, 1.0) for path in paths])
    assert list(problems) == [path.stem for path in paths[:-1]]
    assert "another family" in problems["wide"] and "'magic'" in problems["strange"]
    assert "could run" in problems["hostile"] and not (tmp_path / "made").exists()
    assert hooks(model) > 0
    Hypernetworks(model).clear()
    assert hooks(model) == 0


def test_the_same_set_again_and_another_multiplier_read_no_file(model, write, monkeypatch):
    state = plain(CONTEXT, 1)
    path, nets = write("a", {CONTEXT: (state, state)}), Hypernetworks(model)
    nets.use([("a", path, 1.0)])
    with monkeypatch.context() as patch:
        patch.setattr(hypernetworks, "read_pickle", None)
        nets.use([("a", path, 1.0)])
        nets.use([("a", path, 0.5)])
    context = torch.randn(1, 3, CONTEXT)
    attention = model.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    changed = context + 0.5 * summed(state, context)
    torch.testing.assert_close(attention.to_k(context), changed @ attention.to_k.weight.T)
    nets.clear()
