"""The flags of the page and of files' names, and those that have had no effect for years."""

from __future__ import annotations

from dataclasses import dataclass

from modules.flags.option import Group, switch, value

_NO_EXTENSIONS = "this version has no extensions"
_OBSOLETE = "it has had no effect for years, in the original too"


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Interface(Group, title="Page, settings and file names"):
    theme: str | None = value(
        None, "colours of the page; by default the browser's wish", choices=("light", "dark")
    )
    hide_ui_dir_config: bool = switch("hide and block all settings that name a folder")
    freeze_settings: bool = switch("let nobody change settings")
    freeze_settings_in_sections: str | None = value(
        None, "let nobody change these sections, such as saving-images,upscaling", metavar="LIST"
    )
    freeze_specific_settings: str | None = value(
        None, "let nobody change these settings, such as samples_save", metavar="LIST"
    )
    use_textbox_seed: bool = switch(
        "seed fields are texts",
        "the number fields take seeds to 9007199254740991, and say so of a longer one",
    )
    allow_code: bool = switch(
        "allow the Custom code script", "this version has no user scripts, so none can run code"
    )
    disable_safe_unpickle: bool = switch(
        "load checkpoints that may run code",
        "refused: no file can run code here; a .ckpt that needs to is turned away",
    )
    no_hashing: bool = switch("compute no hashes of checkpoints")
    no_prompt_history: bool = switch("write no params.txt")
    unix_filenames_sanitization: bool = switch("replace only / in file names")
    filenames_max_length: int = value(128, "longest part of a file's name", parse=int, metavar="N")
    disable_all_extensions: bool = switch("run no extension", _NO_EXTENSIONS)
    disable_extra_extensions: bool = switch("run built-in extensions only", _NO_EXTENSIONS)
    disable_console_progressbars: bool = switch("show no progress bars in the console")
    ui_debug_mode: bool = switch("start without a model", "the page never waits for a model")
    gradio_img2img_tool: str = value(
        "editor",
        "color-sketch: the img2img tab opens on the colour canvas",
        metavar="TOOL",
    )
    gradio_inpaint_tool: str = value(
        "sketch",
        "accepted as it is",
        metavar="TOOL",
        instead="both tools are sub-tabs of img2img: Inpaint and Inpaint sketch",
    )


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Obsolete(Group, title="Accepted for old command lines"):
    max_batch_count: int = value(
        16,
        "most batches of a job",
        parse=int,
        metavar="N",
        instead="a job may have as many batches as it asks for",
    )
    administrator: bool = switch("run as administrator", _OBSOLETE)
    no_progressbar_hiding: bool = switch("show the progress bar always", _OBSOLETE)
    show_negative_prompt: bool = switch("show the negative prompt", "it is always shown")
    deepdanbooru: bool = switch("use deepdanbooru", "interrogation is not built yet")
    always_batch_cond_uncond: bool = switch(
        "compute prompt and negative prompt in one batch", "they are whenever they fit together"
    )
    unload_gfpgan: bool = switch("take GFPGAN off the device", "face restoration is not built yet")
    ngrok_region: str = value("", "ngrok's region", metavar="NAME", instead=_OBSOLETE)
    gradio_queue: bool = switch("use Gradio's queue", "jobs always wait in the program's own queue")
    add_stop_route: bool = switch("let clients stop the server", _OBSOLETE)
    enable_console_prompts: bool = switch(
        "log the prompts of every job", "use the setting of that name"
    )
