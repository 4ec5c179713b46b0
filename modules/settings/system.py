"""Settings of the program on its machine, and of what its API may fetch."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "System"


@dataclass(frozen=True)
class System(Section, id="system", title="System", category=CATEGORY):
    auto_launch_browser: str = option(
        "Local",
        "Open the browser at start",
        "Local: only when the page is served to this machine alone. Where a terminal started it "
        "and there is a desktop; --autolaunch always does.",
        choices=("Disable", "Local", "Remote"),
    )
    enable_console_prompts: bool = option(False, "Log the prompts of every job")
    samples_log_stdout: bool = option(False, "Log the infotext of every picture")
    multiple_tqdm: bool = option(True, "Show jobs' progress in the console")
    list_hidden_files: bool = option(
        True, "List models in directories whose name begins with a dot"
    )
    disable_mmap_load_safetensors: bool = option(
        False,
        "Read .safetensors files instead of mapping them into memory",
        "Faster on network drives.",
    )
    dump_stacks_on_signal: bool = option(False, "Log where every thread is before the program ends")


@dataclass(frozen=True)
class Api(Section, id="API", title="API", category=CATEGORY):
    api_enable_requests: bool = option(
        False,
        "Allow http:// and https:// addresses as pictures in API requests",
        "Off where the original has it on: it makes the server fetch what a stranger names.",
        restrict_api=True,
    )
    api_forbid_local_requests: bool = option(
        True, "Refuse addresses of local machines there", restrict_api=True
    )
    api_useragent: str = option("", "User agent for fetching them", restrict_api=True)
