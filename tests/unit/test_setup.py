"""Set-up: what it decides, from made-up facts; what it does, on a small program.

The small program has the real set-up files, two packages built here as wheels, and no network.
"""

import ensurepip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
import zipfile
from ast import parse
from pathlib import Path

import pip
import pytest

from modules import setup
from modules import setup_environment as environment
from modules.setup import Machine, Wishes
from modules.setup_environment import SetupError

ROOT = Path(__file__).parents[2]
LINUX = Machine(windows=False, version=(3, 11, 7), bits=64)
WINDOWS = Machine(windows=True, version=(3, 12, 1), bits=64)
PIN = "torch==2.13.0"
SMI = "| NVIDIA-SMI 572.83      Driver Version: 572.83      CUDA Version: {}     |"

# ---- what it decides


@pytest.mark.parametrize("file", ["setup.py", "setup_environment.py"])
def test_set_up_is_written_so_that_python_3_6_can_read_it(file):
    text = (ROOT / "modules" / file).read_text(encoding="utf-8")
    parse(text, feature_version=(3, 6))
    assert "from __future__" not in text


@pytest.mark.parametrize("version", [(3, 8, 10), (3, 10, 6), (3, 14, 0)])
def test_a_wrong_python_gets_one_line_with_its_version_and_the_remedy(version):
    with pytest.raises(SetupError) as caught:
        setup.check_python(Machine(False, version, 64))
    line = str(caught.value)
    assert ".".join(map(str, version)) in line and "3.11" in line and "PYTHON" in line
    assert "\n" not in line


def test_a_32_bit_python_is_refused():
    with pytest.raises(SetupError, match="32-bit"):
        setup.check_python(Machine(True, (3, 11, 0), 32))


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_supported_pythons_pass(minor):
    setup.check_python(Machine(False, (3, minor, 0), 64))


def test_too_little_disk_says_how_much_is_needed_and_how_much_is_there():
    with pytest.raises(SetupError, match=r"/venv has 0\.3 GB free.*3 GB"):
        environment.check_space(300_000_000, "/venv")
    environment.check_space(4_000_000_000, "/venv")


def test_on_windows_with_an_nvidia_card_torch_comes_from_pytorchs_own_index():
    wishes = Wishes(root="C:/easel", venv="C:/easel/venv")
    arguments = setup.torch_arguments(wishes, WINDOWS, SMI.format("13.0"), PIN)
    assert arguments == [PIN, "--extra-index-url", "https://download.pytorch.org/whl/cu130"]


@pytest.mark.parametrize(("machine", "driver"), [(WINDOWS, None), (LINUX, SMI), (LINUX, None)])
def test_elsewhere_torch_comes_with_the_rest(machine, driver):
    assert setup.torch_arguments(Wishes(root="/easel"), machine, driver, PIN) is None


@pytest.mark.parametrize(
    ("printed", "tag"),
    [
        (SMI.format("13.1"), "cu130"),
        (SMI.format("12.8"), "cu126"),
        ("KMD Version: 595.1   CUDA UMD Version: 13.2 |", "cu130"),
        ("a table of another shape", "cu130"),
    ],
)
def test_the_torch_wheels_suit_what_the_driver_can_run(printed, tag):
    assert setup.cuda_tag(printed) == tag


@pytest.mark.parametrize(
    "command", ["pip install torch==2.12 --index-url U", "torch==2.12 --index-url U"]
)
def test_torch_command_counts_with_and_without_pip_install(command):
    wishes = Wishes(root="/easel", torch_command=command, torch_index_url="ignored")
    assert setup.torch_arguments(wishes, WINDOWS, SMI, PIN) == ["torch==2.12", "--index-url", "U"]


def test_torch_index_url_is_asked_besides_the_registry():
    wishes = Wishes(root="/easel", torch_index_url="U")
    assert setup.torch_arguments(wishes, LINUX, None, PIN) == [PIN, "--extra-index-url", "U"]


