"""Which module of a checkpoint an adapter file's module name means.

Training programs name the same module in many ways: after diffusers' modules or latent diffusion's,
with dots or underscores, with prefixes of their own. Here each module has its two names with
underscores, and prefixes say which network they belong to (A1111 numerics: key -> module). Knows
no file and no tensor's values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from modules.networks import keymaps
from modules.networks.detect import UNET
from modules.networks.spec import TextSpec, UNetSpec

# What may stand before a U-Net module's name. "base_model_model": PEFT's wrapper.
_UNET_PREFIX = re.compile(
    r"(lora_unet|oft_unet|lycoris_unet|lycoris|unet_base_model_model|unet|base_model_model"
    r"|model_diffusion_model|diffusion_model)_"
)
_TEXT_PREFIX = re.compile(r"(lora_te[12]?|text_encoder(?:_2)?)_(base_model_model_)?(text_model_)?")
# Which text encoder; a file that counts none is for a model that has only one.
_ENCODER = {"lora_te1": 0, "lora_te2": 1, "text_encoder": 0, "text_encoder_2": 1}
_ATTENTION = re.compile(r"(.*\.self_attn)\.(q_proj|k_proj|v_proj|out_proj)")


@dataclass(frozen=True, eq=False)
class Target:
    """A module that adapters may change.

    `latent_channels`: of a U-Net's input convolution, how many of its channels are the latent's
    (0: it is another module). `whole`: the attention whose four projections are one in the
    original, so that they are changed together or not at all ("": none such).
    """

    module: nn.Module
    path: str
    is_text: bool
    latent_channels: int = 0
    whole: str = ""


class Names:
    """All targets of a U-Net and its text encoders, found by the names that files give them."""

    def __init__(
        self,
        unet: nn.Module,
        unet_spec: UNetSpec,
        text_encoders: Sequence[nn.Module],
        text_specs: Sequence[TextSpec],
    ) -> None:
        self._unet = dict(_unet_targets(unet, unet_spec))
        self._texts = [
            dict(_text_targets(encoder, spec))
            for encoder, spec in zip(text_encoders, text_specs, strict=True)
        ]

    def find(self, name: str) -> Target | None:
        """The module that a file calls this; None where this checkpoint has none such."""
        name = name.replace(".", "_")
        text = _TEXT_PREFIX.match(name)
        if text:
            index = _ENCODER.get(text[1], 0 if len(self._texts) == 1 else len(self._texts))
            known = self._texts[index] if index < len(self._texts) else {}
            return known.get(name[text.end() :])
        prefix = _UNET_PREFIX.match(name)
        if not prefix:
            return None
        inner = name[prefix.end() :]
        # Files of diffusers before 0.20 leave the output projection's index out.
        return self._unet.get(inner) or self._unet.get(f"{inner}_0")


def _weighted(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module with a weight of its own, by its path."""
    for path, module in network.named_modules():
        if isinstance(getattr(module, "weight", None), nn.Parameter):
            yield path, module


def _unet_targets(unet: nn.Module, spec: UNetSpec) -> Iterator[tuple[str, Target]]:
    modules = dict(_weighted(unet))
    keys: Mapping[str, str] = keymaps.unet_keys([f"{path}.weight" for path in modules], spec)
    for path, module in modules.items():
        latent = spec.out_channels if path == "conv_in" else 0
        target = Target(module, f"unet.{path}", is_text=False, latent_channels=latent)
        original = keys[f"{path}.weight"].removeprefix(UNET).removesuffix(".weight")
        # What SDXL's own modules in diffusers call the vector's embedding.
        published = path.replace("class_embedding", "add_embedding")
        yield published.replace(".", "_"), target
        yield original.replace(".", "_"), target


def _text_targets(encoder: nn.Module, spec: TextSpec) -> Iterator[tuple[str, Target]]:
    for path, module in _weighted(encoder):
        attention = _ATTENTION.fullmatch(path)
        # OpenCLIP keeps q, k and v in one matrix.
        whole = attention[1] if attention and spec.kind == "open_clip" else ""
        name = path.removeprefix("text_model.").replace(".", "_")
        yield name, Target(module, f"text_encoder.{path}", is_text=True, whole=whole)
