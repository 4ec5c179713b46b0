"""Makes a virtual environment and runs pip in it, for `modules/setup.py`.

Makes, keeps, mends or remakes the environment, holds the lock that keeps two starts apart, shows
in one line what pip is at, and says in one line why it failed; pip's own words go to a log.
Standard library only, in syntax that Python 3.6 can read. It does not know what is installed.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import NamedTuple, Optional

SUPPORTED = ((3, 11), (3, 13))
SPACE_GB = 3
SPACE_ADVICE = "about 3 GB with torch for the CPU, about 10 GB with CUDA"
LOCK = "easel-setup.lock"
LOG = "easel-setup.log"
OWN_FILES = {LOCK, LOG, "easel-setup.json", "easel-requirements.txt"}
# What a half-made environment may hold; anything else is somebody's own.
VENV_ENTRIES = OWN_FILES | {"bin", "include", "lib", "lib64", "Include", "Lib", "Scripts", "share"}

FOLDER_REMEDY = "name a folder that Easel may write to in webui-user (VENV_DIR)"
VENV_REMEDY = (
    "this Python cannot make virtual environments: on Debian and Ubuntu, apt install python3-venv;"
    " elsewhere, name another Python in webui-user (PYTHON). It said: "
)
FAILURES = (  # (what pip prints, what we say); the first that fits
    (
        "No space left on device|Errno 28|not enough space",
        "the disk is full; set-up needs " + SPACE_ADVICE,
    ),
    (
        "Read-only file system|Permission denied|Errno 13|Errno 30",
        "a folder cannot be written: " + FOLDER_REMEDY,
    ),
    (
        "externally-managed-environment",
        "the system's Python takes no packages: leave VENV_DIR unset in webui-user",
    ),
    (
        "NewConnectionError|Failed to establish|name resolution|getaddrinfo|ConnectTimeout"
        "|ProxyError|Max retries|Network is unreachable|Connection refused|ReadTimeout"
        "|from versions: none",
        "the package registry cannot be reached: check the network, or name a mirror in webui-user"
        " (INDEX_URL)",
    ),
)
STAGES = ("Collecting ", "Downloading ", "Using cached ", "Installing collected packages: ")


class SetupError(Exception):
    """One line for the user: what is wrong, and the remedy."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def python_in(venv: str, windows: bool = os.name == "nt") -> str:
    """The path of an environment's Python, which need not be there."""
    inner = ("Scripts", "python.exe") if windows else ("bin", "python")
    return os.path.join(venv, *inner)


def check_space(free_bytes: int, folder: str) -> None:
    if free_bytes < SPACE_GB * 1e9:
        raise SetupError(
            "the disk of %s has %.1f GB free, but set-up needs %s: free some, or name another"
            " folder in webui-user (VENV_DIR)" % (folder, free_bytes / 1e9, SPACE_ADVICE)
        )


# ---- one set-up at a time


class Site(NamedTuple):
    """Where set-up works: the folder of lock and log, and the lock's descriptor."""

    folder: str
    lock: int
    show_pip: bool = False


@contextmanager
def locked(folder: str, show_pip: bool = False):
    """Hold the folder's lock. pip inherits it, so that it outlives a set-up that is killed."""
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        reason = error.strerror or error
        raise SetupError("cannot write to %s (%s): %s" % (folder, reason, FOLDER_REMEDY)) from error
    try:
        if not take_lock(descriptor):
            say("Another start is setting up; waiting for it.")
            while not take_lock(descriptor):
                time.sleep(0.2)
        yield Site(folder, descriptor, show_pip)
    finally:
        os.close(descriptor)


def take_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


# ---- the environment


def make_venv(
    site: Site, venv: str, running: tuple, demanded: Optional[tuple], finished: bool
) -> tuple:
    """An environment that works and has pip; the version (3, 11) of its Python.

    `running` is this Python's version, `demanded` the one that the user named, if any. `finished`
    says that the last set-up of this environment came to its end.
    """
    version = version_of(python_in(venv))
    if version is not None and SUPPORTED[0] <= version <= SUPPORTED[1]:
        if demanded in (None, version):
            repoint_scripts(venv)
            if not finished:
                mend(site_packages(venv, version))
            return version
    clear(venv)
    check_space(shutil.disk_usage(venv).free, venv)
    # sys._base_executable: set-up may itself run in the environment that it makes anew.
    base = getattr(sys, "_base_executable", None) or sys.executable
    try:
        run(site, [base, "-I", "-m", "venv", venv], "making the environment")
    except SetupError:
        make_venv_without_ensurepip(site, base, venv)
    return running


def make_venv_without_ensurepip(site: Site, base: str, venv: str) -> None:
    """Debian and Colab leave ensurepip out of Python; a pip of that Python can stand in for it."""
    add_pip = [base, "-m", "pip", "--python", python_in(venv), "install", "--no-input", "pip"]
    try:
        run(
            site, [base, "-I", "-m", "venv", "--clear", "--without-pip", venv], "trying without pip"
        )
        run(site, add_pip, "adding pip")
    except SetupError as error:
        raise SetupError(VENV_REMEDY + str(error)) from error


