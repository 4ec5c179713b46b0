"""Adapters on a tiny checkpoint: what they change, and that undoing leaves no trace."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from modules.errors import OutOfMemoryError
from modules.networks.adapters import Adapter, AdapterFiles, Adapters, applied
from modules.networks.adapters.file import AdapterFile
from modules.networks.fp8 import narrow, narrowed
from modules.networks.model import Model
from modules.networks.models import Models
from tests.tiny_checkpoint import write_hostile_ckpt, write_tiny_checkpoint
from tests.tiny_families import write_tiny_family

QUERY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
FIRST = "lora_unet_conv_in"
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"


def lora(
    module: str, rows: int, columns: int, *, seed: int = 0, rank: int = 2
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        f"{module}.lora_up.weight": torch.randn(rows, rank, generator=generator),
        f"{module}.lora_down.weight": torch.randn(rank, columns, generator=generator),
        f"{module}.alpha": torch.tensor(1.0),
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *parts: Mapping[str, Tensor]) -> Path:
        path = tmp_path / f"{name}.safetensors"
        tensors = {key: tensor for each in parts for key, tensor in each.items()}
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
        return path

    return write


@pytest.fixture
def query(model: Model) -> nn.Linear:
    module = model.unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q")
    assert isinstance(module, nn.Linear)
    return module


@pytest.fixture(autouse=True)
def untouched(model: Model) -> Iterator[None]:
    """Every test must leave the model's weights where and as they were."""
    tensors = [p for n in (model.unet, *model.text_encoders) for p in n.parameters()]
    before = [(p, p.data_ptr(), p.data.clone()) for p in tensors]
    yield
    Adapters(model).clear()
    for parameter, address, values in before:
        assert parameter.data_ptr() == address and torch.equal(parameter.data, values)
    after = [p for n in (model.unet, *model.text_encoders) for p in n.parameters()]
    assert [id(p) for p in tensors] == [id(p) for p in after]


def test_multipliers_reach_their_networks_and_sets_replace_each_other(model, write, query):
    first, second = lora(QUERY, 32, 32), lora(TEXT, 64, 16, seed=1)
    path = write("a", first, second)
    fc1 = model.text_encoders[0].encoder.layers[0].mlp.fc1
    clean_query, clean_fc1 = query.weight.clone(), fc1.weight.clone()
    adapters = Adapters(model)

    assert adapters.use([Adapter("a", path, text=0.5, unet=2.0)]) == {}

    up, down, _ = first.values()
    torch.testing.assert_close(query.weight, clean_query + up @ down)  # 2.0 * alpha / rank
    up, down, _ = second.values()
    torch.testing.assert_close(fc1.weight, clean_fc1 + 0.25 * up @ down)
    adapters.use([Adapter("a", path, text=0.0, unet=1.0)])
    assert torch.equal(fc1.weight, clean_fc1)


def test_several_are_added_in_order_each_rounded_to_the_weights_precision(model, write, query):
    own = query.weight.data
    query.weight.data = own.half()
    try:
        paths = [write(f"{n}", lora(QUERY, 32, 32, seed=n)) for n in range(3)]
        expected = query.weight.clone()
        for n in range(3):
            up, down, _ = (part.half() for part in lora(QUERY, 32, 32, seed=n).values())
            expected = expected + (up @ down) * 0.5 * 0.7
        adapters = Adapters(model)
        adapters.use([Adapter(path.stem, path, unet=0.7) for path in paths])
        assert torch.equal(query.weight, expected)
        adapters.use([Adapter(path.stem, path, unet=0.7) for path in reversed(paths)])
        assert not torch.equal(query.weight, expected)
        adapters.clear()
    finally:
        query.weight.data = own


def test_a_mapped_checkpoint_file_is_never_written_to(tmp_path, write):
    file = write_tiny_checkpoint(tmp_path / "mapped.safetensors", dtype=torch.float32)
    content, model = file.read_bytes(), Models("cpu").get(file)
    mapped = {p: (p.data_ptr(), p.data.clone()) for p in model.unet.parameters()}
    adapters = Adapters(model)
    adapters.use([Adapter("a", write("a", lora(QUERY, 32, 32), lora(FIRST, 32, 36)))])
    moved = [p for p, (address, _) in mapped.items() if p.data_ptr() != address]
    assert len(moved) == 2
    adapters.clear()
    assert all(p.data_ptr() == address for p, (address, _) in mapped.items())
    assert all(torch.equal(p, values) for p, (_, values) in mapped.items())
    assert file.read_bytes() == content


