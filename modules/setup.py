"""Set-up: makes the virtual environment, installs the pinned requirements, starts the program.

`python modules/setup.py run [flags of webui.py]` starts the program; `... test` prepares the tests
and prints the Python to run them with. Standard library only, in syntax that Python 3.6 can read,
so that a wrong Python gets one clear line. A stamp in the environment says what was installed, so
a second start asks pip nothing; it goes away before pip begins, so a killed set-up is seen and
mended. It knows nothing of the program but its requirements.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from shlex import split
from typing import Mapping, NamedTuple, Optional

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if __name__ == "__main__":
    sys.path[0] = ROOT  # Started as a file, Python put modules/ there.

from modules.setup_environment import (  # noqa: E402
    SUPPORTED,
    SetupError,
    locked,
    make_venv,
    python_in,
    run,
    say,
)

STAMP = "easel-setup.json"
WITHOUT_TORCH = "easel-requirements.txt"
# PyTorch's own wheels, by the CUDA version that the driver can run: PyPI's for Windows have none.
TORCH_WHEELS = "https://download.pytorch.org/whl/"
CUDA_TAGS = (((13, 0), "cu130"), ((0, 0), "cu126"))


class Machine(NamedTuple):
    """What set-up must know of where it runs, so that every system can be tested on any."""

    windows: bool
    version: tuple  # of the running Python: (3, 11, 7)
    bits: int


class Wishes(NamedTuple):
    """What the user asks of set-up, from the command line and the environment."""

    root: str
    venv: Optional[str] = None  # None: no environment of our own, use the running Python
    torch_command: str = ""
    torch_index_url: str = ""
    index_url: str = ""
    tests: bool = False
    install: bool = True
    reinstall_torch: bool = False
    check_version: bool = True
    exit: bool = False
    show_pip: bool = False
    demanded: Optional[tuple] = None  # the Python version (3, 11) that the user named

    @property
    def python(self) -> str:
        return python_in(self.venv) if self.venv else sys.executable

    @property
    def state(self) -> str:
        """The folder of stamp, lock and log."""
        return self.venv or os.path.join(self.root, "tmp", "setup")

    @property
    def requirements(self) -> list:
        names = ["requirements.txt", "requirements-test.txt"][: 2 if self.tests else 1]
        return [os.path.join(self.root, name) for name in names]


def read_wishes(
    command: str,
    arguments: list,
    environment: Mapping[str, str],
    version: tuple = tuple(sys.version_info),
    root: str = ROOT,
) -> Wishes:
    """The set-up's own flags joined with A1111's environment variables (interface 1.1 and 2)."""
    more = split(environment.get("COMMANDLINE_ARGS", ""), posix=os.name == "posix")
    said = {*arguments, *more}
    venv = environment.get("VENV_DIR") or environment.get("venv_dir") or "venv"
    own = venv != "-" and environment.get("SKIP_VENV", "") != "1"
    named = environment.get("PYTHON") or environment.get("python_cmd")
    return Wishes(
        root=root,
        venv=os.path.abspath(os.path.join(root, os.path.expanduser(venv))) if own else None,
        torch_command=environment.get("TORCH_COMMAND", "").strip(),
        torch_index_url=environment.get("TORCH_INDEX_URL", "").strip(),
        index_url=environment.get("INDEX_URL", "").strip(),
        tests=command == "test",
        install=not said & {"--skip-install", "--skip-prepare-environment"},
        reinstall_torch="--reinstall-torch" in said,
        check_version="--skip-python-version-check" not in said,
        exit="--exit" in said,
        show_pip=environment.get("WEBUI_LAUNCH_LIVE_OUTPUT", "") == "1",
        demanded=version[:2] if named else None,
    )


# ---- what is there already


def fingerprint(paths: list) -> str:
    """One hash over the files' text, whatever their line ends."""
    total = sha256()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            total.update(file.read().encode() + b"\0")
    return total.hexdigest()


