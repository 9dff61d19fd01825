"""Leftovers from one push to the next. The name of a file says what is in it: one that is cut short reads as well."""

from __future__ import annotations

import os
import zlib
from typing import Iterable, Iterator

from .leftovers import Leftover, read_leftovers, write_leftovers
from .manifest import Damaged

NONE = "-"


def keep(place: bytes, secondary: str, leftovers: Iterable[Leftover]) -> str:
    """@returns the name to read them by"""
    own = os.urandom(4).hex()
    path = os.path.join(place, f".{secondary}.{own}".encode())
    with open(path, "wb") as file:
        count = write_leftovers(file, leftovers)
    if not count:
        os.unlink(path)
        return NONE
    name = f"{secondary}.{_check(path)}{own}"
    os.rename(path, os.path.join(place, name.encode()))
    return name


def read_kept(place: bytes, name: str) -> Iterator[Leftover]:
    """@raises Damaged unless all is there that was written"""
    if name == NONE:
        return iter(())
    path = os.path.join(place, name.encode())
    if _check(path) != name.rpartition(".")[2][:8]:
        raise Damaged(f"{name} is not what was written")
    return read_leftovers(path)


def _check(path: bytes) -> str:
    """Of what a file holds, in eight digits; empty if there is none."""
    check = 0
    try:
        with open(path, "rb") as file:
            while True:
                chunk = file.read(1 << 16)
                if not chunk:
                    return f"{check:08x}"
                check = zlib.crc32(chunk, check)
    except OSError:
        return ""
