"""Takes a finished checkpoint of the built-in kind as the start of a new run.

The 16-bit averages in such a file are all that is needed; no optimiser state is kept in it. Where
the new run's words are others, the U-Net is made to read the new text encoder as it read its own.
"""

import logging
from pathlib import Path
from typing import cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor
from transformers import CLIPTextModel

from modules.training.builtin import world
from modules.training.builtin.export import ldm_state
from modules.training.builtin.networks import (
    VOCABULARY,
    Sizes,
    build_text,
    build_unet,
    build_vae,
)
from modules.training.builtin.text import Reader, Words

log = logging.getLogger(__name__)
RIDGE = 1e-3


class UnfitStart(Exception):
    """A file whose networks have other sizes than the run's."""


def file_sizes(path: Path) -> Sizes:
    """The sizes of the networks in a checkpoint that export.write_checkpoint wrote."""
    with safe_open(path, "pt") as file:
        header = file.metadata()
        shape = {key: file.get_slice(key).get_shape() for key in file.keys()}
    text, unet, vae = "cond_stage_model.transformer.text_model.", "model.diffusion_model.", (
        "first_stage_model."
    )  # fmt: skip
    layers = len({key.split(".")[5] for key in shape if key.startswith(text + "encoder.layers.")})
    levels = [key for key in shape if key.startswith(unet + "input_blocks.")]
    count = 1 + max(int(key.split(".")[3]) for key in levels)  # conv_in, then 2 a level less one
    blocks = [1 + 2 * level for level in range(count // 2)]
    resnet = unet + "input_blocks.{}.0.in_layers.2.weight"
    attention = unet + "input_blocks.{}.1.norm.weight"
    return Sizes(
        resolution=int(header["modelspec.resolution"].split("x")[0]),
        text_width=shape[text + "embeddings.token_embedding.weight"][1],
        text_layers=layers,
        text_heads=int(header["easel.text_heads"]),
        unet_channels=tuple(shape[resnet.format(block)][0] for block in blocks),
        unet_attention=tuple(attention.format(block) in shape for block in blocks),
        unet_heads=int(header["easel.unet_heads"]),
        unet_groups=int(header["easel.unet_norm_groups"]),
        vae_channels=tuple(
            shape[f"{vae}encoder.down.{level}.block.0.conv1.weight"][0] for level in range(4)
        ),
        vae_groups=int(header["easel.vae_norm_groups"]),
    )


def file_world(path: Path) -> str:
    """The name of the world whose words the file's text encoder reads, "1" where it has none."""
    with safe_open(path, "pt") as file:
        return file.metadata().get("easel.world", "1")


def read_checkpoint(
    path: Path,
) -> tuple[Sizes, CLIPTextModel, UNet2DConditionModel, AutoencoderKL]:
    """The networks of a checkpoint that export.write_checkpoint wrote, in 32-bit floats."""
    sizes = file_sizes(path)
    text, unet, vae = build_text(sizes), build_unet(sizes), build_vae(sizes)
    with safe_open(path, "pt") as file, torch.no_grad():
        for name, target in ldm_state(text, unet, vae, sizes).items():
            found = file.get_tensor(name).float()
            assert found.shape == target.shape, (name, found.shape, target.shape)
            target.copy_(found)
    return sizes, text.eval(), unet.eval(), vae.eval()


@torch.no_grad()
def translate_contexts(
    unet: UNet2DConditionModel, old: Tensor, new: Tensor
) -> UNet2DConditionModel:
    """A U-Net that reads `new` context rows (N, width) as this one reads the `old` ones (N, w).

    The rows belong together one by one; what no linear map carries over is lost.
    """
    gram = new.T @ new
    gram.diagonal().add_(RIDGE * float(gram.diagonal().mean()))
    table = torch.linalg.solve(gram, new.T @ old)  # (width, w)
    left = (new @ table - old).square().mean() / old.var()
    log.info("share of the old contexts that the new ones do not carry: %.3f", float(left))
    config = dict(unet.config) | {"cross_attention_dim": new.shape[1]}
    fresh = cast(UNet2DConditionModel, UNet2DConditionModel.from_config(config))
    state = unet.state_dict()
    for name in state:
        if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")):
            state[name] = state[name] @ table.T
    fresh.load_state_dict(state)
    return fresh


class Started:
    """A finished checkpoint as the start of a run with the sizes `wanted`. UnfitStart."""

    def __init__(self, path: Path, wanted: Sizes) -> None:
        self.sizes, self.text, self.unet, self.vae = read_checkpoint(path)
        self.wanted = wanted
        for name in (
            "resolution",
            "unet_channels",
            "unet_attention",
            "unet_groups",
            "vae_channels",
        ):
            found, asked = getattr(self.sizes, name), getattr(wanted, name)
            if found != asked:
                raise UnfitStart(
                    f"{path.name} cannot start this run: its {name} are {found}, the recipe's"
                    f" {asked}; choose another file or a recipe of its sizes"
                )
        text = ("text_width", "text_layers", "text_heads")
        same = all(getattr(self.sizes, name) == getattr(wanted, name) for name in text)
        self.knows_the_words = same and file_world(path) == world.NAME

    def reader(self, words: Words) -> Reader:
        """The file's text encoder over the small table of the world's words."""
        reader = Reader(self.sizes, words.rows)
        state = dict(self.text.state_dict())
        key = next(name for name in state if name.endswith("token_embedding.weight"))
        stranger = next(number for number in range(1, VOCABULARY) if number not in words.ids)
        state[key] = state[key][torch.tensor([stranger, *words.ids])]
        reader.encoder.load_state_dict(state)
        return reader.eval()

    @torch.no_grad()
    def denoiser(self, reader: Reader, words: Words, tokens: Tensor) -> UNet2DConditionModel:
        """The file's U-Net, made to read what `reader` makes of these token rows (N, 77)."""
        if self.knows_the_words:
            return self.unet
        clip_ids = torch.tensor([0, *words.ids])[tokens.long()]
        device = next(reader.parameters()).device
        old = self.text(clip_ids).last_hidden_state.flatten(0, 1)
        new = reader.encoder(input_ids=tokens.long().to(device)).last_hidden_state.flatten(0, 1)
        return translate_contexts(self.unet, old, new.cpu())
