"""Weights that come and go: the same answers as if they had stayed, and never more than planned."""

from collections.abc import Iterator

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from modules.networks import offload
from modules.networks.offload import Offload, bring_home, device_of, units_of, weights_of
from modules.networks.plans import ALL, TURNS, MemoryPlan
from tests.unit.networks.played_cuda import Card

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    torch.manual_seed(3)
    return (
        UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(8, 16),
            layers_per_block=1,
            cross_attention_dim=8,
            attention_head_dim=2,
            norm_num_groups=4,
        )
        .eval()
        .requires_grad_(False)
    )


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    return AutoencoderKL(block_out_channels=(4,), norm_num_groups=2).eval().requires_grad_(False)


@pytest.fixture
def text() -> nn.Module:
    return nn.Linear(8, 8)


@pytest.fixture
def homes(unet: nn.Module, vae: nn.Module) -> Iterator[None]:
    """Whatever a test did, the next one finds all weights at home and no hook."""
    before = [(tensor, tensor.data) for module in (unet, vae) for tensor in module.parameters()]
    yield
    for tensor, values in before:
        tensor.data = values
    for module in unet.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()


def answer(unet: UNet2DConditionModel) -> Tensor:
    torch.manual_seed(1)
    x, context = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 8)
    with torch.inference_mode():
        return unet(x, torch.tensor([7.0, 7.0]), encoder_hidden_states=context).sample


def away(unet: nn.Module, homes: dict[int, int]) -> int:
    """Bytes of weights that lie elsewhere than at home."""
    return sum(t.nbytes for t in unet.parameters() if t.data_ptr() != homes[id(t)])


def addresses(module: nn.Module) -> dict[int, int]:
    return {id(tensor): tensor.data_ptr() for tensor in module.parameters()}


def test_the_units_are_run_in_the_order_in_which_they_are_listed(
    unet: UNet2DConditionModel, homes: None
) -> None:
    units, run = units_of(unet), []
    for unit in units:
        unit.register_forward_pre_hook(lambda module, _: run.append(module))
    answer(unet)
    assert run == list(units)
    rest = weights_of([], unet, nn.Identity()).unet_rest
    assert 0 < rest < offload.bytes_of(unet) / 2


@pytest.mark.parametrize(
    "streamed",
    [
        (1, 4),
        tuple(range(12)),
        pytest.param((0,), marks=pytest.mark.full),
        pytest.param((0, 2, 5, 6), marks=pytest.mark.full),
    ],
)
def test_streamed_weights_give_the_same_answer_and_two_units_at_most_are_there(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: nn.Module, homes: None, streamed: tuple
) -> None:
    expected, at_home = answer(unet), addresses(unet)
    weights = weights_of([text], unet, vae)
    streamed = tuple(number for number in streamed if number < len(weights.units))
    placed = Offload(MemoryPlan("stream", streamed), CPU, texts=[text], unet=unet, vae=vae)
    most = 2 * max(weights.units[number] for number in streamed)
    most += weights.unet - sum(weights.units[number] for number in streamed)
    seen = []
    for module in unet.modules():
        module.register_forward_hook(lambda *_: seen.append(away(unet, at_home)))
    placed.work("unet")
    with torch.inference_mode():
        for _ in range(2):
            assert torch.equal(answer(unet), expected)
    assert 0 < max(seen) <= most
    placed.go_home()
    assert away(unet, at_home) == 0


def test_one_part_is_there_at_a_time(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: nn.Module, homes: None
) -> None:
    networks = {"text": text, "unet": unet, "vae": vae}
    at_home = {name: addresses(module) for name, module in networks.items()}
    placed = Offload(TURNS, CPU, texts=[text], unet=unet, vae=vae)
    for part in ("text", "unet", "vae", "unet"):
        placed.work(part)
        there = {name for name in networks if away(networks[name], at_home[name])}
        assert there == {part}
    bring_home(vae)
    assert not any(away(networks[name], at_home[name]) for name in networks)


def test_a_weight_exchanged_at_home_travels_and_can_be_undone(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: nn.Module, homes: None
) -> None:
    plain = answer(unet)
    placed = Offload(
        MemoryPlan("stream", tuple(range(len(units_of(unet))))),
        CPU, texts=[text], unet=unet, vae=vae,
    )  # fmt: skip
    weight = next(p for name, p in unet.named_parameters() if name.endswith("attn2.to_k.weight"))
    old = weight.data
    weight.data = old + 1
    placed.work("unet")
    changed = answer(unet)
    assert not torch.equal(changed, plain)
    bring_home(unet)
    weight.data = old
    placed.work("unet")
    assert torch.equal(answer(unet), plain)


def test_where_all_stays_nothing_moves(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: nn.Module, homes: None
) -> None:
    at_home = addresses(unet)
    placed = Offload(ALL, CPU, texts=[text], unet=unet, vae=vae)
    placed.work("unet")
    answer(unet)
    assert away(unet, at_home) == 0


def test_a_cheaper_plan_takes_over_from_the_one_before(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: nn.Module, homes: None
) -> None:
    expected = answer(unet)
    placed = Offload(ALL, CPU, texts=[text], unet=unet, vae=vae)
    everything = tuple(range(len(units_of(unet))))
    for plan in (TURNS, MemoryPlan("stream", (0, 3)), MemoryPlan("stream", everything)):
        placed = placed.changed(plan)
        placed.work("unet")
        assert torch.equal(answer(unet), expected)
    hooks = sum(len(unit._forward_pre_hooks) for unit in units_of(unet))
    assert hooks == len(everything)  # those of the plan before are gone
    assert device_of(unet) == CPU


def test_each_time_the_units_come_the_first_copies_wait_for_all_that_was_computed_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = Card(monkeypatch)
    units = [nn.Linear(2, 2) for _ in range(4)]
    stream = offload._Stream(units, CPU, pinned=False)
    monkeypatch.setattr(stream, "_lane", card.another())
    for _ in range(2):
        card.told.clear()
        stream.begin()
        for unit in (*units, *units):
            unit(torch.ones(1, 2))
        stream.end()
        waits = [line for line in card.told if line.startswith("stream 1 waits")]
        # The places may lie where something else was computed last: both wait for all of it; then
        # each copy waits for the last use of its place alone.
        assert waits[:2] == ["stream 1 waits for all of main"] * 2
        assert set(waits[2:]) == {"stream 1 waits for a moment of main"}
    stream.close()
