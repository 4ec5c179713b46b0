"""The tensors' side of a job: which checkpoint is at work, what each pass begins with, and pictures
from latents.

It runs no step and knows neither who watches nor what becomes of the pictures.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from modules.engine import preview
from modules.engine.approximate import Approximations
from modules.engine.beside import Drawn
from modules.engine.checkpoints import Checkpoint, Turns
from modules.engine.conditioning import Beside, Conditioner, KnownTexts, TextEncoder, Timeline
from modules.engine.enlarge import all_nan, as_latent, check_numbers, enlarge, enlarge_picture
from modules.engine.handover import OnItsWay
from modules.engine.image_conditioning import of_larger, of_start
from modules.engine.networks import JobNetworks
from modules.engine.passes import Beginning, Running
from modules.engine.plan import Plan
from modules.engine.sizes import size_numbers
from modules.engine.start import KnownLatents, Start, encode_picture, prepare
from modules.generation.prompt import Tag
from modules.generation.tokens import Tokenizer
from modules.networks.attached import attached
from modules.networks.attention import compute_in_fp32
from modules.networks.model import Model
from modules.networks.spec import Spec
from modules.pictures import edit
from modules.pictures.metadata import flatten
from modules.settings import Settings


class Making:
    """One plan with the checkpoints that it needs. Its methods are called inside `held`.

    refiner_fields: infotext fields of a refiner that took over in any pass so far.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        turns: Turns,
        tokenizer: Tokenizer,
        networks: JobNetworks,
        approximations: Approximations,
    ) -> None:
        self.refiner_fields: Mapping[str, Any] = {}
        self._networks = networks
        self._approximations = approximations
        self._plan = plan
        self._settings = settings
        self._turns = turns
        self._tokenizer = tokenizer
        # Of the checkpoint at work, each with the networks that are on it.
        self._encoders: list[tuple[Sequence[Tag], TextEncoder]] = []
        self._seen: dict[int, Tensor] = {}  # by the checkpoint at work, of each place's picture
        self._patches = contextlib.ExitStack()  # of the checkpoint at work, while held
        self._start: Start | None = None
        self._first_picture: Image.Image | Tensor | None = None

    @property
    def spec(self) -> Spec:
        """Of the checkpoint at work."""
        return self._turns.model.spec

    @property
    def start_fields(self) -> Mapping[str, Any]:
        """Infotext fields that img2img's start caused."""
        return self._start.fields if self._start else {}

    def prepare(self, open_picture: Callable[[str, str], Image.Image]) -> None:
        """Once, before the first batch. `open_picture(sha256, field)` or ImageError."""
        plan, settings = self._plan, self._settings
        if plan.init is not None:
            self._start = prepare(plan.init, plan, settings, self._turns.model, open_picture)
        elif plan.first_picture is not None and plan.enlarging is not None:
            image = open_picture(plan.first_picture, "firstpass_image")
            image = flatten(image, settings.img2img.img2img_background_color)
            self._first_picture = image
            if plan.enlarging.in_latent_space:
                self._first_picture = encode_picture(image, self._turns.model, again=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What holds while tensors are made. Never around a yield: it would reach the caller."""
        with torch.inference_mode(), contextlib.ExitStack() as self._patches:
            self._patch()
            yield

    def _patch(self) -> None:
        model = self._turns.model
        compute_in_fp32(model.unet, self._settings.sd.upcast_attn)
        self._patches.enter_context(self._approximations.instead_of_vae(model))
        if self._plan.tiling:
            self._patches.enter_context(model.tiling())

    def _put_to_work(self, checkpoint: Checkpoint | None) -> None:
        """Begin that checkpoint's turn (None: the job's own); nothing here holds the last one."""
        if self._turns.is_at_work(checkpoint):
            return
        self._encoders.clear()
        self._seen.clear()
        self._patches.close()
        self._turns.use(checkpoint)
        self._patch()

    def running(self, number: int, batch: list[int], latent: Tensor | None) -> Running:
        """The pass of that number, ready to walk; `latent` is what the one before it made."""
        plan, settings = self._plan, self._settings
        step = plan.passes[number]
        larger = self._larger(batch, latent) if number else None
        self._put_to_work(step.checkpoint)
        begin = self._first_begin(batch) if larger is None else self._second_begin(batch, larger)
        return Running(
            step,
            plan,
            self._turns.model,
            batch,
            self._conditioner(number, batch, self._concat(number, batch, larger)),
            begin=begin,
            quantize=settings.sd.enable_quantization,
            sgm_multiplier=settings.sampler_params.sgm_noise_multiplier,
            joined=settings.optimizations.batch_cond_uncond,
            refine=lambda: self._refine(number, batch, larger),
        )

    def _conditioner(
        self, number: int, batch: list[int], concat: Tensor | None, *, refines: bool = False
    ) -> Conditioner:
        """Of the checkpoint at work, with the pass's networks on it."""
        step, model = self._plan.passes[number], self._turns.model
        own = encoding = step.texts.tags
        told_size = step.told_size
        if number and self._settings.compatibility.hires_fix_use_firstpass_conds:
            encoding = self._plan.passes[0].texts.tags
            told_size = self._plan.passes[0].told_size
        encoder = self._encoder(encoding, refines)
        numbers = size_numbers(model.spec, told_size, self._settings)
        sizes = numbers and (model.size_vector(numbers[0]), model.size_vector(numbers[1]))
        timeline = Timeline(
            self._plan.passes[0].walk.prompt_steps,
            step.hires_steps,
            old=self._settings.compatibility.use_old_scheduling,
        )
        beside = Beside(sizes=sizes, concat=concat)
        made = Conditioner(step.texts, encoder, timeline, self._settings, len(batch), beside)
        if encoding != own:
            self._encoder(own, refines)  # the U-Net is to have the pass's own networks
        return made

    def _encoder(self, tags: Sequence[Tag], refines: bool) -> TextEncoder:
        model = self._turns.model
        with torch.inference_mode(False):  # the weights are to stay changeable
            embeddings = self._networks.put_on(model, tags, refines=refines)
        for known, encoder in self._encoders:
            if known == tags:
                return encoder
        encoder = TextEncoder(model, self._tokenizer, self._settings, embeddings)
        self._encoders.append((tags, encoder))
        return encoder

    def _refine(
        self, number: int, batch: list[int], larger: Tensor | list[Image.Image] | None
    ) -> tuple[Model, Conditioner]:
        refiner = self._plan.passes[number].refiner
        assert refiner is not None
        self._put_to_work(refiner.checkpoint)
        self.refiner_fields = refiner.fields
        concat = self._concat(number, batch, larger)
        return self._turns.model, self._conditioner(number, batch, concat, refines=True)

    def _concat(
        self, number: int, batch: list[int], larger: Tensor | list[Image.Image] | None
    ) -> Tensor | None:
        """What the checkpoint at work sees of pictures, (B, K, h, w); None for ordinary ones."""
        model, step = self._turns.model, self._plan.passes[number]
        if model.spec.image_inputs == "none":
            return None
        factor = model.spec.vae_factor
        size = (step.height // factor, step.width // factor)
        weight = self._settings.img2img.inpainting_mask_weight
        if larger is not None and self._plan.enlarging is not None:
            return of_larger(model, larger, self._plan.enlarging, size, weight)
        places = [index % self._plan.batch_size for index in batch]
        for place in set(places) - self._seen.keys():
            self._seen[place] = of_start(model, self._start, place, size, weight)
        return torch.cat([self._seen[place] for place in places])

    def _first_begin(self, batch: list[int]) -> Beginning | None:
        start = self._start
        if start is None:
            return None
        latents = start.latents(batch)
        return Beginning(latents, start.mask(latents), dtype=self._turns.model.vae_dtype)

    def _larger(self, batch: list[int], latent: Tensor | None) -> Tensor | list[Image.Image]:
        """What the second pass will start from, made by the checkpoint that is still at work."""
        enlarging, first = self._plan.enlarging, self._first_picture
        assert enlarging is not None
        if isinstance(first, Image.Image):
            return [enlarge_picture(first, enlarging)] * len(batch)
        if first is not None:
            latent = first.expand(len(batch), -1, -1, -1)
        assert latent is not None
        return enlarge(latent, enlarging, self._turns.model)

    def _second_begin(self, batch: list[int], larger: Tensor | list[Image.Image]) -> Beginning:
        enlarging, model = self._plan.enlarging, self._turns.model
        assert enlarging is not None
        seeds = [self._plan.seeds[index] for index in batch]
        dtype = torch.float32 if enlarging.in_latent_space else model.vae_dtype
        return Beginning(as_latent(larger, enlarging, model, seeds), dtype=dtype)

    def relieve(self) -> str | None:
        """Have the checkpoint at work use less memory; how, in words, None where it can't."""
        model = self._turns.model
        self._encoders.clear()
        attached(model.text_encoders[0], KnownTexts).clear()
        attached(model.encoder, KnownLatents).clear()
        return model.relieve()

    def preview(self, denoised: Tensor) -> Callable[[], tuple[bytes, str]]:
        """What gives the bytes and the MIME type of latents (B, C, h, w) on their way, as the
        settings want them seen; it may be called by another thread.
        """
        decode = self._approximations.preview_decoder(self._turns.model)
        wish = self._settings.live_previews
        grid, kind = wish.show_progress_grid, wish.live_previews_image_format
        colours = OnItsWay(preview.colours(denoised, self.spec, grid=grid, decode=decode))
        return lambda: preview.encoded(colours.take(), kind)

    def _cut_short(self, latent: Tensor) -> Tensor:
        """Pixels of a picture that was interrupted."""
        model = self._turns.model
        if not self._settings.live_previews.live_preview_fast_interrupt:
            return model.decode(latent)
        decode = self._approximations.preview_decoder(model)
        return preview.glimpse(latent, self.spec, decode).to(latent)

    def drawn(self, index: int, latent: Tensor, *, complete: bool = True) -> Callable[[], Drawn]:
        """What gives the picture of latent (1, C, h, w), in the start picture's colours and under
        its overlay where these are wanted; it may be called by another thread. One that is not
        `complete` is drawn as a preview where the setting wants that. EaselError, there,
        where nothing but not-a-number came out.
        """
        model = self._turns.model
        pixels = model.decode(latent) if complete else self._cut_short(latent)
        faults = [all_nan(latent), all_nan(pixels)]
        drawn = OnItsWay([edit.eight_bits(pixels[0]), *faults])
        slot = self._start.slot(index) if self._start else None
        colours = slot.colours if slot else None
        start = self._start
        overlay = start.overlay(index, latent) if start else None
        name, dtype = model.name, model.dtype

        def finished() -> Drawn:
            planes, latent_is_nan, pixels_are_nan = drawn.take()
            check_numbers(latent_is_nan, pixels_are_nan, name, dtype)
            raw = edit.from_planes(planes)
            matched = raw if colours is None else edit.match_colours(raw, colours)
            if overlay is not None:
                image = overlay.apply(matched)
                return Drawn(image, raw, matched, overlay, partial(overlay.mask, matched))
            return Drawn(matched, raw, matched, mask=start.seen_mask(matched) if start else None)

        return finished
