"""A virtual environment for tools that the program's own shall not have, made once per machine.

Needs the package index; where that is not reached, the tests that want a tool are skipped.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TOOLS = ("schemathesis==4.32.5", "openapi-python-client==0.29.1", "ruff==0.17.5")


def tool_folder() -> Path:
    """The folder of the tools' commands."""
    key = hashlib.sha256(f"{sys.version}{TOOLS}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"easel-test-tools-{key}"
    done = folder / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", *TOOLS]
        made = subprocess.run(pip, capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"the tools can't be installed: {made.stderr.strip()[-200:]}")
        done.touch()
    return folder / "bin"
