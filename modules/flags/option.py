"""What one flag is: a field of a frozen dataclass, made by `switch`, `value` or `several`.

The field's name is the flag's own with underscores: `ckpt_dir` is --ckpt-dir. The module knows no
single flag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, TypeVar

T = TypeVar("T")
Kind = Literal["switch", "value", "repeated", "words"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One flag. `instead` is what happens where the flag itself has no effect; "" where it has."""

    name: str = ""
    kind: Kind
    help: str
    default: Any
    parse: Callable[[str], Any] = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    is_path: bool = False
    secret: bool = False
    instead: str = ""

    @property
    def spelling(self) -> str:
        """As it is typed."""
        return f"-{self.name}" if len(self.name) == 1 else "--" + self.name.replace("_", "-")


def switch(help: str, instead: str = "") -> bool:
    """A flag that is there or not."""
    row = Row(kind="switch", help=help, default=False, instead=instead)
    return field(default=False, metadata={"flag": row})


def value(
    default: T,
    help: str,
    *,
    parse: Callable[[str], Any] = str,
    metavar: str | None = None,
    choices: tuple[str, ...] = (),
    is_path: bool = False,
    secret: bool = False,
    instead: str = "",
) -> T:
    """A flag with one value; `is_path` values are made absolute, `secret` ones are never shown."""
    row = Row(
        kind="value",
        help=help,
        default=default,
        parse=parse,
        metavar="PATH" if is_path and metavar is None else metavar,
        choices=choices,
        is_path=is_path,
        secret=secret,
        instead=instead,
    )
    return field(default=default, metadata={"flag": row})


def several(
    help: str,
    *,
    words: bool = False,
    metavar: str | None = None,
    choices: tuple[str, ...] = (),
    is_path: bool = False,
    instead: str = "",
) -> tuple[str, ...]:
    """A flag that may be given several times, or (`words`) has several words after it."""
    row = Row(
        kind="words" if words else "repeated",
        help=help,
        default=(),
        metavar="PATH" if is_path and metavar is None else metavar,
        choices=choices,
        is_path=is_path,
        instead=instead,
    )
    return field(default=(), metadata={"flag": row})


class Group:
    """Base of the groups of --help; a subclass is a frozen dataclass with its title as keyword.

    It needs no methods: nobody makes a group alone, `Flags` has all fields and their methods.
    """

    group_title: ClassVar[str] = ""

    def __init_subclass__(cls, *, title: str = "") -> None:
        cls.group_title = title


def rows_of(group: type[Group]) -> tuple[Row, ...]:
    """The flags of one group (or of all, for the record that joins them)."""
    return tuple(
        replace(entry.metadata["flag"], name=entry.name)
        for entry in fields(group)  # type: ignore[arg-type]  # every Group is a dataclass
        if "flag" in entry.metadata
    )
