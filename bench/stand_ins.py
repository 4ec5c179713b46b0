"""Networks that compute nothing, and the two roads to a picture around them: Easel's worker and
diffusers' pipeline.

Both share one tiny checkpoint whose modules keep their shapes and dtypes, so that what is measured
is what each road does besides computing. It knows no figures.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from modules.generation.request import Request
from modules.jobs import messages
from modules.jobs.channel import Channel
from modules.jobs.loop import JobControl
from modules.jobs.worker.maker import PictureMaker
from modules.networks.model import Model
from modules.settings import Settings

PROMPTS: dict[str, Any] = {
    "prompt": "a red barn on a green hill",
    "negative_prompt": "blurry, low quality",
}
_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def put_in(model: Model) -> None:
    """The model's U-Net answers with its input, its VAE with the same picture again and again."""
    pictures: dict[tuple[int, ...], Tensor] = {}
    latents: dict[tuple[int, ...], Any] = {}
    vae: Any = model.vae
    encode = vae.encode

    def decode(latent: Tensor, return_dict: bool = False, **unread: Any) -> tuple[Tensor]:
        rows, _, height, width = latent.shape
        shape = (rows, 3, height * 8, width * 8)
        if shape not in pictures:
            generator = torch.Generator().manual_seed(0)
            small = torch.rand((rows, 3, height, width), generator=generator) * 2 - 1
            pictures[shape] = torch.nn.functional.interpolate(small, scale_factor=8.0)
        return (pictures[shape],)

    def encoded(pixels: Tensor, return_dict: bool = False) -> Any:
        if pixels.shape not in latents:
            latents[pixels.shape] = encode(pixels, return_dict=return_dict)
        return latents[pixels.shape]

    unet: Any = model.unet
    unet.forward = lambda x, *_, **__: (x[:, :4],)
    vae.decode, vae.encode = decode, encoded


class Easel:
    """The worker's own maker on a checkpoint in `folder`/models/Stable-diffusion."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        flags = {"data_dir": str(folder), "no_hashing": True}
        self._maker = PictureMaker(messages.Start(flags=flags, device="cpu"))
        self._settings = Settings().with_changes(settings).to_record()
        self._channel = Channel(io.BytesIO(), open(os.devnull, "wb"))
        self._pictures: Mapping[str, bytes] = {}

    @property
    def model(self) -> Model:
        found = self._maker._models.loaded
        assert found is not None, "no picture was made yet"
        return found

    def give(self, pictures: Mapping[str, bytes]) -> None:
        """Start pictures by sha256."""
        self._pictures = pictures

    def make(self, request: Request) -> list[bytes]:
        """The files of one whole job."""
        run = messages.Run(
            job="bench",
            kind="txt2img",
            request=request.to_record(),
            settings=self._settings,
            indexes=tuple(range(request.image_count)),
        )
        control = JobControl(run, self._channel)
        made = self._maker.make(run, control, self._pictures.__getitem__)
        return [each.blob for each in made if isinstance(each, messages.Artifact)]


def pipeline(model: Model, scheduler: str, **options: Any) -> Callable[..., list[Image.Image]]:
    """diffusers' pipeline around the model's own modules, at its best: the prompts are encoded
    before, and no progress bar is drawn. make(steps=, size=(w, h), cfg_scale=, images=).
    """
    # Takes seconds: it is here alone that the whole of it is wanted.
    from diffusers import schedulers
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = StableDiffusionPipeline(
            vae=model.vae,
            text_encoder=model.text_encoders[0],
            tokenizer=None,  # type: ignore[arg-type] - embeddings are given
            unet=model.unet,
            scheduler=getattr(schedulers, scheduler)(steps_offset=1, **_NOISE, **options),
            safety_checker=None,  # type: ignore[arg-type] - optional
            feature_extractor=None,  # type: ignore[arg-type] - optional
            requires_safety_checker=False,
        )
    made.set_progress_bar_config(disable=True)
    width = model.text_encoders[0].config.hidden_size
    texts = torch.randn(2, 1, 77, width, generator=torch.Generator().manual_seed(1))

    def make(
        *, steps: int, size: tuple[int, int], cfg_scale: float = 7.0, images: int = 1
    ) -> list[Image.Image]:
        answer: Any = made(
            prompt_embeds=texts[0],
            negative_prompt_embeds=texts[1],
            num_inference_steps=steps,
            guidance_scale=cfg_scale,
            width=size[0],
            height=size[1],
            num_images_per_prompt=images,
            generator=[torch.Generator().manual_seed(seed) for seed in range(images)],
        )
        return answer.images

    return make


def png(image: Image.Image) -> bytes:
    """As Easel writes it."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
