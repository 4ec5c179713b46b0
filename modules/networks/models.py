"""Loads checkpoints and keeps the last used ones, so that switching back costs nothing.

Used by one thread. Knows paths, not names: which file a request means is decided elsewhere.
"""

from __future__ import annotations

import gc
import logging
import re
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from modules.diffusion.noise_schedule import alphas_cumprod, zero_terminal_snr
from modules.errors import CheckpointError, FlagsError, OutOfMemoryError
from modules.networks import build
from modules.networks.folder import open_folder
from modules.networks.model import Model, PrecisionPolicy, predicts_v
from modules.networks.sidecar import sidecar_path
from modules.networks.sources import Part, Source, open_file, open_vae
from modules.networks.spec import Spec
from modules.networks.vae import Rescues, Vae

log = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]  # name, size, mtime of each file


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1", "1", "mps"), or the best one there is.

    FlagsError where the machine has no such device.
    """
    if name in (None, "", "auto"):
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    assert name is not None
    text = f"cuda:{name}" if name.isdecimal() else name
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", text):
        raise FlagsError(f"device {name!r} is unknown; use cpu, mps, cuda or a GPU's number")
    device = torch.device(text)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise FlagsError(f"device {name!r} is not here: {torch.cuda.device_count()} GPUs are found")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise FlagsError("device 'mps' is not here; use cpu")
    return torch.device("cuda:0") if text == "cuda" else device


class Models:
    """The checkpoints of one device. `keep` is how many stay loaded, the oldest leaving first.

    `vae_rescues`: the precisions that the VAE of each one got from now on may go to.
    """

    def __init__(
        self,
        device: str | torch.device | None = None,
        policy: PrecisionPolicy | None = None,
        *,
        keep: int = 1,
    ) -> None:
        self.device = device if isinstance(device, torch.device) else choose_device(device)
        self.policy = policy or PrecisionPolicy()
        self.keep = keep
        self.vae_rescues: Rescues = (torch.float32,)
        self._loaded: OrderedDict[Path, tuple[Signature, Model]] = OrderedDict()
        if self.device.type == "cuda":  # as the original does (A1111 numerics: precision policy)
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True

    @property
    def loaded(self) -> Model | None:
        """The checkpoint used last."""
        return next(reversed(self._loaded.values()))[1] if self._loaded else None

    def get(self, checkpoint: Path, vae: Path | None = None) -> Model:
        """The checkpoint with that VAE (None: its own), loaded unless it already is.

        CheckpointError and NotBuiltError leave the loaded checkpoints as they were, unless the
        file breaks while its tensors are read; they can be got again in any case.
        """
        signature = _pair_signature(checkpoint, vae)
        known = self._loaded.get(checkpoint)
        if known is not None and known[0] == signature:
            self._loaded.move_to_end(checkpoint)
            known[1].vae_rescues = self.vae_rescues
            return known[1]
        begun = time.perf_counter()
        try:
            model = self._load(checkpoint, vae, known)
        except (torch.OutOfMemoryError, MemoryError) as error:
            self._free()
            raise OutOfMemoryError(
                f"{checkpoint.name} does not fit into the memory of {self.device}; close other"
                " programs or choose a smaller checkpoint"
            ) from error
        self._loaded[checkpoint] = (signature, model)
        self._loaded.move_to_end(checkpoint)
        log.info("Loaded %s in %.1f s", checkpoint.name, time.perf_counter() - begun)
        return model

    def has(self, checkpoint: Path, vae: Path | None = None) -> bool:
        """Whether getting it takes no time. CheckpointError where a file can't be read."""
        known = self._loaded.get(checkpoint)
        return known is not None and known[0] == _pair_signature(checkpoint, vae)

    def look(self, checkpoint: Path, vae: Path | None = None) -> tuple[Spec, Tensor]:
        """Spec and noise schedule (1000,) of a checkpoint that need not be loaded for it.

        CheckpointError and NotBuiltError as in `get`; what only a loaded one tells, as the
        prediction of some SD 2, may still be another in the spec of the model.
        """
        known = self._loaded.get(checkpoint)
        if known is not None and known[0] == _pair_signature(checkpoint, vae):
            return known[1].spec, known[1].alphas_cumprod
        source = _open(checkpoint, vae)
        return source.spec, _schedule(source)

    def unload(self) -> None:
        """Forget every checkpoint and give its memory back."""
        self._loaded.clear()
        self._free()

    def _load(
        self, checkpoint: Path, vae: Path | None, known: tuple[Signature, Model] | None
    ) -> Model:
        source = _open(checkpoint, vae)
        spec = source.spec
        unchanged = known is not None and known[0][: len(_signature(checkpoint))] == _signature(
            checkpoint
        )
        if known is not None and unchanged:  # only the VAE differs
            unet, text_encoders = known[1].unet, known[1].text_encoders
            spec = replace(spec, prediction=known[1].spec.prediction)
        else:
            self._make_room(checkpoint)
            unet = build.empty_unet(spec.unet)
            self._fill(unet, source.unet)
            if source.probes_v and predicts_v(unet):
                spec = replace(spec, prediction="v")
            text_encoders = tuple(build.empty_text_encoder(text) for text in spec.texts)
            for encoder, part in zip(text_encoders, source.texts, strict=True):
                self._fill(encoder, part)
        return Model(
            path=checkpoint,
            vae_path=vae,
            spec=spec,
            unet=unet,
            text_encoders=text_encoders,
            vae=self._vae(source),
            alphas_cumprod=_schedule(source),
            policy=self.policy,
        )

    def _vae(self, source: Source) -> Vae:
        module = build.empty_vae(source.spec.vae)
        dtype = self.policy.vae_dtype(self.device)
        build.fill(
            module,
            source.vae.state,
            source.vae.keys(build.parameter_shapes(module)),
            dtype=dtype,
            device=self.device,
        )
        return Vae(module, source.spec.latent_scale, rescues=self.vae_rescues)

    def _fill(self, module: nn.Module, part: Part) -> None:
        keys = part.keys(build.parameter_shapes(module))
        dtype = self.policy.network_dtype(self.device)
        build.fill(module, part.state, keys, dtype=dtype, device=self.device)

    def _make_room(self, coming: Path) -> None:
        before = len(self._loaded)
        self._loaded.pop(coming, None)  # a changed file's old contents
        while len(self._loaded) >= max(1, self.keep):
            self._loaded.popitem(last=False)
        if len(self._loaded) < before:
            self._free()

    def _free(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _open(checkpoint: Path, vae: Path | None) -> Source:
    chosen = open_vae(vae) if vae else None
    opener = open_folder if checkpoint.is_dir() else open_file
    return opener(checkpoint, chosen)


def _schedule(source: Source) -> Tensor:
    """Alpha-bar, (1000,) fp32, bent for a checkpoint that was trained for pure noise at its end."""
    alphas = alphas_cumprod() if source.alphas_cumprod is None else source.alphas_cumprod
    return zero_terminal_snr(alphas) if source.spec.zero_snr else alphas


def _pair_signature(checkpoint: Path, vae: Path | None) -> Signature:
    return _signature(checkpoint) + (_signature(vae) if vae else ())


def _signature(path: Path) -> Signature:
    """Changes whenever the file, its yaml file, or a file of the folder does."""
    if path.is_dir():
        files = sorted(path.rglob("*"))
    else:
        files = [path, *filter(Path.is_file, [sidecar_path(path)])]
    try:
        stats = [(str(file), file.stat()) for file in files]
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