def test_the_program_pins_torch_and_everything_else_exactly():
    line, others = setup.split_torch((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert line == PIN
    named = [other for other in others if other and not other.startswith(("#", "-c "))]
    assert named and all("==" in other for other in named)


def test_torch_of_the_users_own_is_not_replaced_by_the_pinned_one():
    wishes = Wishes(root="/easel", venv="/v", index_url="M")
    steps = setup.pip_steps(wishes, ["torch==2.12"], fresh_torch=False)
    assert [label for label, _ in steps] == ["installing torch", "installing the requirements"]
    assert all("M" in arguments for _, arguments in steps)
    assert steps[-1][1][-2:] == ["-r", "/v/easel-requirements.txt"]


def test_wishes_join_flags_and_environment():
    said = {"COMMANDLINE_ARGS": "--exit --api", "VENV_DIR": "other", "INDEX_URL": "M"}
    wishes = setup.read_wishes("run", ["--skip-install"], said, (3, 11, 7), root="/easel")
    assert wishes.venv == "/easel/other" and wishes.index_url == "M"
    assert wishes.exit and not wishes.install and wishes.demanded is None


@pytest.mark.parametrize("said", [{"VENV_DIR": "-"}, {"SKIP_VENV": "1"}, {"venv_dir": "-"}])
def test_the_python_as_it_is_can_be_asked_for(said):
    assert setup.read_wishes("run", [], said, root="/easel").venv is None


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("error: externally-managed-environment\n\n× This environment is", "VENV_DIR"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: Could not find a version that satisfies the requirement torch==2.13.0",
            "registry cannot be reached",
        ),
        ("note\nERROR: No matching distribution found for torch==9\nnote", "for torch==9"),
        ("", "nothing"),
    ],
)
def test_pips_failure_is_told_in_one_line(printed, told):
    line = environment.explain(printed)
    assert told in line and "\n" not in line


def test_progress_names_what_pip_is_at():
    assert environment.stage("Collecting torch==2.13.0 (from -r a)\n") == "Collecting torch==2.13.0"
    installing = "Installing collected packages: a, b, c\n  Successfully uninstalled a-1\n"
    assert environment.stage(installing) == "unpacking 3 packages"


@pytest.mark.parametrize("home", ["/nowhere/python3.11/bin", None])
def test_an_environment_whose_python_was_uninstalled_is_seen(tmp_path, home):
    if home:
        (tmp_path / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.11.7\n")
    assert not setup.base_is_there(str(tmp_path))
    (tmp_path / "pyvenv.cfg").write_text(f"home = {tmp_path}\n")
    assert setup.base_is_there(str(tmp_path))


def test_where_set_up_cannot_become_the_program_it_hands_on_its_status():
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.1); exit(7)"
    outer = "from modules.setup import run_program; import sys; exit(run_program(sys.argv[1:]))"
    command = [sys.executable, "-c", outer, sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, timeout=20).returncode == 7


