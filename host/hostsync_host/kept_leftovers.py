"""Leftovers from one push to the next. A file that is cut short reads as well, so what is in it is said by its name, or
by its end."""

from __future__ import annotations

import os
import sys
import zlib
from typing import Iterable, Iterator

from .leftovers import Leftover, read_leftovers, write_leftovers
from .manifest import Damaged

NONE = "-"
_SEAL = 10


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


def seal(path: bytes) -> None:
    """Ends a file that keeps its name."""
    end = f"={_check(path)}\0".encode()
    with open(path, "ab") as file:
        file.write(end)


def read_sealed(path: bytes) -> Iterator[Leftover]:
    """Nothing if there is none. @raises Damaged unless it is as it was when it was sealed"""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END) - _SEAL
            file.seek(max(size, 0))
            end = file.read()
    except FileNotFoundError:
        return
    if size < 0 or end != f"={_check(path, size)}\0".encode():
        raise Damaged(f"{os.fsdecode(path)} is not what was written")
    yield from (leftover for leftover in read_leftovers(path) if leftover.kind != b"=")


def _check(path: bytes, size: int = sys.maxsize) -> str:
    """Of what a file holds, in eight digits; empty if there is none."""
    check = 0
    try:
        with open(path, "rb") as file:
            while True:
                chunk = file.read(min(1 << 16, size))
                if not chunk:
                    return f"{check:08x}"
                check = zlib.crc32(chunk, check)
                size -= len(chunk)
    except OSError:
        return ""
