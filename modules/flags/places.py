"""The flags of set-up and of folders and files."""

from __future__ import annotations

from dataclasses import dataclass

from modules.flags.option import Group, several, switch, value

_NO_EXTENSIONS = "this version has no extensions"
_NO_UPSCALERS = "upscalers that need a model are not built yet, so the folder is not read"
_NO_FACES = "face restoration is not built yet, so nothing is read from there"
_NO_DOWNLOAD = "nothing is ever downloaded unasked, and a built-in checkpoint is always there"


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Launch(Group, title="Set-up and start"):
    f: bool = switch("let root start the program", "root may start the program anyway")
    skip_python_version_check: bool = switch("set up with an untried version of Python too")
    skip_torch_cuda_test: bool = switch(
        "start without a CUDA device", "no test is made; without a CUDA device the CPU computes"
    )
    reinstall_torch: bool = switch("install PyTorch anew at this start")
    reinstall_xformers: bool = switch("install xformers anew", "xformers is not used")
    skip_prepare_environment: bool = switch("check and install nothing at start")
    skip_install: bool = switch("install nothing at start")
    skip_version_check: bool = switch(
        "do not compare versions of packages", "set-up pins all versions; none is compared at start"
    )
    update_check: bool = switch(
        "look for a newer version at start", "no server is asked; use git fetch"
    )
    update_all_extensions: bool = switch("update every extension at start", _NO_EXTENSIONS)
    exit: bool = switch("end after set-up")
    test_server: bool = switch(
        "start for tests of the API", "--api is on; the built-in checkpoint serves for tests"
    )
    log_startup: bool = switch(
        "log how long each part of the start takes", "--loglevel DEBUG logs the start"
    )
    loglevel: str | None = value(
        None,
        "how much is logged",
        choices=("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"),
        parse=str.upper,
    )
    dump_sysinfo: bool = switch(
        "write a report on the system and end", "the report is not built yet; the program starts"
    )
    do_not_download_clip: bool = switch("fetch no text encoder", _NO_DOWNLOAD)
    no_download_sd_model: bool = switch("fetch no checkpoint", _NO_DOWNLOAD)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Places(Group, title="Folders and files"):
    data_dir: str | None = value(
        None,
        "where models, outputs, styles, settings and the queue are kept; by default the program's "
        "own folder",
        is_path=True,
    )
    models_dir: str | None = value(
        None, "where models are kept; by default models in the data folder", is_path=True
    )
    ckpt: str | None = value(
        None, "one more checkpoint, loaded first where the settings name none", is_path=True
    )
    ckpt_dir: str | None = value(None, "one more folder of checkpoints", is_path=True)
    vae_dir: str | None = value(None, "one more folder of VAE files", is_path=True)
    vae_path: str | None = value(
        None, "use this VAE always, whatever the settings say", is_path=True
    )
    config: str | None = value(
        None,
        "model description for a checkpoint of unknown kind",
        is_path=True,
        instead="what a checkpoint is, is read from the checkpoint itself",
    )
    lora_dir: str | None = value(None, "folder of LoRA files; by default models/Lora", is_path=True)
    lyco_dir_backcompat: str | None = value(
        None, "second folder of LoRA files; by default models/LyCORIS", is_path=True
    )
    embeddings_dir: str | None = value(
        None, "folder of textual inversions; by default embeddings in the data folder", is_path=True
    )
    hypernetwork_dir: str | None = value(
        None, "folder of hypernetworks; by default models/hypernetworks", is_path=True
    )
    textual_inversion_templates_dir: str | None = value(
        None,
        "folder of training's prompt templates",
        is_path=True,
        instead="training is not built yet",
    )
    localizations_dir: str | None = value(
        None,
        "folder of translations of the page; by default localizations in the data folder",
        is_path=True,
    )
    gfpgan_dir: str | None = value(None, "folder of GFPGAN", is_path=True, instead=_NO_FACES)
    gfpgan_model: str | None = value(None, "file of GFPGAN", is_path=True, instead=_NO_FACES)
    gfpgan_models_path: str | None = value(
        None, "folder of GFPGAN's models", is_path=True, instead=_NO_FACES
    )
    codeformer_models_path: str | None = value(
        None, "folder of CodeFormer's models", is_path=True, instead=_NO_FACES
    )
    esrgan_models_path: str | None = value(
        None, "folder of ESRGAN models", is_path=True, instead=_NO_UPSCALERS
    )
    bsrgan_models_path: str | None = value(
        None, "folder of BSRGAN models", is_path=True, instead=_NO_UPSCALERS
    )
    realesrgan_models_path: str | None = value(
        None, "folder of Real-ESRGAN models", is_path=True, instead=_NO_UPSCALERS
    )
    dat_models_path: str | None = value(
        None, "folder of DAT models", is_path=True, instead=_NO_UPSCALERS
    )
    ldsr_models_path: str | None = value(
        None, "folder of LDSR models", is_path=True, instead=_NO_UPSCALERS
    )
    scunet_models_path: str | None = value(
        None, "folder of ScuNET models", is_path=True, instead=_NO_UPSCALERS
    )
    swinir_models_path: str | None = value(
        None, "folder of SwinIR models", is_path=True, instead=_NO_UPSCALERS
    )
    clip_models_path: str | None = value(
        None,
        "folder of the interrogator's CLIP models",
        is_path=True,
        instead="interrogation is not built yet",
    )
    styles_file: tuple[str, ...] = several(
        "a file of styles, or a pattern such as styles/*.csv; new styles go to the first",
        is_path=True,
    )
    ui_config_file: str | None = value(
        None, "file of the page's default values; by default ui-config.json", is_path=True
    )
    ui_settings_file: str | None = value(
        None, "file of the settings; by default config.json", is_path=True
    )