def test_the_same_set_again_opens_no_file_and_a_changed_file_is_read_anew(
    model, write, query, monkeypatch
):
    adapters, path = Adapters(model), write("a", lora(QUERY, 32, 32))
    adapters.use([Adapter("a", path)])
    held = query.weight.data_ptr()
    with monkeypatch.context() as patch:
        patch.setattr(AdapterFiles, "open", None)
        adapters.use([Adapter("a", path)])
    assert query.weight.data_ptr() == held
    old = query.weight.clone()
    write("a", lora(QUERY, 32, 32, seed=5), lora(TEXT, 64, 16))
    adapters.use([Adapter("a", path)])
    assert not torch.equal(query.weight, old)


def test_files_of_other_families_damaged_ones_and_missing_ones_are_named_and_left_out(
    model, write, query, tmp_path
):
    good = write("good", lora(QUERY, 32, 32))
    paths = [
        write("wide", lora(QUERY, 64, 32), lora(TEXT, 64, 16)),
        write("elsewhere", lora("lora_unet_joint_blocks_0_qkv", 4, 4)),
        write("second", lora("lora_te2_text_model_encoder_layers_0_mlp_fc1", 64, 16)),
        write("none", {"clip_l": torch.zeros(3, 16)}),
        tmp_path / "gone.safetensors",
    ]
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-8])
    paths.append(tmp_path / "cut.safetensors")
    paths.append(write_hostile_ckpt(tmp_path / "hostile.pt", tmp_path / "made"))
    clean = query.weight.clone()

    problems = Adapters(model).use([Adapter(p.stem, p) for p in (*paths, good)])

    assert list(problems) == ["wide", "elsewhere", "second", "none", "gone", "cut", "hostile"]
    for name in ("wide", "elsewhere", "second"):
        assert "made for another family" in problems[name]
    assert "[64, 32] where [32, 32] is due" in problems["wide"]
    assert "not safe" in problems["hostile"] and not (tmp_path / "made").exists()
    up, down, _ = lora(QUERY, 32, 32).values()
    torch.testing.assert_close(query.weight, clean + 0.5 * up @ down)


def test_a_file_that_breaks_underway_is_left_out_whole(model, write, query, monkeypatch):
    broken = write("broken", lora(QUERY, 32, 32), lora(TEXT, 64, 16))
    good = write("good", lora(TEXT, 64, 16, seed=3))
    read, clean = AdapterFile.read, query.weight.clone()

    def failing(self: AdapterFile, key: str) -> Tensor:
        if self.path == broken and key == f"{TEXT}.lora_up.weight":
            return torch.ones(3, 3)
        return read(self, key)

    monkeypatch.setattr(AdapterFile, "read", failing)
    problems = Adapters(model).use([Adapter("broken", broken), Adapter("good", good)])

    assert list(problems) == ["broken"]
    assert torch.equal(query.weight, clean)


def test_running_out_of_memory_underway_leaves_the_checkpoints_own_weights(
    model, write, query, monkeypatch
):
    adapters = Adapters(model)
    path = write("a", lora(QUERY, 32, 32), lora(TEXT, 64, 16))
    clean, calls = query.weight.clone(), []

    def failing(*arguments, **options):
        calls.append(arguments)
        if "meta" not in str(arguments[2].device) and len(calls) == 4:  # 2 checks, 1 delta
            raise torch.OutOfMemoryError("CUDA out of memory")
        return delta(*arguments, **options)

    delta = applied.delta
    monkeypatch.setattr(applied, "delta", failing)
    with pytest.raises(OutOfMemoryError, match="fewer"):
        adapters.use([Adapter("a", path)])
    assert torch.equal(query.weight, clean)
    assert adapters.use([Adapter("a", path)]) == {}
    assert not torch.equal(query.weight, clean)


