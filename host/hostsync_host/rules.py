"""Deletion by rules, for secondaries whose rsync takes no list of what is missing: Debian's 3.2.3 has a security fix
that refuses it. From an empty tree, everything is protected but what is to go.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, List

_WILD = re.compile(rb"[*?\[]")
_SPECIAL = re.compile(rb"([\\*?\[])")
_MAGIC = b"[*?\\"


def is_plain(path: bytes) -> bool:
    """Does a rule of rsync's name it and nothing else, as it stands?"""
    return not any(byte in _MAGIC for byte in path) and not path.endswith(b" ")


def rule_of(path: bytes) -> bytes:
    """A pattern that matches this path and no other: rsync takes a backslash for itself where no wildcard is."""
    if not _WILD.search(path) and not path.endswith(b" "):
        return b"/" + path
    pattern = escaped(path)
    return b"/" + (pattern[:-1] + b"[ ]" if path.endswith(b" ") else pattern)


def escaped(path: bytes) -> bytes:
    return _SPECIAL.sub(rb"\\\1", path)


def delete_arguments(paths: Iterable[bytes], rules: bytes) -> List[str]:
    """`rules`: the file that is written for them."""
    with open(rules, "wb") as file:
        for path in paths:
            file.write(b"R " + rule_of(path) + b"\0R /" + escaped(path) + b"/**\0")
    return [
        "--recursive",
        "--existing",
        "--ignore-existing",
        "--delete",
        "--from0",
        f"--filter=. {os.fsdecode(rules)}",
        "--filter=P *",
    ]
