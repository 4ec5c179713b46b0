"""The Colab notebook: well-formed, and its cells do what they say, with Colab itself played.

The cells run as IPython would run them, but for the values of the form fields, which a user would
type: `!` lines in a shell with {names} filled in, `%cd` as a change of folder.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import types
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "easel_colab.ipynb"
PROGRAM = ("webui.py", "webui-user.sh", "modules", "configs", "models", "scripts")
PINS = ("requirements.txt", "constraints.txt")


def cells() -> dict[str, dict[str, Any]]:
    return {cell["id"]: cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}


def source(name: str) -> str:
    return "".join(cells()[name]["source"])


def as_python(text: str) -> str:
    """What IPython makes of `!` and `%cd`."""
    shell = re.sub(r"^( *)!(.*)$", lambda m: f"{m[1]}_shell(f{m[2]!r})", text, flags=re.M)
    return re.sub(r"^( *)%cd (.*)$", lambda m: f"{m[1]}_cd(f{m[2]!r})", shell, flags=re.M)


def with_fields(text: str, fields: dict[str, Any]) -> str:
    """The cell after the user filled in form fields."""
    for name, value in fields.items():
        text, count = re.subn(
            rf"^{name} = .*(?= #@param)",
            lambda _, n=name, v=value: f"{n} = {v!r}",
            text,
            flags=re.M,
        )
        assert count == 1, f"the cell has no form field {name}"
    return text


class Colab:
    """A notebook's process, its shell lines collected; google.colab is played by `modules`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.printed: list[str] = []
        self.names: dict[str, Any] = {
            "_shell": self.shell,
            "_cd": os.chdir,
            "print": lambda *words: self.printed.append(" ".join(map(str, words))),
        }

    def shell(self, line: str) -> None:
        answer = subprocess.run(
            line, shell=True, env=self.environment, capture_output=True, text=True, timeout=120
        )
        self.printed.append(answer.stdout + answer.stderr)

    def run(self, name: str, **fields: Any) -> None:
        exec(compile(as_python(with_fields(source(name), fields)), name, "exec"), self.names)


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Colab:
    """A notebook whose Python environment is the one that the tests run in."""
    output = types.ModuleType("google.colab.output")
    output.__dict__["eval_js"] = lambda _: "https://7860-x.prod.colab.dev/"
    drive = types.ModuleType("google.colab.drive")
    drive.__dict__["mount"] = lambda _: None
    package = types.ModuleType("google.colab")
    package.__dict__.update(output=output, drive=drive)
    for module in (package, output, drive):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    ready = {"VENV_DIR": sys.prefix, "COMMANDLINE_ARGS": "--skip-install"}
    for name, value in ready.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Colab(ready)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository that holds the program as it lies here."""
    folder = tmp_path / "repository"
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "[!e]*.safetensors", "*.ckpt")
    for name in PROGRAM + PINS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    return folder


def test_the_notebook_is_well_formed_and_holds_no_output():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    identifiers = [cell["id"] for cell in notebook["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and cell["source"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


@pytest.mark.parametrize("name", [n for n, cell in cells().items() if cell["cell_type"] == "code"])
def test_the_cell_has_a_title_and_compiles(name):
    assert source(name).startswith("#@title ")
    compile(as_python(source(name)), name, "exec")


def test_the_cells_name_files_and_flags_that_are_there():
    from modules.flags import help_text

    text = "".join(source(name) for name in cells())
    assert "bash webui-user.sh --exit" in text and (ROOT / "webui-user.sh").exists()
    start = re.findall(r'"(--[a-z-]+)"', source("start"))
    assert start and [flag for flag in start if flag not in help_text()] == []


def test_without_an_address_the_first_cell_says_what_is_missing(colab, tmp_path):
    with pytest.raises(SystemExit, match="address"):
        colab.run("clone", folder=str(tmp_path / "easel"))


@pytest.mark.full
def test_the_first_cells_clone_and_set_up(colab, repository, tmp_path):
    folder = tmp_path / "easel"
    colab.run("clone", repository=f"file://{repository}", folder=str(folder))
    colab.run("drive")
    colab.run("setup")
    assert Path.cwd() == folder and (folder / "webui.py").exists()
    assert "failed" not in colab.printed[-1], colab.printed


def test_a_checkpoint_is_downloaded_into_the_models_folder(colab, tmp_path):
    (tmp_path / "some.safetensors").write_bytes(b"weights")
    colab.names.update(data_dir=str(tmp_path / "data"), os=os)
    colab.run("checkpoint", checkpoint_url=f"file://{tmp_path}/some.safetensors")
    kept = tmp_path / "data" / "models" / "Stable-diffusion" / "some.safetensors"
    assert kept.read_bytes() == b"weights", colab.printed


def test_a_failed_download_leaves_no_file_that_looks_like_a_checkpoint(colab, tmp_path):
    colab.names.update(data_dir=str(tmp_path), os=os)
    colab.run("checkpoint", checkpoint_url=f"file://{tmp_path}/gone.safetensors")
    assert not list(tmp_path.glob("models/Stable-diffusion/*.safetensors"))


def test_with_drive_the_data_folder_lies_there(colab, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(os, "makedirs", lambda path, exist_ok: made.append(path))
    colab.names.update(folder=str(tmp_path), os=os)
    colab.run("drive", use_drive=True)
    assert made == ["/content/drive/MyDrive/easel"]


@pytest.mark.full
def test_the_start_cell_serves_the_page_under_colabs_name(colab, repository, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    colab.run("clone", repository=f"file://{repository}", folder=str(tmp_path / "easel"))
    colab.run("drive")
    colab.run("start", port=port)
    try:
        assert colab.printed[-1] == "Easel runs at https://7860-x.prod.colab.dev/"
        request = urllib.request.Request(f"http://127.0.0.1:{port}/easel/v1/status")
        request.add_header("Host", "7860-x.prod.colab.dev")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
    finally:
        colab.run("stop")
    assert colab.printed[-1].startswith("Easel stopped")
