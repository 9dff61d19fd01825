"""What the editor does with single names."""

from __future__ import annotations

import ctypes
import os
import shutil

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange(one: bytes, other: bytes) -> None:
    """Both names stay, and each has what the other had."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2", one)


def is_directory(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def is_file(path: bytes) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def remove(path: bytes) -> None:
    if is_directory(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def open_at_once(path: str, flags: int) -> int:
    """A pipe without a reader would keep us for ever."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def write(path: bytes, data: bytes, mode: str = "wb") -> None:
    with open(path, mode, opener=open_at_once) as file:
        file.write(data)


def make_parents(path: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
