"""The U-Net's attention computed in fp32, where the user wants it: some fp16 models overflow there.

Knows diffusers' attention modules, not whose they are.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn import functional

from modules.networks.attached import attached, changed_structure


class _Precision:
    """How the attention of one U-Net computes now."""

    wide = False


def compute_in_fp32(unet: UNet2DConditionModel, wanted: bool) -> None:
    """Or in its own precision again. The same again costs nothing."""
    now = attached(unet, _Precision)
    if now.wide == wanted:
        return
    processor: Any = WideAttention() if wanted else AttnProcessor2_0()
    unet.set_attn_processor(processor)
    now.wide = wanted
    changed_structure(unet)


class WideAttention:
    """What diffusers' own does in a transformer block, with its products and sums in fp32; the
    projections before and after stay in the network's precision.
    """

    def __call__(
        self,
        attn: Any,  # an Attention, whose parts may all be missing by their types
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(B, T, width) of hidden_states (B, T, width) and a context (B, S, context width)."""
        assert attention_mask is None and hidden_states.ndim == 3, "no attention of a transformer"
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        given = (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        wide = [each.unflatten(-1, (attn.heads, -1)).transpose(1, 2).float() for each in given]
        with torch.autocast(hidden_states.device.type, enabled=False):
            found = functional.scaled_dot_product_attention(*wide)  # (B, heads, T, width of one)
        joined = found.transpose(1, 2).flatten(2).to(given[0].dtype)
        return attn.to_out[0](joined) / attn.rescale_output_factor
