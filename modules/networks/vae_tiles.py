"""Decoding a large latent piece by piece, when the whole does not fit into memory.

Only the part of the decoder that makes the picture large is cut up: layer by layer, with the whole
of each layer kept in the computer's memory and one tile of it on the device. Norms take their
statistics over the whole layer, convolutions see their neighbours across a tile's edge. So the
result is the whole one's but for the rounding of sums: less than a tenth of a level of 255 apart in
fp32. It knows no scale, and no pictures that tile (their convolutions see across the edges).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

TILE = 256  # side of a tile, in cells of the layer that it is cut from
_REACH = 1  # cells that a convolution of three sees on either side


def decode_in_tiles(module: AutoencoderKL, latent: Tensor, *, tile: int = TILE) -> Tensor:
    """Pixels (1, 3, H, W), on the CPU, of an unscaled latent (1, C, h, w) in the module's dtype."""
    decoder: Any = module.decoder
    if module.post_quant_conv is not None:
        latent = module.post_quant_conv(latent)
    layer = _Layers(latent.device, tile)
    hidden = decoder.mid_block(decoder.conv_in(latent), None).cpu()
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            hidden = layer.resnet(hidden, resnet)
        for upsampler in block.upsamplers or ():
            hidden = layer.convolved(hidden, _Doubled(upsampler.conv), scale=2)
    return layer.convolved(hidden, decoder.conv_out, norm=decoder.conv_norm_out)


class _Doubled(nn.Module):
    """Twice the size, then a convolution."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, values: Tensor) -> Tensor:
        return self.convolution(functional.interpolate(values, scale_factor=2.0, mode="nearest"))


class _Layers:
    """Layers computed on `device` a tile at a time; what goes in and comes out lies on the CPU."""

    def __init__(self, device: torch.device, tile: int) -> None:
        self._device = device
        self._tile = tile

    def resnet(self, values: Tensor, block: Any) -> Tensor:
        hidden = self.convolved(values, block.conv1, norm=block.norm1)
        hidden = self.convolved(hidden, block.conv2, norm=block.norm2)
        if block.conv_shortcut is not None:
            values = self.convolved(values, block.conv_shortcut)
        return hidden.add_(values).div_(block.output_scale_factor)

    def convolved(
        self, values: Tensor, layer: nn.Module, *, norm: nn.GroupNorm | None = None, scale: int = 1
    ) -> Tensor:
        """`layer`, which may enlarge by `scale`, of `values` (1, C, H, W), normed and through SiLU
        before it where `norm` is given.
        """
        prepare = self._normed(values, norm) if norm is not None else _as_it_is
        height, width = values.shape[-2:]
        result: Tensor | None = None
        for top, left in self._corners(height, width):
            bottom, right = min(top + self._tile, height), min(left + self._tile, width)
            above, before = min(top, _REACH), min(left, _REACH)
            window = values[..., top - above : bottom + _REACH, left - before : right + _REACH]
            made = layer(prepare(window.to(self._device)))
            made = made[
                ...,
                above * scale : (above + bottom - top) * scale,
                before * scale : (before + right - left) * scale,
            ]
            if result is None:
                size = (1, made.shape[1], height * scale, width * scale)
                result = torch.empty(size, dtype=values.dtype)
            result[..., top * scale : bottom * scale, left * scale : right * scale] = made.cpu()
        assert result is not None
        return result

    def _corners(self, height: int, width: int) -> Iterator[tuple[int, int]]:
        for top in range(0, height, self._tile):
            for left in range(0, width, self._tile):
                yield top, left

    def _normed(self, values: Tensor, norm: nn.GroupNorm) -> Callable[[Tensor], Tensor]:
        """The norm and SiLU of any window of `values`, by statistics of the whole."""
        grouped = values.reshape(norm.num_groups, -1)
        # In double, a group at a time: a sum of millions of numbers in fp16 would be nothing.
        means = torch.stack([row.double().mean() for row in grouped])
        spreads = [row.double().var(correction=0) for row in grouped]
        scale = (torch.stack(spreads) + norm.eps).rsqrt()
        each = values.shape[1] // norm.num_groups
        scale, means = scale.repeat_interleave(each), means.repeat_interleave(each)
        if norm.affine:
            scale = scale * norm.weight.double().cpu()
        shift = -means * scale
        if norm.affine:
            shift = shift + norm.bias.double().cpu()
        factor = scale.float().view(1, -1, 1, 1).to(self._device)
        offset = shift.float().view(1, -1, 1, 1).to(self._device)

        def normed(window: Tensor) -> Tensor:
            return functional.silu((window.float() * factor + offset).to(window.dtype))

        return normed


def _as_it_is(window: Tensor) -> Tensor:
    return window