def test_a_second_holder_of_the_same_networks_knows_what_the_first_put_on(model, write, query):
    clean = query.weight.clone()
    Adapters(model).use([Adapter("a", write("a", lora(QUERY, 32, 32)))])
    Adapters(model).use([Adapter("b", write("b", lora(TEXT, 64, 16)))])
    assert torch.equal(query.weight, clean)


def test_a_weight_that_two_modules_share_is_changed_by_both_and_undone_once(model, write):
    attention = model.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1
    own, attention.to_k.weight = attention.to_k.weight, attention.to_q.weight
    clean = attention.to_q.weight.clone()
    try:
        key = QUERY.replace("to_q", "to_k")
        path = write("a", lora(QUERY, 32, 32), lora(key, 32, 32, seed=1))
        adapters = Adapters(model)
        adapters.use([Adapter("a", path)])
        both = [lora(QUERY, 32, 32), lora(key, 32, 32, seed=1)]
        (up, down, _), (up2, down2, _) = (each.values() for each in both)
        torch.testing.assert_close(attention.to_q.weight, clean + 0.5 * (up @ down + up2 @ down2))
        adapters.clear()
        assert torch.equal(attention.to_q.weight, clean)
    finally:
        attention.to_k.weight = own


def test_a_bias_is_given_to_a_module_without_one_and_taken_away_again(model, write, query):
    full = {f"{QUERY}.diff": torch.zeros(32, 32), f"{QUERY}.diff_b": torch.ones(32)}
    adapters = Adapters(model)
    for strength in (0.5, 0.25):
        adapters.use([Adapter("a", write("a", full), unet=strength)])
        assert torch.equal(query.bias, torch.full((32,), strength))
    adapters.clear()
    assert query.bias is None


def test_memory_stays_flat_over_a_hundred_changes(model, write):
    def held() -> int:
        """Bytes of the tensors that came since the start."""
        gc.collect()
        tensors = [o for o in gc.get_objects() if issubclass(type(o), Tensor)]
        return sum({t.data_ptr(): size(t) for t in tensors}.values())

    def size(tensor: Tensor) -> int:
        storage = tensor.untyped_storage()
        return tensor.nbytes if storage.data_ptr() in blocks else storage.nbytes()

    blocks = {weight.untyped_storage().data_ptr() for weight in model.unet.parameters()}
    paths = [write(f"{n}", lora(QUERY, 32, 32, seed=n), lora(FIRST, 32, 36)) for n in range(3)]
    adapters, first = Adapters(model), 0
    gc.freeze()  # what was there before is not looked at
    try:
        before = held()
        for change in range(100):
            adapters.use([Adapter(f"{change}", paths[change % 3], unet=0.01 * change)])
            if change == 1:
                first = held()
        assert held() == first == before + 4 * (32 * 32 + 32 * 36)
        adapters.clear()
        assert held() == before
    finally:
        gc.unfreeze()


def test_kept_files_are_read_from_memory(model, write, monkeypatch):
    files = AdapterFiles(limit=1)
    paths = [write(f"{n}", lora(QUERY, 32, 32, seed=n)) for n in range(2)]
    kept = files.open(paths[0])
    assert files.open(paths[0]) is kept
    files.open(paths[1])
    assert files.open(paths[0]) is not kept
    assert AdapterFiles().open(paths[0]) is not AdapterFiles().open(paths[0])
    last = files.open(paths[0])
    write("0", lora(QUERY, 32, 32, seed=7), lora(TEXT, 64, 16))
    assert files.open(paths[0]) is not last


def test_an_attention_of_open_clip_is_changed_whole_or_not_at_all(model, write):
    encoder, spec = model.text_encoders[0], model.spec
    text = replace(spec.texts[0], kind="open_clip")
    other: Any = SimpleNamespace(
        unet=model.unet, text_encoders=(encoder,), spec=replace(spec, texts=(text,))
    )
    start = "lora_te_text_model_encoder_layers_{}_self_attn_{}_proj"
    parts = [lora(start.format(0, side), 16, 16) for side in ("q", "k", "v", "out")]
    parts += [lora(start.format(1, side), 16, 16) for side in ("q", "k", "v")]
    whole, partial = (encoder.encoder.layers[n].self_attn.q_proj.weight for n in (0, 1))
    before = whole.clone(), partial.clone()

    assert Adapters(other).use([Adapter("a", write("a", *parts))]) == {}

    assert not torch.equal(whole, before[0]) and torch.equal(partial, before[1])


