"""Settings that the original does not have: limits of the queue and of what a request may send, and
two choices.
"""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option


@dataclass(frozen=True)
class Easel(Section, id="easel", title="Easel", category="Easel"):
    easel_max_queue: int = option(
        1000, "Most jobs that may wait in the queue", low=1, high=100_000, restrict_api=True
    )
    easel_max_pixels: int = option(
        64_000_000,
        "Largest picture that a request may send, in pixels",
        low=4096,
        high=1_000_000_000,
        restrict_api=True,
    )
    easel_max_batch_pixels: int = option(
        34_000_000,
        "Largest batch that a request may ask for, in pixels of all its pictures",
        "Width x height x batch size; eight pictures of 2048x2048 fit.",
        low=4096,
        high=10_000_000_000,
        restrict_api=True,
    )
    easel_max_request_mb: int = option(
        64, "Largest request body, in MB", low=1, high=4096, restrict_api=True
    )
    easel_keep_jobs_days: int = option(
        30,
        "Days that a finished job is remembered",
        "Pictures are never deleted.",
        low=0,
        high=3650,
    )
    easel_keep_deleted_days: int = option(
        30,
        "Days that a deleted picture can be put back",
        "It lies under easel/deleted so long. 0: it is gone at once.",
        low=0,
        high=3650,
    )
    easel_keep_jobs: int = option(
        2000, "Most finished jobs that are remembered", low=0, high=1_000_000
    )
    easel_checkpoints_memory_gb: float = option(
        -1.0,
        "Memory for checkpoints beyond the number kept loaded, in GB",
        "So that switching back takes no time; the one unused longest leaves first. 0: none. -1: "
        "as much as is free, a quarter of the machine's memory being left to others.",
        low=-1.0,
        high=1024.0,
    )
    easel_portable_gpu_noise: bool = option(
        True,
        "Without an NVIDIA card, draw GPU noise as such a card would",
        "So pictures that were made on a card come out the same. Off: draw it as CPU noise.",
    )
    easel_restart_on_ctrl_enter: bool = option(
        True,
        "Ctrl+Enter while a job of the same tab runs interrupts it and starts again",
        "As in the original. Off: it queues one more job, as the button does.",
    )
    easel_theme: str = option(
        "System",
        "Colours of the page",
        "Where nobody chose others in the browser. --theme counts over it.",
        choices=("System", "Light", "Dark"),
        reload=True,
    )
    easel_extra_models_dirs: tuple[str, ...] = option(
        (),
        "Folders of models of other programs, read in place",
        "Chosen under Add models.",
        hidden_dir=True,
        restrict_api=True,
        hidden=True,
    )