def wanted_stamp(wishes: Wishes) -> dict:
    """What the stamp must say for nothing to be left to do."""
    files = [*wishes.requirements, os.path.join(wishes.root, "constraints.txt")]
    return {
        "folder": wishes.venv or sys.prefix,
        "python": os.path.realpath(wishes.python),
        "torch": [wishes.torch_command, wishes.torch_index_url],
        "tests" if wishes.tests else "program": fingerprint(files),
    }


def read_stamp(wishes: Wishes) -> dict:
    """{} where none is, or where it can't be read."""
    try:
        with open(os.path.join(wishes.state, STAMP), encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def base_is_there(venv: str) -> bool:
    """Whether the Python that the environment was made from is still installed."""
    try:
        with open(os.path.join(venv, "pyvenv.cfg"), encoding="utf-8") as file:
            home = [line.partition("=")[2].strip() for line in file if line.startswith("home")]
    except OSError:
        return False
    return bool(home) and os.path.isdir(home[0])


def is_ready(wishes: Wishes) -> bool:
    stamp = read_stamp(wishes)
    if not stamp or wishes.reinstall_torch or not os.path.exists(wishes.python):
        return False
    if wishes.venv and not base_is_there(wishes.venv):
        return False
    if wishes.demanded is not None and stamp.get("version") != list(wishes.demanded):
        return False
    return all(stamp.get(key) == value for key, value in wanted_stamp(wishes).items())


# ---- what to install


def check_python(machine: Machine) -> None:
    low, high = SUPPORTED
    version = ".".join(map(str, machine.version))
    needs = "Easel needs a 64-bit Python 3.11, 3.12 or 3.13"
    remedy = "install one and name it in webui-user (PYTHON)"
    if not low <= machine.version[:2] <= high:
        raise SetupError("this is Python %s, but %s: %s" % (version, needs, remedy))
    if machine.bits != 64:
        raise SetupError("this Python %s is a 32-bit build, but %s: %s" % (version, needs, remedy))


def torch_arguments(
    wishes: Wishes, machine: Machine, driver: Optional[str], line: str
) -> Optional[list]:
    """pip's arguments for torch where it has a source of its own; None: with the rest, by its pin.

    `driver` is what nvidia-smi printed (None: it does not answer), `line` the pin "torch==X".
    """
    if wishes.torch_command:
        words = split(wishes.torch_command, posix=not machine.windows)
        return words[words.index("install") + 1 :] if "install" in words else words
    if wishes.torch_index_url:
        return [line, "--extra-index-url", wishes.torch_index_url]
    if machine.windows and driver is not None:
        return [line, "--extra-index-url", TORCH_WHEELS + cuda_tag(driver)]
    return None


def cuda_tag(driver: str) -> str:
    """The tag of the torch wheels for a driver, from nvidia-smi's table ("CUDA Version: 13.0")."""
    found = re.search(r"CUDA(?: UMD)? Version:\s*(\d+)\.(\d+)", driver)
    able = (int(found.group(1)), int(found.group(2))) if found else CUDA_TAGS[0][0]
    return next(tag for least, tag in CUDA_TAGS if able >= least)


def nvidia_driver() -> Optional[str]:
    """What nvidia-smi prints, None where it is missing or fails."""
    path = shutil.which("nvidia-smi")
    if path is None:
        return None
    try:
        answer = subprocess.run([path], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode("utf-8", "replace") if answer.returncode == 0 else None


def split_torch(requirements: str) -> tuple:
    """(the torch line, the other lines) of requirements.txt's text."""
    lines = requirements.splitlines()
    torch = [line.strip() for line in lines if line.startswith("torch==")]
    assert len(torch) == 1, "requirements.txt pins torch exactly once"
    return torch[0], [line for line in lines if not line.startswith("torch==")]


def pip_steps(wishes: Wishes, torch: Optional[list], fresh_torch: bool) -> list:
    """[(label, pip's arguments)] that make the environment whole."""
    install = ["install", "--prefer-binary", "--no-input"]
    if wishes.index_url:
        install += ["--index-url", wishes.index_url]
    steps = [("removing torch", ["uninstall", "-y", "torch"])] if fresh_torch else []
    files = wishes.requirements
    if torch is not None:
        steps.append(("installing torch", [*install, *torch]))
        files = [os.path.join(wishes.state, WITHOUT_TORCH), *files[1:]]
    named = [word for file in files for word in ("-r", file)]
    return [*steps, ("installing the requirements", [*install, *named])]


# ---- doing it


def prepare(wishes: Wishes, machine: Machine) -> str:
    """Make the environment whole; the path of its Python. SetupError names what is in the way."""
    if is_ready(wishes) or (not wishes.install and os.path.exists(wishes.python)):
        return wishes.python
    if wishes.check_version:
        check_python(machine)
    with locked(wishes.state, wishes.show_pip) as site:
        if not is_ready(wishes):
            install(wishes, machine, site)
    return wishes.python


def install(wishes: Wishes, machine: Machine, site) -> None:
    """Make or mend the environment, install, stamp."""
    stamp = read_stamp(wishes)
    path = os.path.join(wishes.state, STAMP)
    if os.path.exists(path):
        os.remove(path)
    version = machine.version[:2]
    if wishes.venv:
        version = make_venv(site, wishes.venv, version, wishes.demanded, finished=bool(stamp))
    wanted = dict(wanted_stamp(wishes), version=list(version))
    fresh_torch = wishes.reinstall_torch or stamp.get("torch", wanted["torch"]) != wanted["torch"]
    for label, arguments in pip_steps(wishes, torch_source(wishes, machine), fresh_torch):
        pip = [wishes.python, "-I", "-m", "pip", "--disable-pip-version-check"]
        run(site, [*pip, *arguments], label)
    if wishes.tests:
        wanted.update(wanted_stamp(wishes._replace(tests=False)))
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(wanted, file, indent=1)
    os.replace(path + ".new", path)


def torch_source(wishes: Wishes, machine: Machine) -> Optional[list]:
    """As `torch_arguments`; where torch comes alone, also write the list of the rest."""
    with open(wishes.requirements[0], encoding="utf-8") as file:
        line, others = split_torch(file.read())
    driver = nvidia_driver() if machine.windows else None
    torch = torch_arguments(wishes, machine, driver, line)
    if torch is not None:
        absolute = [other.replace("-c ", "-c %s%s" % (wishes.root, os.sep)) for other in others]
        with open(os.path.join(wishes.state, WITHOUT_TORCH), "w", encoding="utf-8") as file:
            file.write("\n".join(absolute) + "\n")
    return torch


def start(python: str, arguments: list) -> int:
    """Become the program; on Windows, which cannot, run it and hand on its exit status."""
    command = [python, os.path.join(ROOT, "webui.py"), *arguments]
    if os.name == "posix":
        os.execv(python, command)
    return run_program(command)


def run_program(command: list) -> int:
    """Its exit status. Ctrl+C reaches the program too, which ends itself in its own time."""
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def main(arguments: list, environment: Mapping[str, str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in ("run", "test"):
        say("usage: python modules/setup.py run|test [flags of webui.py]")
        return 2
    bits = 64 if sys.maxsize > 2**32 else 32
    machine = Machine(os.name == "nt", tuple(sys.version_info[:3]), bits)
    wishes = read_wishes(command, rest, environment, machine.version)
    try:
        if {"-h", "--help"} & set(rest):
            check_python(machine)
            return start(sys.executable, rest)
        python = prepare(wishes, machine)
    except SetupError as error:
        say("Set-up failed: %s" % error)
        return 1
    except KeyboardInterrupt:
        say("Set-up was interrupted; the next start goes on with it.")
        return 130
    if command == "test":
        print(python)
        return 0
    return 0 if wishes.exit else start(python, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
