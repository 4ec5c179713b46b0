"""The page docs/flags.md, made from the table. Written anew by:

python -m modules.flags.reference > docs/flags.md
"""

from __future__ import annotations

import sys

from modules.flags.option import Row, rows_of
from modules.flags.record import GROUPS

_HEAD = """# Flags

Flags go behind `webui.py`, or into `COMMANDLINE_ARGS` in `webui-user.sh` and `webui-user.bat`,
whose words are appended to the command line. `python webui.py --help` lists the same. All flags
of AUTOMATIC1111's web UI are taken, so that an old command line works as it is; where one has no
effect here, the program says so at its start in one line. An unknown flag is an error, unless the
environment variable `IGNORE_CMD_ARGS_ERRORS` is set.

A server that other machines can reach asks for a password: `--listen` and `--server-name` need
`--gradio-auth`, `--gradio-auth-path` or `--api-auth`, or else `--insecure-listen`. Whichever is
given, it locks page and API alike.

The environment variable `SD_WEBUI_LOG_LEVEL` counts as `--loglevel` where that is not given.
"""
_TABLE = "| flag | default | meaning |\n|---|---|---|"


def _line(row: Row) -> str:
    """One row of a table: flag, default, meaning."""
    spelled = row.spelling
    if row.choices and row.kind != "words":
        spelled += " {" + ",".join(row.choices) + "}"
    elif row.metavar or row.kind == "value":
        spelled += f" {row.metavar or row.name.upper()}"
    default = "" if row.default in (None, False, (), "") else f"`{row.default}`"
    instead = f" **No effect:** {row.instead}." if row.instead else ""
    meaning = row.help[0].upper() + row.help[1:]
    return f"| `{spelled}` | {default} | {meaning}.{instead} |"


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group in GROUPS:
        lines = "\n".join(map(_line, rows_of(group)))
        parts.append(f"## {group.group_title}\n\n{_TABLE}\n{lines}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(markdown())
