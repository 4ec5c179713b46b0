"""argv and environment -> one frozen record. Nothing else in the program reads either.

Knows no folder's contents and opens no file but the one that --gradio-auth-path names.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from modules.errors import FlagsError
from modules.flags.interface import Interface, Obsolete
from modules.flags.machine import Attention, Memory
from modules.flags.network import Api, Network
from modules.flags.option import Group, Row, rows_of
from modules.flags.places import Launch, Places

GROUPS: tuple[type[Group], ...] = (
    Launch,
    Places,
    Memory,
    Attention,
    Network,
    Api,
    Interface,
    Obsolete,
)
ROWS: tuple[Row, ...] = tuple(row for group in GROUPS for row in rows_of(group))
DEFAULT_PORT = 7860
DEFAULT_API_PORT = 7861
_LOOPBACK = {"localhost", "::1", "[::1]"}
_USAGE = "webui.py [flags]"


@dataclass(frozen=True, kw_only=True, repr=False)
class Flags(Launch, Places, Memory, Attention, Network, Api, Interface, Obsolete):
    """One attribute for each flag, named as the flag with underscores, and what the environment
    says.

    Its repr and `public()` show no password and no token.
    """

    ignored: tuple[str, ...] = ()  # unknown flags, where IGNORE_CMD_ARGS_ERRORS lets them pass
    password_file_text: str = ""  # what --gradio-auth-path holds
    file_manager: str = ""  # the command that shows a folder on this machine's desktop; "": none

    def __repr__(self) -> str:
        given = {row.name: self.public()[row.name] for row in ROWS if self.gives(row)}
        return f"Flags({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def gives(self, row: Row) -> bool:
        """Whether this flag is given, other than with its default."""
        return getattr(self, row.name) != row.default

    @property
    def host(self) -> str:
        """The address to serve at."""
        return self.server_name or ("0.0.0.0" if self.listen else "127.0.0.1")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in _LOOPBACK or self.host.startswith("127.")

    @property
    def effective_port(self) -> int:
        """The port asked for, else the first to try."""
        if self.port is not None:
            return self.port
        return DEFAULT_API_PORT if self.nowebui else DEFAULT_PORT

    @property
    def page_credentials(self) -> dict[str, str]:
        """user -> password of --gradio-auth and --gradio-auth-path."""
        listed = f"{self.gradio_auth or ''}\n{self.password_file_text}"
        return credentials(listed, "--gradio-auth")

    @property
    def api_credentials(self) -> dict[str, str]:
        """user -> password of --api-auth."""
        return credentials(self.api_auth or "", "--api-auth")

    @property
    def users(self) -> tuple[tuple[str, str], ...]:
        """Every (user, password) that opens every door, whichever flag gave it."""
        return (*self.page_credentials.items(), *self.api_credentials.items())

    @property
    def keeps_users_apart(self) -> bool:
        """Whether there are several users, who shall not see each other's jobs."""
        return len({user for user, _ in self.users}) > 1 and not self.users_share_jobs

    @property
    def opens_on_canvas(self) -> bool:
        """Whether the img2img tab opens on the colour canvas."""
        return self.gradio_img2img_tool == "color-sketch"

    @property
    def hides_folders(self) -> bool:
        """Whether folders are nobody's to choose: asked for, the network comes in unasked, or one
        user could look into another's.
        """
        return self.hide_ui_dir_config or self.insecure_listen or self.keeps_users_apart

    def may_read(self, folder: Path) -> bool:
        """Whether whoever asks may have pictures read from this folder of the machine: any, unless
        folders are nobody's to choose; then those below a --gradio-allowed-path.
        """
        if not self.hides_folders:
            return True
        real = Path(os.path.realpath(folder))
        allowed = (Path(os.path.realpath(path)) for path in self.gradio_allowed_path)
        return any(real.is_relative_to(path) for path in allowed)

    @property
    def fixes_models(self) -> bool:
        """Whether visitors may not add models: they are several, or anybody."""
        is_shared = len({user for user, _ in self.users}) > 1 or self.insecure_listen
        return is_shared and not self.users_add_models

    def is_frozen(self, key: str, section_id: str) -> bool:
        """Whether this setting may not be changed."""
        return (
            self.freeze_settings
            or key in _listed(self.freeze_specific_settings)
            or section_id in _listed(self.freeze_settings_in_sections)
        )

    def public(self) -> dict[str, Any]:
        """Every flag by name, as JSON has it; what is secret is "***" where it is given."""
        shown: dict[str, Any] = {}
        for row in ROWS:
            given = "***" if row.secret and self.gives(row) else getattr(self, row.name)
            shown[row.name] = list(given) if isinstance(given, tuple) else given
        return shown


def _wide(prog: str) -> argparse.HelpFormatter:
    """The same lines on every terminal."""
    return argparse.HelpFormatter(prog, max_help_position=30, width=100)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FlagsError(f"{message}; see webui.py --help")


def _parser() -> _Parser:
    parser = _Parser(
        prog="webui.py", usage=_USAGE, formatter_class=_wide, allow_abbrev=False, add_help=False
    )
    for group in GROUPS:
        section = parser.add_argument_group(group.group_title)
        if group is Launch:
            section.add_argument("-h", "--help", action="store_true", help="show this and end")
        for row in rows_of(group):
            section.add_argument(row.spelling, dest=row.name, **_arguments(row))
    return parser


