"""Reads a request, or refuses it as a whole: a field a line, its parts separated by one tab (docs/host-package.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, Optional, Sequence

from . import public_keys
from .errors import bad_request
from .options import Options, make_options, name_problem, number_problem, value_problem
from .system_directories import is_system_directory


@dataclass(frozen=True)
class Directory:
    path: bytes
    owner: Optional[str]
    group: Optional[str]


@dataclass(frozen=True)
class Secondary:
    id: str
    address: str
    port: int
    # "TYPE KEY"; None: known_hosts has it
    host_key: Optional[str]


@dataclass(frozen=True)
class Request:
    command: str
    group: str
    epoch: int
    # the id of the epoch's primary, where the sender says it
    holder: Optional[str]
    directories: tuple[Directory, ...]
    excludes: tuple[bytes, ...]
    secondaries: tuple[Secondary, ...]
    # "TYPE KEY"
    public_key: Optional[str]
    options: Options
    # absolute paths, each below a directory: of what is kept nothing else is meant
    only: tuple[bytes, ...] = ()


COMMANDS = ("push", "join", "promote", "leave", "rescue", "probe", "doctor")
FIELDS = {
    "group": frozenset(COMMANDS),
    "epoch": frozenset(COMMANDS),
    "holder": frozenset(COMMANDS),
    "directory": frozenset(["push", "join", "leave", "rescue", "doctor"]),
    "exclude": frozenset(["push", "leave", "rescue"]),
    "only": frozenset(["rescue", "doctor"]),
    "secondary": frozenset(["push", "rescue", "probe"]),
    "public-key": frozenset(["join"]),
    "option": frozenset(["push", "join", "leave", "rescue", "probe", "doctor"]),
}
# How many parts a line has
PARTS = {"directory": (2, 4), "secondary": (4, 6), "option": (3,), "public-key": (3,)}

GROUP = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,64}")
ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
IPV6 = re.compile(r"(?=.*:.*:)[0-9A-Fa-f:.]{2,45}")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
VALUE_LIMIT = 80


@dataclass
class _Reader:
    command: str
    line: int = 0
    group: Optional[str] = None
    epoch: Optional[int] = None
    holder: Optional[str] = None
    public_key: Optional[str] = None
    directories: list[Directory] = field(default_factory=list[Directory])
    excludes: list[bytes] = field(default_factory=list[bytes])
    only: list[bytes] = field(default_factory=list[bytes])
    secondaries: dict[str, Secondary] = field(default_factory=dict[str, Secondary])
    options: dict[str, str] = field(default_factory=dict[str, str])

    def bad(self, name: str, value: str, remedy: str) -> NoReturn:
        if len(value) > VALUE_LIMIT:
            value = value[:VALUE_LIMIT] + "..."
        if len(name) > VALUE_LIMIT:
            name = name[:VALUE_LIMIT] + "..."
        raise bad_request(f'line {self.line}, {name} "{value}": {remedy}')

    def check(self, name: str, value: str, problem: Optional[str]) -> None:
        if problem is not None:
            self.bad(name, value, problem)

    def check_once(self, name: str, value: str, earlier: object) -> None:
        if earlier is not None:
            self.bad(name, value, "is there twice; take one line away")

    # --- one line

    def read_line(self, data: bytes) -> None:
        self.line += 1
        text = data.decode("utf-8", "replace")
        name, _, value = text.partition("\t")
        if not text:
            self.bad("field", "", "the line is empty; take it away")
        if CONTROL.search(text):
            self.bad(name, value, "has a control character; take it away (lines end in \\n, not \\r\\n)")
        try:
            data.decode("utf-8", "strict")
        except UnicodeDecodeError:
            self.bad(name, value, "is not UTF-8; write it in UTF-8")
        if name not in FIELDS:
            self.bad("field", name, "is unknown; separate the parts of a line by one tab")
        if self.command not in FIELDS[name]:
            self.bad(name, value, f"is not for {self.command}; take the line away")
        parts = text.split("\t")
        if len(parts) not in PARTS.get(name, (2,)) or "" in parts:
            self.bad(
                name,
                value,
                f"has {len(parts)} parts or an empty one; see docs/host-package.md, and separate them by one tab",
            )
        self.take(name, parts[1:])

    def take(self, name: str, parts: Sequence[str]) -> None:
        if name == "directory":
            self.take_directory(parts)
        elif name == "secondary":
            self.take_secondary(parts)
        elif name == "option":
            self.take_option(parts[0], parts[1])
        elif name == "exclude":
            self.take_exclude(parts[0])
        elif name == "only":
            self.check("only", parts[0], _form_problem(parts[0]))
            self.only.append(parts[0].encode())
        elif name == "public-key":
            self.check_once(name, parts[1], self.public_key)
            self.public_key = self.take_key(name, parts)
        else:
            self.take_heading(name, parts[0])

    def take_heading(self, name: str, value: str) -> None:
        if name == "group":
            self.check_once(name, value, self.group)
            if not GROUP.fullmatch(value):
                self.bad(name, value, "is no group name; use letters, digits, ., _ and -, at most 64")
            self.group = value
        elif name == "epoch":
            self.check_once(name, value, self.epoch)
            self.check(name, value, number_problem(value, 1, 999999999999999))
            self.epoch = int(value)
        else:
            self.check_once(name, value, self.holder)
            if not HOST.fullmatch(value):
                self.bad(name, value, "is no instance id or host name; use letters, digits, . and -")
            self.holder = value

    def take_directory(self, parts: Sequence[str]) -> None:
        path = parts[0]
        self.check("directory", path, _path_problem(path))
        for other in (each.path.decode() for each in self.directories):
            self.check_once("directory", path, other if other == path else None)
            if path.startswith(other + "/") or other.startswith(path + "/"):
                self.bad("directory", path, f'it and "{other}" lie one inside the other; name the outer one only')
        for account in parts[1:]:
            if not ACCOUNT.fullmatch(account):
                self.bad("directory", account, "is no user or group; write a name or a number")
        owner, group = (parts[1], parts[2]) if len(parts) == 3 else (None, None)
        self.directories.append(Directory(path.encode(), owner, group))

    def take_exclude(self, pattern: str) -> None:
        data = pattern.encode()
        if len(data) > 1000:
            self.bad("exclude", pattern, "is too long; at most 1000 bytes")
        self.excludes.append(data)

    def take_secondary(self, parts: Sequence[str]) -> None:
        name, address, port = parts[:3]
        if not HOST.fullmatch(name):
            self.bad("secondary", name, "is no instance id or host name; use letters, digits, . and -")
        self.check_once("secondary", name, self.secondaries.get(name.lower()))
        if not HOST.fullmatch(address) and not IPV6.fullmatch(address):
            self.bad("secondary address", address, "is none; write an IPv4 or IPv6 address or a host name")
        self.check("secondary port", port, number_problem(port, 1, 65535))
        host_key = self.take_key("secondary key", parts[3:]) if len(parts) == 5 else None
        self.secondaries[name.lower()] = Secondary(name, address, int(port), host_key)

    def take_key(self, name: str, parts: Sequence[str]) -> str:
        kind, key = parts
        self.check(name, kind, public_keys.type_problem(kind))
        self.check(name, key, public_keys.key_problem(kind, key))
        return f"{kind} {key}"

    def take_option(self, name: str, value: str) -> None:
        self.check("option", name, name_problem(self.command, name))
        self.check(f"option {name}", value, value_problem(name, value))
        self.check_once("option", name, self.options.get(name))
        self.options[name] = value

    # --- the whole

    def missing(self, name: str) -> NoReturn:
        self.bad(name, "", f'is missing; add a line "{name}", a tab and its value')

    def only_problem(self, path: bytes) -> Optional[str]:
        if not {"kept", "list-kept"} & self.options.keys():
            return "is for what is kept; add the option kept or list-kept, or take the line away"
        if any((path + b"/").startswith(each.path + b"/") for each in self.directories):
            return None
        return "is in no directory of the request; name a path below one of them"

    def finish(self) -> Request:
        self.line += 1
        if self.group is None:
            self.missing("group")
        if self.epoch is None:
            self.missing("epoch")
        # a host can be asked after its health before there is anything to push
        if not self.directories and self.command in FIELDS["directory"] - {"doctor"}:
            self.missing("directory")
        if self.public_key is None and self.command in FIELDS["public-key"]:
            self.missing("public-key")
        for each in self.only:
            self.check("only", each.decode(), self.only_problem(each))
        return Request(
            command=self.command,
            group=self.group,
            epoch=self.epoch,
            holder=self.holder,
            directories=tuple(self.directories),
            excludes=tuple(self.excludes),
            secondaries=tuple(self.secondaries.values()),
            public_key=self.public_key,
            options=make_options(self.options),
            only=tuple(self.only),
        )


def _form_problem(path: str) -> Optional[str]:
    if not path.startswith("/"):
        return "is not absolute; begin it with /"
    if "//" in path or any(part in (".", "..") for part in path.split("/")) or (path.endswith("/") and path != "/"):
        return "is not normalised; write it without //, /./, /../ and / at the end"
    return None


def _path_problem(path: str) -> Optional[str]:
    if problem := _form_problem(path):
        return problem
    # rsyncd.conf has no quotes: % names a variable, \ continues a line, a blank at the end is lost
    if len(path.encode()) > 1000 or "%" in path or "\\" in path or path.endswith(" "):
        return "has %, \\, a blank at the end, or more than 1000 bytes; rename it"
    if is_system_directory(path):
        return "is part of the system; name one that holds nothing but your content"
    return None


def read_request(command: str, data: bytes) -> Request:
    """The request, or a HostError that names line, field, value and remedy."""
    if b"\0" in data:
        raise bad_request("the request has a NUL byte; write it as UTF-8 text")
    if not data:
        raise bad_request("the request is empty; see docs/host-package.md for its form")
    reader = _Reader(command)
    for line in data[: -1 if data.endswith(b"\n") else None].split(b"\n"):
        reader.read_line(line)
    return reader.finish()
