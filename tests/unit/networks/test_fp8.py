"""8-bit storage: a quarter of fp32's bytes, an answer that is near, and LoRAs that still work."""

import torch
from torch import Tensor, nn

from modules.networks.fp8 import FP8, Fp8Conv2d, narrow, narrowed, unrounded, widened


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(self.conv(x)))


def test_large_weights_shrink_to_a_quarter_and_answers_stay_near() -> None:
    network, x = Network(), torch.randn(2, 3, 5, 6)
    with torch.no_grad():
        exact = network(x)
        narrow(network)
        near = network(x)
    assert network.conv.weight.dtype == network.linear.weight.dtype == FP8
    assert network.norm.weight.dtype == near.dtype == torch.float32
    assert network.conv.bias is not None and network.conv.bias.dtype == torch.float32
    assert 0 < (near - exact).abs().mean() < 0.06 * exact.abs().mean()


def test_what_is_too_large_becomes_the_largest_number() -> None:
    values = narrowed(torch.tensor([1e4, -1e4, 0.5])).to(torch.float32)
    assert values.tolist() == [448, -448, 0.5]


def test_a_circular_convolution_still_wraps_around() -> None:
    convolution = nn.Conv2d(1, 1, 3, padding=1)
    narrow(convolution)
    convolution.padding_mode = "circular"
    with torch.no_grad():
        x = torch.randn(1, 1, 6, 6)
        rolled = convolution(x).roll((2, 3), (2, 3))
        assert torch.allclose(convolution(x.roll((2, 3), (2, 3))), rolled, atol=1e-6)


def test_wide_weights_are_kept_where_they_are_wanted() -> None:
    for keep in (False, True):
        network = Network()
        before = network.linear.weight.data.clone()
        narrow(network, keep_wide=keep)
        now = network.linear.weight.data
        assert torch.equal(unrounded(network.linear, now), before) == keep
        assert torch.equal(widened(network.linear, now), now.to(torch.float32))
        norm = network.norm.weight.data
        assert unrounded(network.norm, norm) is widened(network.norm, norm) is norm


def test_a_narrow_network_is_left_alone() -> None:
    network = Network()
    narrow(network)
    before = network.conv.weight.data_ptr()
    narrow(network)
    assert network.conv.weight.data_ptr() == before
    assert type(network.conv) is Fp8Conv2d
