"""Where things lie, from the flags alone. Only the patterns of --styles-file look at the disk."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from modules.flags.record import Flags

PROGRAM_DIR = Path(__file__).resolve().parent.parent.parent
BUILTIN_CHECKPOINT = "easel-builtin.safetensors"
STYLES_FILE = "styles.csv"


@dataclass(frozen=True, kw_only=True)
class Paths:
    """All absolute; none need be there. In a tuple, the first is where new files go."""

    program_dir: Path
    data_dir: Path
    models_dir: Path
    checkpoint_dirs: tuple[Path, ...]
    builtin_checkpoint: Path
    single_checkpoint: Path | None
    single_vae: Path | None
    vae_dirs: tuple[Path, ...]
    lora_dirs: tuple[Path, ...]
    embeddings_dir: Path
    hypernetwork_dir: Path
    styles_files: tuple[Path, ...]
    settings_file: Path
    ui_config_file: Path
    localization_dirs: tuple[Path, ...]
    easel_dir: Path
    configs_dir: Path


def paths_of(flags: Flags, *, program_dir: Path = PROGRAM_DIR) -> Paths:
    """The folders and files that these flags mean."""
    data = _path(flags.data_dir) or program_dir
    models = _path(flags.models_dir) or data / "models"
    return Paths(
        program_dir=program_dir,
        data_dir=data,
        models_dir=models,
        checkpoint_dirs=_known(models / "Stable-diffusion", _path(flags.ckpt_dir)),
        builtin_checkpoint=program_dir / "models" / "Stable-diffusion" / BUILTIN_CHECKPOINT,
        single_checkpoint=_path(flags.ckpt),
        single_vae=_path(flags.vae_path),
        vae_dirs=_known(models / "VAE", _path(flags.vae_dir)),
        lora_dirs=_known(
            _path(flags.lora_dir) or models / "Lora",
            _path(flags.lyco_dir_backcompat) or models / "LyCORIS",
        ),
        embeddings_dir=_path(flags.embeddings_dir) or data / "embeddings",
        hypernetwork_dir=_path(flags.hypernetwork_dir) or models / "hypernetworks",
        styles_files=_styles(flags.styles_file, data),
        settings_file=_path(flags.ui_settings_file) or data / "config.json",
        ui_config_file=_path(flags.ui_config_file) or data / "ui-config.json",
        localization_dirs=_known(
            program_dir / "localizations",
            _path(flags.localizations_dir) or data / "localizations",
        ),
        easel_dir=data / "easel",
        configs_dir=program_dir / "configs",
    )


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _known(*folders: Path | None) -> tuple[Path, ...]:
    """Those that are given, each once."""
    return tuple(dict.fromkeys(folder for folder in folders if folder is not None))


def _styles(patterns: tuple[str, ...], data: Path) -> tuple[Path, ...]:
    """The files that the patterns name; one without a wildcard counts even while it is not
    there.
    """
    found: list[Path] = []
    for pattern in patterns:
        if glob.has_magic(pattern):
            found += map(Path, sorted(glob.glob(pattern)))
        else:
            found.append(Path(pattern))
    return tuple(dict.fromkeys(found)) or (data / STYLES_FILE,)
