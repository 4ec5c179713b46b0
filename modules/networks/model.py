"""A loaded checkpoint as the engine sees it: text in, noise prediction, pixels out.

Takes and gives fp32 whatever precision the weights have; casts and autocast happen here (A1111
numerics: precision policy). Knows no sampler, no prompt, no request.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from modules.networks import text
from modules.networks.attached import structure
from modules.networks.economy import Storage
from modules.networks.graphs import CudaRecorder, Graphs
from modules.networks.offload import Offload, weights_of
from modules.networks.placement import Placement
from modules.networks.plans import ALL, MemoryPlan, cheaper, working_bytes
from modules.networks.spec import SIZE_WIDTH, Spec
from modules.networks.vae import Rescues, Vae


@dataclass(frozen=True)
class PrecisionPolicy:
    """How many bits the networks compute with, by the user's flags.

    "autocast": fp16 weights, sensitive operations in fp32; "half": everything fp16; "full": fp32.
    Only CUDA devices go below fp32.
    """

    channels_last: bool = False  # how weights and pictures lie in memory
    no_half: bool = False
    no_half_vae: bool = False
    precision: Literal["autocast", "half", "full"] = "autocast"

    def network_dtype(self, device: torch.device) -> torch.dtype:
        """Of U-Net and text encoder."""
        full = self.no_half or self.precision == "full" or device.type != "cuda"
        return torch.float32 if full else torch.float16

    def vae_dtype(self, device: torch.device) -> torch.dtype:
        return torch.float32 if self.no_half_vae else self.network_dtype(device)


class Model:
    """A checkpoint on a device. Latents are fp32 tensors on that device."""

    def __init__(
        self,
        *,
        path: Path,
        vae_path: Path | None,
        spec: Spec,
        unet: UNet2DConditionModel,
        text_encoders: Sequence[CLIPTextModel],
        vae: Vae,
        alphas_cumprod: Tensor,
        policy: PrecisionPolicy,
        placement: Placement,
        offload: Offload,
        storage: Storage = "plain",
    ) -> None:
        self.path = path
        self.vae_path = vae_path
        self.name = path.name if path.is_dir() else path.stem
        self.spec = spec
        self.unet = unet
        self.text_encoders = tuple(text_encoders)
        self.alphas_cumprod = alphas_cumprod  # (1000,) fp32 on the CPU
        self._vae = vae
        self._tiny_encoder: nn.Module | None = None  # TAESD's, while in the VAE's place
        self._tiny_decoder: nn.Module | None = None
        self._tiled = False
        self._policy = policy
        self._placement = placement
        self._offload = offload
        self._vae.begin = _beginning_of_vae(weakref.ref(self))
        self.storage: Storage = storage
        self.dtype = policy.network_dtype(placement.device)  # that U-Net and texts compute in
        self._graphs = self._recorded() if placement.device.type == "cuda" else None
        self._recording = structure(unet)  # what is recorded is of this structure

    @property
    def plan(self) -> MemoryPlan:
        """Which weights lie on the device, and when."""
        return self._offload.plan

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """All that have weights."""
        return (*self.text_encoders, self.unet, self.vae)

    @property
    def weight_bytes(self) -> int:
        """Of all networks, in the precision that they are in."""
        return sum(weight.nbytes for network in self.networks for weight in network.parameters())

    def park(self) -> None:
        """Leave the device for main memory; it computes nothing until it is brought back.

        MemoryError where there is too little: then a part of it has left.
        """
        if self._graphs is not None:
            self._graphs.drop()
        self._offload.go_home()
        if self.plan == ALL:
            for network in self.networks:
                self._placement.park(network)

    def bring(self) -> None:
        """Come back to the device, if it is not there."""
        if self.plan == ALL:
            for network in self.networks:
                self._placement.bring(network)

    @property
    def vae(self) -> AutoencoderKL:
        return self._vae.module

    @property
    def vae_dtype(self) -> torch.dtype:
        return self._vae.dtype

    @property
    def encoder(self) -> nn.Module:
        """What pictures become latents by: the VAE, or TAESD's half in its place."""
        return self.vae if self._tiny_encoder is None else self._tiny_encoder

    @property
    def vae_rescues(self) -> Rescues:
        """Precisions that the VAE may go to where it overflows."""
        return self._vae.rescues

    @vae_rescues.setter
    def vae_rescues(self, rescues: Rescues) -> None:
        self._vae.rescues = rescues

    @property
    def device(self) -> torch.device:
        """That it computes on, wherever its weights lie."""
        return self._placement.device

    @torch.no_grad()
    def predict(
        self,
        x: Tensor,
        t: Tensor,
        *,
        cross_attention: Tensor,
        vector: Tensor | None = None,
        concat: Tensor | None = None,
    ) -> Tensor:
        """The U-Net's raw answer (B, C, h, w) fp32 for x (B, C, h, w) and timesteps t (B,).

        Timesteps may be fractional; they are rounded to the U-Net's precision, as in the original
        since its version 1.10. `cross_attention` is (B, T, width); `vector` (B, V) joins the time
        embedding; `concat` (B, K, h, w) joins x.
        """
        width = self.spec.unet.vector_width
        given = 0 if vector is None else vector.shape[1]
        assert given == width, f"a vector of {given} numbers where {width} are due"
        device, dtype = self.device, self.dtype
        if concat is not None:
            x = torch.cat([x, concat.to(x)], dim=1)
        self._offload.work("unet")
        return self._calls()(
            x.to(device=device, dtype=dtype),
            t.to(device=device, dtype=dtype).expand(len(x)),
            cross_attention.to(device=device, dtype=dtype),
            None if vector is None else vector.to(device=device, dtype=dtype),
        )

    def _calls(self) -> Callable[..., Tensor]:
        """The U-Net's call, or what records and replays it where that is possible now."""
        graphs = self._graphs
        if graphs is None or self._tiled or self.plan != ALL:
            return self._run
        if structure(self.unet) != self._recording:
            graphs.drop()
            self._recording = structure(self.unet)
        return graphs

    def _run(self, x: Tensor, timesteps: Tensor, context: Tensor, vector: Tensor | None) -> Tensor:
        with self._autocast():
            answer = self.unet(
                x,
                timesteps,
                encoder_hidden_states=context,
                class_labels=vector,
                return_dict=False,
            )[0]
        return answer.to(torch.float32)

    def _recorded(self) -> Graphs:
        width, height = self.spec.default_size
        room = working_bytes(
            width=width,
            height=height,
            rows=2,
            channels=self.spec.unet.level_widths[0],
            item_bytes=self.dtype.itemsize,
            vae_factor=self.spec.vae_factor,
        )
        return Graphs(self._run, CudaRecorder(self.device, lambda: room))

    @contextmanager
    def without_graphs(self) -> Iterator[None]:
        """Inside it every call of the U-Net runs by itself."""
        graphs, self._graphs = self._graphs, None
        try:
            yield
        finally:
            self._graphs = graphs

    def relieve(self) -> str | None:
        """Use less of the device's memory from now on. How, in words; None: it can't."""
        if self.device.type == "cpu":
            return None
        graphs, self._graphs = self._graphs, None
        if graphs is not None and graphs.drop():
            return "the U-Net's calls are not recorded any more"
        weights = weights_of(self.text_encoders, self.unet, self.vae)
        plan = cheaper(self.plan, weights)
        if plan is None:
            return None
        self._offload = self._offload.changed(plan)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return plan.words()

    @torch.no_grad()
    def encode_text(
        self,
        chunk_rows: Sequence[Sequence[text.Chunk]],
        *,
        clip_skip: int = 1,
        emphasis: str = "Original",
        clip_l_skip: bool = False,
        vectors: text.Vectors | None = None,
    ) -> text.Encoded:
        """Embeddings of texts that have equally many chunks.

        Emphasis "Original" is computed over the rows of one call: give all variants of one
        prompt's schedule at once, and the negative prompt in a call of its own. Clip skip is for
        SD1, and for SDXL's first encoder if `clip_l_skip`. `vectors` are the embeddings that
        chunks place: by name one (V, width) for each of `text_encoders`.
        """
        encoders = [
            text.Encoder(module, spec)
            for module, spec in zip(self.text_encoders, self.spec.texts, strict=True)
        ]
        self._offload.work("text")
        with self._autocast():
            return text.encode(
                encoders,
                chunk_rows,
                clip_skip=clip_skip,
                emphasis=emphasis,
                clip_l_skip=clip_l_skip,
                vectors=vectors,
            )

    def size_vector(self, numbers: Sequence[float]) -> Tensor:
        """The sinusoidal embeddings of sizes and scores, (256 * len(numbers),) fp32 on the CPU.

        The numbers are rounded to the U-Net's precision, the embeddings are not (A1111 numerics:
        encoding and emphasis).
        """
        half = SIZE_WIDTH // 2
        rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / half)
        rounded = torch.tensor(list(numbers), dtype=self.dtype).to(torch.float32)
        angles = rounded[:, None] * rates
        return torch.cat([angles.cos(), angles.sin()], dim=1).flatten()

    @torch.no_grad()
    def encode_image(
        self, pixels: Tensor, noise: Tensor | None = None, *, exact: bool = False
    ) -> Tensor:
        """Scaled latents (B, C, H // 8, W // 8) fp32 of pixels (B, 3, H, W) in [-1, 1].

        `noise`, of the latents' shape, draws from the posterior; None takes its mean. `exact`: by
        the VAE, whatever is in its place.
        """
        height, width = pixels.shape[2:]
        factor = self.spec.vae_factor
        assert min(height, width) >= factor, pixels.shape
        tiny = self._tiny_encoder
        if tiny is not None and not exact:
            # It would make a cell of what exceeds whole cells too.
            inside = pixels[:, :, : height // factor * factor, : width // factor * factor]
            shares = (inside * 0.5 + 0.5).to(device=self.device, dtype=self.dtype)
            return tiny(shares).to(torch.float32)
        return self._vae.encode(pixels.to(self.device), noise)

    @torch.no_grad()
    def encode_image_mode(self, pixels: Tensor) -> Tensor:
        """The posterior's mode, not scaled, (B, C, H/8, W/8) fp32 of pixels (B, 3, H, W).

        What InstructPix2Pix reads of a picture (A1111 numerics: image conditioning tensor).
        """
        return self._vae.mode(pixels.to(self.device))

    @torch.no_grad()
    def decode(self, latent: Tensor, *, exact: bool = False) -> Tensor:
        """Pixels (B, 3, H, W) fp32, about [-1, 1] and not clamped, of latents (B, C, h, w).

        `exact`: by the VAE, whatever is in its place.
        """
        if self._tiny_decoder is not None and not exact:
            return self.decode_by(self._tiny_decoder, latent)
        return self._vae.decode(latent.to(self.device))

    @torch.no_grad()
    def decode_by(self, tiny: nn.Module, latent: Tensor) -> Tensor:
        """As `decode`, by TAESD's decoder, which gives pixels in [0, 1]."""
        return tiny(latent.to(device=self.device, dtype=self.dtype)).to(torch.float32) * 2 - 1

    @contextmanager
    def approximated(
        self, *, encoder: nn.Module | None, decoder: nn.Module | None
    ) -> Iterator[None]:
        """Inside it TAESD's halves are in the VAE's place; None: the VAE stays."""
        before = self._tiny_encoder, self._tiny_decoder
        self._tiny_encoder, self._tiny_decoder = encoder, decoder
        try:
            yield
        finally:
            self._tiny_encoder, self._tiny_decoder = before

    @contextmanager
    def tiling(self, enabled: bool = True) -> Iterator[None]:
        """Inside it every padded convolution of U-Net and VAE wraps around, so pictures tile."""
        convolutions = [
            module
            for network in (self.unet, self.vae)
            for module in network.modules()
            if enabled and isinstance(module, nn.Conv2d)
        ]
        assert all(module.padding_mode == "zeros" for module in convolutions), "tiling in tiling"
        before, self._tiled = self._tiled, self._tiled or enabled
        try:
            for module in convolutions:
                module.padding_mode = "circular"
            yield
        finally:
            self._tiled = before
            for module in convolutions:
                module.padding_mode = "zeros"

    def _autocast(self) -> AbstractContextManager[object]:
        if self.dtype == torch.float32 or self._policy.precision != "autocast":
            return nullcontext()
        # A cache of cast weights would outlive the call that is being recorded.
        return torch.autocast(self.device.type, dtype=self.dtype, cache_enabled=False)


def _beginning_of_vae(held: weakref.ref[Model]) -> Callable[[], None]:
    """Tells the model's offloading. The VAE must not hold its model: a ring of objects would keep
    the weights of a checkpoint that was dropped."""

    def begin() -> None:
        model = held()
        if model is not None:
            model._offload.work("vae")

    return begin


@torch.no_grad()
def predicts_v(unet: UNet2DConditionModel, dtype: torch.dtype) -> bool:
    """Whether a Stable Diffusion 2 U-Net predicts v: on constant inputs at the last timestep it
    then answers far below them (A1111 numerics 1.2)."""
    half = {"device": unet.device, "dtype": dtype}
    x = torch.full((1, unet.config["in_channels"], 8, 8), 0.5, **half)
    context = torch.full((1, 2, unet.config["cross_attention_dim"]), 0.5, **half)
    t = torch.tensor([999.0], **half)
    answer = unet(x, t, encoder_hidden_states=context, return_dict=False)[0]
    return bool((answer - x).float().mean() < -1)
