"""Shows a folder in the file manager of the desktop that this machine has.

Knows no pictures; the command comes from the flags, which know the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

from modules.errors import StorageError


def show_folder(command: str, folder: Path) -> None:
    """`command` such as "xdg-open". StorageError where it is not there or there is no folder."""
    found = shutil.which(command) if command else None
    if found is None:
        raise StorageError("this machine has no desktop that could show a folder")
    if not folder.is_dir():
        raise StorageError(f"the folder {folder} is not there any more")
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [found, str(folder.absolute())],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
    except OSError as error:
        raise StorageError(f"{command} can't be started: {error.strerror}") from error
    # Somebody has to take its end, whenever that is.
    threading.Thread(target=process.wait, daemon=True).start()