def _arguments(row: Row) -> dict[str, Any]:
    """How argparse is told about one flag."""
    help = row.help if not row.instead else f"{row.help} (no effect: {row.instead})"
    told: dict[str, Any] = {"help": help.replace("%", "%%"), "default": row.default}
    if row.kind == "switch":
        return told | {"action": "store_true"}
    if row.kind == "repeated":
        told |= {"action": "append", "default": None}
    elif row.kind == "words":
        told |= {"nargs": "+", "type": str.lower}
    else:
        told |= {"type": row.parse}
    if row.choices:
        told["choices"] = row.choices
    return told | ({"metavar": row.metavar} if row.metavar else {})


def help_text() -> str:
    """All flags by group, each with one line."""
    return _parser().format_help()


def split_command_line(text: str, *, windows: bool) -> list[str]:
    """COMMANDLINE_ARGS in words, as a shell would; on Windows a backslash is only a backslash.

    FlagsError where a quote is not closed.
    """
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = ""
    if windows:
        words.escape = ""
        words.quotes = '"'
    try:
        return list(words)
    except ValueError:
        raise FlagsError("COMMANDLINE_ARGS has a quote that is not closed") from None


def parse(
    argv: Sequence[str], environ: Mapping[str, str], *, windows: bool = os.name == "nt"
) -> Flags:
    """The flags of the command line and of COMMANDLINE_ARGS, which is appended to it.

    FlagsError where a flag is unknown (unless IGNORE_CMD_ARGS_ERRORS is set) or can't take its
    value.
    """
    words = [*argv, *split_command_line(environ.get("COMMANDLINE_ARGS", ""), windows=windows)]
    given, rest = _parser().parse_known_args(words)
    if rest and not environ.get("IGNORE_CMD_ARGS_ERRORS"):
        raise _unknown(rest)
    values = {row.name: _finished(row, getattr(given, row.name)) for row in ROWS}
    values["loglevel"] = values["loglevel"] or environ.get("SD_WEBUI_LOG_LEVEL", "").upper() or None
    values["api"] = values["api"] or values["test_server"]
    if values["gradio_auth_path"]:
        values["password_file_text"] = _read_passwords(Path(values["gradio_auth_path"]))
    values["file_manager"] = _file_manager(environ, windows=windows)
    flags = Flags(**values, ignored=tuple(rest))
    _check(flags)
    return flags


def _file_manager(environ: Mapping[str, str], *, windows: bool) -> str:
    """ "" where nobody sits: a server without a screen, or a login from elsewhere."""
    if environ.get("SSH_CONNECTION"):
        return ""
    if windows:
        return "explorer"
    if sys.platform == "darwin":
        return "open"
    return "xdg-open" if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") else ""


def _finished(row: Row, value: Any) -> Any:
    """The value in the record's form: tuples, absolute paths."""
    if row.kind in ("repeated", "words"):
        return tuple(_absolute(item) if row.is_path else item for item in value or ())
    return _absolute(value) if row.is_path and value is not None else value


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _unknown(rest: Sequence[str]) -> FlagsError:
    word = next((word for word in rest if word.startswith("-")), rest[0])
    name = word.partition("=")[0]
    near = difflib.get_close_matches(name, [row.spelling for row in ROWS], n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; see webui.py --help"
    return FlagsError(f"unknown flag {name}{hint}", field=name)


def _read_passwords(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FlagsError(
            f"--gradio-auth-path {path} can't be read: {error}", field="gradio_auth_path"
        ) from error


def credentials(listed: str, flag: str) -> dict[str, str]:
    """user -> password from "user:password" items parted by commas or lines. FlagsError on
    others.
    """
    known: dict[str, str] = {}
    for item in listed.replace("\n", ",").split(","):
        user, colon, password = item.strip().partition(":")
        if not user and not colon:
            continue
        if not (user and password):
            raise FlagsError(f"{flag} needs user:password, several by commas", field=flag)
        known[user] = password
    return known


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _check(flags: Flags) -> None:
    """FlagsError where values do not go together."""
    if flags.port is not None and not 0 <= flags.port <= 65535:
        raise FlagsError(f"--port {flags.port} is outside 0..65535", field="port")
    if bool(flags.tls_keyfile) != bool(flags.tls_certfile):
        missing = "--tls-certfile" if flags.tls_keyfile else "--tls-keyfile"
        raise FlagsError(f"HTTPS needs key and certificate: {missing} is missing", field="tls")
    if flags.filenames_max_length < 16:
        raise FlagsError(
            f"--filenames-max-length {flags.filenames_max_length} leaves no room; give 16 or more",
            field="filenames_max_length",
        )
    _ = flags.page_credentials, flags.api_credentials  # each refuses what is no user:password


def notices(flags: Flags) -> tuple[str, ...]:
    """One line for each given flag without effect, saying what happens instead."""
    lines = [f"{row.spelling}: {row.instead}" for row in ROWS if row.instead and flags.gives(row)]
    lines += [f"unknown flag {word} is ignored" for word in flags.ignored if word.startswith("-")]
    return tuple(lines)


def exposure(flags: Flags) -> str | None:
    """Why these flags would open the server to strangers, None where they don't."""
    if flags.is_local or flags.insecure_listen:
        return None
    if flags.page_credentials or flags.api_credentials:
        return None
    return (
        f"{flags.host} can be reached from other machines, and there is no password: add "
        "--gradio-auth user:password, or --insecure-listen if everyone there may use it"
    )


def check_exposure(flags: Flags) -> None:
    """FlagsError where `exposure` has something to say."""
    line = exposure(flags)
    if line is not None:
        raise FlagsError(line, field="server_name" if flags.server_name else "listen")
