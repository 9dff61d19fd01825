"""The options of a request: one table says names, values, defaults and which commands take them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional, Union

Value = Union[int, bool, str, None]

KEPT_TIME = r"[0-9]{8}T[0-9]{6}Z(-[1-9][0-9]*)?"
"""Of a push, with a number behind it where there was one of that second."""


@dataclass(frozen=True)
class Options:
    parallel: int = 16
    connect_timeout: int = 10
    io_timeout: int = 60
    push_timeout: int = 3300
    max_delete_share: int = 20
    max_delete_count: int = 10000
    accept_deletions: Optional[str] = None
    verify_every: int = 86400
    first: bool = False
    after_sync: bool = False
    link_renames: str = "yes"
    keep_deleted: int = 0
    keep_max: int = 1000
    max_size: int = 0
    verify: str = "size"
    bandwidth: int = 0
    nice: int = 0
    readable: Optional[str] = None
    peer: Optional[str] = None
    prepare: bool = False
    keep: bool = False
    lists: bool = False
    held: Optional[str] = None
    kept: Optional[str] = None
    list_kept: bool = False
    interval: int = 1
    role: Optional[str] = None
    tick: int = 0
    watch: str = "off"
    quiet: int = 50
    hold: int = 30
    lease: int = 150
    walk_every: int = 300
    max_cpu: int = 25


@dataclass(frozen=True)
class Kind:
    """How an option is written. `least` and `most` are for whole numbers, `pattern` for texts, neither: `yes`."""

    commands: frozenset[str]
    least: int = 0
    most: Optional[int] = None
    pattern: Optional[str] = None
    remedy: str = ""


def _number(commands: str, least: int, most: int) -> Kind:
    return Kind(frozenset(commands.split()), least, most)


def _of_watch(least: int, most: int) -> Kind:
    """Of a push that watches."""
    return Kind(frozenset(["push"]), least, most)


def _yes(commands: str) -> Kind:
    return Kind(frozenset(commands.split()))


KINDS: Mapping[str, Kind] = {
    "parallel": _number("push rescue", 1, 64),
    "connect-timeout": _number("push rescue", 1, 300),
    "io-timeout": _number("push rescue", 5, 3600),
    "push-timeout": _number("push rescue", 5, 172800),
    "max-delete-share": _number("push", 0, 100),
    "max-delete-count": _number("push", 0, 999999999),
    "accept-deletions": Kind(
        frozenset(["push"]),
        pattern="[0-9a-f]{16}",
        remedy="is no id of held deletions; copy the 16 characters of the line deletions-held",
    ),
    "verify-every": _number("push", 0, 31536000),
    "first": _yes("push"),
    "after-sync": _yes("push"),
    "link-renames": Kind(frozenset(["push"]), pattern="yes|no", remedy="must be yes or no"),
    "keep-deleted": _number("push join", 1, 365),
    "keep-max": _number("push join", 1, 99999999),
    "max-size": _number("push", 32, 99999999),
    "verify": Kind(frozenset(["push"]), pattern="size|checksum", remedy="must be size or checksum"),
    "bandwidth": _number("push", 0, 99999999),
    "nice": _number("push", 0, 19),
    "readable": Kind(frozenset(["join"]), pattern="yes|kept", remedy="must be yes or kept; or take the line away"),
    "peer": Kind(
        frozenset(["leave"]), pattern="[A-Za-z0-9][A-Za-z0-9.-]{0,252}", remedy="is no instance id or host name"
    ),
    "prepare": _yes("leave"),
    "keep": _yes("leave"),
    "lists": _yes("rescue"),
    "held": Kind(
        frozenset(["rescue"]),
        pattern="[0-9a-f]{16}",
        remedy="is no id of held deletions; copy the 16 characters of the line deletions-held",
    ),
    "kept": Kind(
        frozenset(["rescue"]),
        pattern=KEPT_TIME,
        remedy="is no time of kept files; copy it from the list that doctor makes with the option list-kept",
    ),
    "list-kept": _yes("doctor"),
    "interval": _number("probe", 1, 60),
    "role": Kind(frozenset(["doctor"]), pattern="primary|secondary", remedy="must be primary or secondary"),
    "tick": _of_watch(1, 999999999999999),
    "watch": Kind(frozenset(["push"]), pattern="auto|off|end|beside", remedy="must be auto, off, end or beside"),
    "quiet": _of_watch(10, 10000),
    "hold": _of_watch(0, 3600),
    "lease": _of_watch(5, 3600),
    "walk-every": _of_watch(10, 86400),
    "max-cpu": _of_watch(1, 100),
}

NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


def number_problem(value: str, least: int, most: int) -> Optional[str]:
    """Why a text is no whole number of that range."""
    if NUMBER.fullmatch(value) and least <= int(value) <= most:
        return None
    return f"must be a whole number from {least} to {most}"


def name_problem(command: str, name: str) -> Optional[str]:
    """Why a command does not take an option."""
    kind = KINDS.get(name)
    if kind is None:
        known = [each for each, its in KINDS.items() if command in its.commands] or list(KINDS)
        return (
            f"is unknown; use {', '.join(known[:-1])} or {known[-1]}"
            if len(known) > 1
            else f"is unknown; use {known[0]}"
        )
    if command not in kind.commands:
        return f"is not for {command}; take the line away"
    return None


def value_problem(name: str, value: str) -> Optional[str]:
    """Why an option cannot have this value."""
    kind = KINDS[name]
    if kind.most is not None:
        return number_problem(value, kind.least, kind.most)
    if kind.pattern is not None:
        return None if re.fullmatch(kind.pattern, value) else kind.remedy
    return None if value == "yes" else "must be yes; or take the line away"


def make_options(given: Mapping[str, str]) -> Options:
    """From names and values without a problem."""
    values: dict[str, Value] = {}
    for name, value in given.items():
        kind = KINDS[name]
        field = name.replace("-", "_")
        if kind.most is not None:
            values[field] = int(value)
        else:
            values[field] = value if kind.pattern is not None else True
    return Options(**values)  # type: ignore[arg-type]