# ---- what it does


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str] | None = None) -> None:
    files = files or {f"{name}/__init__.py": f"version = {version!r}\n"}
    about = f"{name}-{version}.dist-info"
    files[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{path},,{len(text)}\n" for path, text in files.items())
    record += f"{about}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(path, text)


class Program:
    """A small program with the real set-up, packages torch 1, torch 2 and leaf, and no network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / "venv"
        self.log = self.venv / "easel-setup.log"
        self.stamp = self.venv / "easel-setup.json"

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return {**kept, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder), **changes}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.folder / "modules" / "setup.py"), *arguments]

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments or ("run",))
        return subprocess.run(
            command, env=self.environment(**changes), capture_output=True, text=True, timeout=60
        )

    def pip_runs(self) -> int:
        return self.log.read_text().count("-m pip")

    def version_of(self, package: str) -> str:
        code = f"import {package}; print({package}.version)"
        python = str(self.venv / "bin" / "python")
        return subprocess.check_output([python, "-I", "-c", code], text=True).strip()

    def package(self, name: str) -> Path:
        return next(self.venv.glob("lib/python*/site-packages")) / name


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("template") / "easel"
    (folder / "modules").mkdir(parents=True)
    for name in ("__init__.py", "setup.py", "setup_environment.py"):
        shutil.copy(ROOT / "modules" / name, folder / "modules" / name)
    (folder / "webui.py").write_text("import sys, torch; print(sys.prefix, sys.argv[1:])")
    (folder / "requirements.txt").write_text("-c constraints.txt\ntorch==1.0\n")
    (folder / "requirements-test.txt").write_text("leaf\n")
    (folder / "constraints.txt").write_text("leaf==1.0\n")
    for name, version in [("torch", "1.0"), ("torch", "2.0"), ("leaf", "1.0"), ("leaf", "2.0")]:
        write_wheel(folder, name, version)
    program = Program(folder)
    # Of a real environment's making, copying pip into it is what takes seconds.
    venv.create(program.venv, symlinks=True)
    program.package("pip").symlink_to(Path(pip.__file__).parent)
    first = program.run("run", "--port", "1")
    assert first.returncode == 0, first.stderr + program.log.read_text()
    assert first.stdout.split(" ", 1) == [str(program.venv), "['--port', '1']\n"]
    return program


@pytest.fixture
def program(template: Program, tmp_path: Path) -> Program:
    """The small program, set up, in a folder of the test's own (and so moved)."""
    folder = shutil.copytree(template.folder, tmp_path / "easel", symlinks=True)
    moved = Program(folder)
    stamp = json.loads(moved.stamp.read_text())
    moved.stamp.write_text(json.dumps({**stamp, "folder": str(moved.venv)}))
    return moved


def test_a_second_start_runs_no_pip_and_says_nothing(program):
    before = program.pip_runs()
    second = program.run("run", "--api")
    assert second.stdout == f"{program.venv} ['--api']\n"
    assert second.stderr == ""
    assert program.pip_runs() == before


@pytest.mark.full
def test_changed_requirements_are_installed_at_the_next_start(program):
    (program.folder / "requirements.txt").write_text("-c constraints.txt\ntorch==1.0\nleaf\n")
    assert program.run().returncode == 0
    assert program.version_of("leaf") == "1.0"


@pytest.mark.full
def test_the_tests_packages_are_added_once_and_the_python_is_printed(program):
    assert program.run("test").stdout.strip() == str(program.venv / "bin" / "python")
    assert program.version_of("leaf") == "1.0"
    before = program.pip_runs()
    program.run("test")
    program.run("run")
    assert program.pip_runs() == before


@pytest.mark.full
def test_a_killed_pip_leaves_nothing_that_is_taken_for_whole(program):
    program.stamp.unlink()
    (program.package("torch") / "__init__.py").unlink()
    program.package("torch-1.0.dist-info").joinpath("INSTALLER").unlink()
    again = program.run()
    assert again.returncode == 0, again.stderr
    assert program.version_of("torch") == "1.0"


def test_a_package_whose_file_was_cut_short_is_installed_again(program):
    record = program.package("torch-1.0.dist-info") / "RECORD"
    assert environment.is_whole(str(record.parents[1]), str(record.parent))
    (program.package("torch") / "__init__.py").write_text("")
    assert not environment.is_whole(str(record.parents[1]), str(record.parent))


def test_set_up_killed_in_the_middle_of_pip_is_completed_by_the_next_start(program):
    (program.folder / "requirements.txt").write_text("-c constraints.txt\ntorch==1.0\nleaf\n")
    before = program.pip_runs()
    child = subprocess.Popen(program.command("run"), env=program.environment())
    while program.pip_runs() == before:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not program.stamp.exists()
    again = program.run()
    assert again.returncode == 0, again.stderr
    assert program.version_of("leaf") == "1.0"


def test_two_starts_at_once_wait_for_each_other_and_pip_runs_once(program):
    (program.folder / "requirements.txt").write_text("-c constraints.txt\ntorch==1.0\nleaf\n")
    before = program.pip_runs()
    start = {"env": program.environment(), "stdout": subprocess.PIPE}
    both = [subprocess.Popen(program.command("run"), **start) for _ in range(2)]
    assert [child.communicate(timeout=60)[0] for child in both] == [
        f"{program.venv} []\n".encode()
    ] * 2
    assert program.pip_runs() == before + 1


@pytest.mark.full
def test_an_environment_that_was_moved_is_corrected_and_kept(program):
    script = program.venv / "bin" / "tool"
    script.write_text("#!/elsewhere/bin/python3.11\nimport sys\n")
    program.stamp.write_text(program.stamp.read_text().replace(str(program.venv), "/elsewhere"))
    assert program.run().returncode == 0
    assert script.read_text() == f"#!{program.venv}/bin/python3.11\nimport sys\n"


@pytest.mark.full
def test_an_environment_without_a_working_python_is_made_anew(program):
    python = program.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    again = program.run()
    assert again.returncode == 0 and "anew" in again.stderr
    assert program.version_of("torch") == "1.0"


@pytest.mark.full
def test_torch_command_replaces_torch_and_the_pin_does_not_bring_it_back(program):
    assert program.run(TORCH_COMMAND="pip install torch==2.0").returncode == 0
    assert program.version_of("torch") == "2.0"


def test_a_failing_pip_is_told_in_one_line_that_names_the_log(program):
    (program.folder / "requirements.txt").write_text("torch==3.0\n")
    failed = program.run()
    assert failed.returncode == 1
    last = failed.stderr.strip().splitlines()[-1]
    assert last.startswith("Set-up failed:") and "torch==3.0" in last and str(program.log) in last


@pytest.mark.full
def test_an_environment_is_made_from_nothing(program):
    shutil.rmtree(program.venv)
    first = program.run()
    assert first.returncode == 0 and "making the environment" in first.stderr
    assert program.version_of("torch") == "1.0"


@pytest.mark.full
def test_a_python_without_ensurepip_gets_pip_from_its_own_pip(tmp_path, monkeypatch):
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(bundled))
    with environment.locked(str(tmp_path / "venv")) as site:
        environment.make_venv_without_ensurepip(site, sys.executable, site.folder)
    assert environment.version_of(environment.python_in(site.folder)) == sys.version_info[:2]