def test_a_lora_for_plain_latents_leaves_an_inpainting_models_mask_channels_be(tmp_path, write):
    model = Models("cpu").get(write_tiny_family(tmp_path / "m.safetensors", "sd1-inpaint"))
    weight = model.unet.conv_in.weight
    clean, part = weight.clone(), lora(FIRST, len(weight), 36)
    assert Adapters(model).use([Adapter("a", write("a", part))]) == {}
    up, down, _ = part.values()
    change = 0.5 * (up @ down).reshape(len(weight), 4, 3, 3)
    torch.testing.assert_close(weight[:, :4], clean[:, :4] + change)
    assert torch.equal(weight[:, 4:], clean[:, 4:])


def test_sdxls_text_encoders_are_told_apart_and_its_loras_do_not_go_elsewhere(
    model, tmp_path, write
):
    sdxl: Any = Models("cpu").get(write_tiny_family(tmp_path / "m.safetensors", "sdxl"))
    widths = [text.width for text in sdxl.spec.texts]
    names = [f"lora_te{n}_text_model_encoder_layers_0_mlp_fc2" for n in (1, 2)]
    sizes = zip(names, widths, strict=True)
    path = write("xl", *(lora(name, width, 4 * width) for name, width in sizes))
    layers = [encoder.encoder.layers[0].mlp.fc2 for encoder in sdxl.text_encoders]
    clean = [layer.weight.clone() for layer in layers]

    assert Adapters(sdxl).use([Adapter("xl", path)]) == {}

    for layer, before in zip(layers, clean, strict=True):
        assert not torch.equal(layer.weight, before)
    query = write("query", lora(QUERY.replace("blocks_0", "blocks_1", 1), 64, 64))
    unnumbered = write("te", lora(TEXT, 64, 16))
    assert list(Adapters(sdxl).use([Adapter("te", unnumbered)])) == ["te"]
    problems = Adapters(model).use([Adapter("query", query)])
    assert "(sd1)" in problems["query"]


@pytest.mark.gpu
def test_on_a_gpu_undoing_is_exact_and_the_device_holds_each_weight_once(tiny_files, write):
    on_gpu = Models("cuda").get(tiny_files("single.safetensors"))
    before = [(p, p.data.clone()) for p in on_gpu.unet.parameters()]
    path = write("a", lora(QUERY, 32, 32), lora(FIRST, 32, 36))
    adapters, held = Adapters(on_gpu), torch.cuda.memory_allocated()
    for change in range(20):
        adapters.use([Adapter("a", path, unet=0.1 * change)])
        assert torch.cuda.memory_allocated() == held
    adapters.clear()
    assert all(torch.equal(p.data, values) for p, values in before)


@pytest.mark.parametrize("keep_wide", [False, True])
def test_loras_add_to_8_bit_weights_and_come_off_without_trace(
    tmp_path: Path, write: Callable[..., Path], keep_wide: bool
) -> None:
    path = write_tiny_checkpoint(tmp_path / "narrow.safetensors")
    model = Models("cpu").get(path)
    linear = model.unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q")
    assert isinstance(linear, nn.Linear)
    exact = linear.weight.data.clone()
    narrow(model.unet, keep_wide=keep_wide)
    stored = linear.weight.data.clone()
    file = write("a", lora(QUERY, 32, 32))
    adapters = Adapters(model)
    assert adapters.use([Adapter("a", file)]) == {}
    parts = lora(QUERY, 32, 32)
    added = parts[f"{QUERY}.lora_up.weight"] @ parts[f"{QUERY}.lora_down.weight"] / 2
    base = exact if keep_wide else stored.to(torch.float32)
    assert torch.equal(linear.weight.data.float(), narrowed(base + added).float())
    adapters.clear()
    assert torch.equal(linear.weight.data.float(), stored.float())