def clear(venv: str) -> None:
    """Empty the folder of what an earlier set-up left; SetupError where it holds other things."""
    entries = set(os.listdir(venv))
    foreign = sorted(entries - VENV_ENTRIES)
    if foreign and "pyvenv.cfg" not in entries:
        raise SetupError("%s holds other things (%s): %s" % (venv, foreign[0], FOLDER_REMEDY))
    if os.path.lexists(python_in(venv)):
        say("The environment in %s does not fit this Python; making it anew." % venv)
    for name in entries - {LOCK, LOG}:
        remove(os.path.join(venv, name))


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def version_of(python: str) -> Optional[tuple]:
    """(3, 11) of an environment's Python; None where it, or its pip, does not run."""
    probe = [python, "-I", "-c", "import sys, pip; print(*sys.version_info[:2])"]
    try:
        answer = subprocess.run(probe, capture_output=True, text=True, timeout=60)
        return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def site_packages(venv: str, version: tuple) -> str:
    inner = ("Lib",) if os.name == "nt" else ("lib", "python%d.%d" % version)
    return os.path.join(venv, *inner, "site-packages")


def repoint_scripts(venv: str) -> None:
    """Correct the first line of a moved environment's scripts; its Python needs nothing."""
    folder = os.path.dirname(python_in(venv))
    right = b"#!" + os.fsencode(folder) + b"/python"
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            content = file.read()
        line = content.split(b"\n", 1)[0]
        if re.match(rb"#!/.*/bin/python", line) and not line.startswith(right):
            with open(path, "wb") as file:
                file.write(re.sub(rb"^#!/.*/bin/python", lambda _: right, content, count=1))


def mend(packages: str) -> None:
    """Make pip forget what a killed pip left half-installed: it would take that for whole."""
    for name in os.listdir(packages):
        path = os.path.join(packages, name)
        if name.startswith("~") or (name.endswith(".dist-info") and not is_whole(packages, path)):
            remove(path)


def is_whole(packages: str, dist_info: str) -> bool:
    """Whether every file that the package's RECORD lists is there at its full size.

    pip writes INSTALLER after the package's files; the files of scripts ("../../") may be mended.
    """
    if not os.path.exists(os.path.join(dist_info, "INSTALLER")):
        return False
    try:
        with open(os.path.join(dist_info, "RECORD"), encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row[2] and not row[0].startswith("..")]
        return all(os.path.getsize(os.path.join(packages, row[0])) == int(row[2]) for row in rows)
    except (OSError, ValueError, IndexError):
        return False


# ---- running pip


def run(site: Site, command: list, label: str) -> None:
    """Run to the end, its output in the log; SetupError where it fails."""
    path = os.path.join(site.folder, LOG)
    with open(path, "ab") as log:
        log.write(("\n$ %s\n" % " ".join(command)).encode())
        log.flush()
        began = log.tell()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if site.show_pip else log,
            stderr=subprocess.STDOUT,
            pass_fds=(site.lock,) if os.name == "posix" else (),
        )
    follow(child, label, path, began)
    if child.returncode != 0:
        raise SetupError("%s (whole output: %s)" % (explain(read_from(path, began)), path))


def follow(child: subprocess.Popen, label: str, log: str, began: int) -> None:
    """Show what the child is at: one live line on a terminal, else a line every 15 seconds."""
    live, started, next_line = sys.stderr.isatty(), time.monotonic(), 0.0
    while True:
        try:
            child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            pass
        seconds = time.monotonic() - started
        done = child.returncode is not None
        tail = " done" if done and child.returncode == 0 else " " + stage(read_from(log, began))
        line = "Set-up: %s, %d s:%s" % (label, seconds, tail)
        if live:
            width = shutil.get_terminal_size().columns - 1
            end = "\n" if done else ""
            print("\r" + line[:width].ljust(width), end=end, file=sys.stderr, flush=True)
        elif done or seconds >= next_line:
            next_line = seconds + 15
            say(line)
        if done:
            return


def stage(output: str) -> str:
    """What pip is at, from what it printed so far, in few words."""
    lines = [line.strip().split(" (from ")[0] for line in output.splitlines()]
    known = [line for line in lines if line.startswith(STAGES)]
    if not known:
        return "starting"
    if known[-1].startswith("Installing"):
        return "unpacking %d packages" % len(known[-1].split(","))
    return known[-1][:90]


def read_from(path: str, began: int) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        file.seek(began)
        return file.read()


def explain(output: str) -> str:
    """Why pip failed, in one line, from all that it printed."""
    for pattern, line in FAILURES:
        if re.search(pattern, output):
            return line
    errors = [line for line in output.splitlines() if line.startswith(("ERROR", "Error"))]
    return (errors or output.strip().splitlines() or ["it said nothing"])[-1]