@pytest.mark.full
def test_an_unreachable_registry_is_told_in_one_line(program):
    shutil.rmtree(program.venv / "lib")
    said = {"PIP_NO_INDEX": "0", "PIP_RETRIES": "1", "INDEX_URL": "http://127.0.0.1:9/simple"}
    (program.folder / "requirements.txt").write_text("torch==3.0\n")
    failed = program.run(**said)
    assert failed.returncode == 1 and "registry cannot be reached" in failed.stderr


def test_a_folder_with_other_things_in_it_is_not_touched(program, tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_text("x")
    failed = program.run(VENV_DIR=str(tmp_path / "holiday"))
    assert failed.returncode == 1 and "photo.jpg" in failed.stderr
    assert (tmp_path / "holiday" / "photo.jpg").exists()


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(program):
    failed = program.run(VENV_DIR="/proc/easel")
    assert failed.returncode == 1
    assert "/proc/easel" in failed.stderr and "VENV_DIR" in failed.stderr


def test_skip_install_starts_what_is_there(program):
    (program.folder / "requirements.txt").write_text("torch==3.0\n")
    assert program.run("run", "--skip-install").stdout.startswith(str(program.venv))


def test_exit_stops_after_set_up(program):
    assert program.run("run", COMMANDLINE_ARGS="--exit").stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="bash")
def test_the_start_script_works_from_any_folder_and_keeps_the_arguments(program, tmp_path):
    script = shutil.copy(ROOT / "webui-user.sh", program.folder / "webui-user.sh")
    words = ["bash", str(script), "--ckpt", "a b.safetensors"]
    started = subprocess.run(
        words, cwd=tmp_path, env=program.environment(), capture_output=True, text=True
    )
    assert started.stdout == f"{program.venv} ['--ckpt', 'a b.safetensors']\n", started.stderr


def test_the_start_script_says_so_where_there_is_no_such_python(program):
    command = ["bash", str(ROOT / "webui-user.sh")]
    named = program.environment(PYTHON="python9.9")
    failed = subprocess.run(command, env=named, capture_output=True, text=True)
    assert failed.returncode == 1 and "python9.9" in failed.stderr
