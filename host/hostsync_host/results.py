"""What a command says: results as JSON on standard output, one object a line; the log on standard error."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Mapping, Sequence, cast

MESSAGE_LIMIT = 300
EXAMPLE_LIMIT = 200

_lock = threading.Lock()
_command = "hostsync"
_UNPRINTABLE = {code: "?" for code in (*range(32), *range(127, 160))}


def name_command(command: str) -> None:
    """The name under which the log speaks."""
    global _command
    _command = command


def show(name: bytes) -> str:
    """A name as text for messages: what is not UTF-8 becomes U+FFFD."""
    return name.decode("utf-8", "replace")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters as JSON, between the quotes; says with dots that it was cut."""
    if len(text) <= limit and len(json.dumps(text)) - 2 <= limit:
        return text
    used = 0
    kept = 0
    for index, char in enumerate(text[:limit]):
        used += len(json.dumps(char)) - 2
        if used > limit:
            break
        if used <= limit - 3:
            kept = index + 1
    return text[:kept] + "..."


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return show(value)
    if isinstance(value, str):
        # a name that Python decoded may hold surrogates for bytes
        return show(value.encode("utf-8", "surrogateescape")) if not value.isascii() else value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence):
        return [_plain(each) for each in cast("Sequence[object]", value)]
    return value


def to_json(fields: Mapping[str, object]) -> str:
    """One line of printable ASCII. Messages and examples are cut to their limits."""
    plain: dict[str, object] = {}
    for name, value in fields.items():
        value = _plain(value)
        if isinstance(value, str) and name in ("message", "hookMessage"):
            value = cut(value, MESSAGE_LIMIT)
        elif isinstance(value, list) and name == "examples":
            names = cast("list[object]", value)
            value = [cut(each, EXAMPLE_LIMIT) if isinstance(each, str) else each for each in names]
        plain[name] = value
    return json.dumps(plain, separators=(",", ":")).replace("\x7f", "\\u007f")


def emit(kind: str, **fields: object) -> None:
    """Writes one result. Fields have the names of the contract."""
    line = to_json({"v": 1, "kind": kind, **fields}) + "\n"
    _write(sys.stdout.fileno(), line.encode("ascii"))


def log(message: str) -> None:
    """Writes to the log; control characters may come from another host."""
    text = f"hostsync {_command}: {message.translate(_UNPRINTABLE)}\n"
    _write(sys.stderr.fileno(), text.encode("utf-8", "surrogateescape"))


def _write(descriptor: int, data: bytes) -> None:
    # one write a line, so that lines of threads and of children never mix
    with _lock:
        while data:
            data = data[os.write(descriptor, data) :]
