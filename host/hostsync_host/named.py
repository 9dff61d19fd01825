"""A look at those names of a directory alone of which events tell. All others are as they were known, and are not
looked at: the cost of an upload does not grow with what lies beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Iterable, Iterator, Mapping, Optional

from .looker import Looker, Seen
from .manifest import SPECIAL
from .records import parse_record
from .rsync import TEMPORARY

if TYPE_CHECKING:
    from .scan import Walk


def look_at_names(
    walk: Walk, path: bytes, names: Iterable[bytes], records: Mapping[bytes, bytes], flags: int, sink: BinaryIO
) -> Optional[Seen]:
    """`records`, in order, and `flags`: as the directory was known. Nothing if it is not that directory any more.
    @raises PermissionError"""
    directory = walk.open(path)
    if directory is None:
        return None
    try:
        own = os.fstat(directory)
        if b"" not in records or parse_record(records[b""]).inode != own.st_ino:
            return None
        os.stat(b".", dir_fd=directory)  # may the owner look at what is in it at all?
        looker = Looker(walk, path, own, sink)
        looker.flags = flags & SPECIAL
        todo = iter(sorted(name for name in names if name not in (b".", TEMPORARY)))
        _merge(looker, directory, todo, records)
        return looker.end()
    finally:
        os.close(directory)


def _merge(looker: Looker, directory: int, todo: Iterator[bytes], records: Mapping[bytes, bytes]) -> None:
    now = next(todo, None)
    for name, record in records.items():
        if not name:
            continue
        while now is not None and now < name:
            _take(looker, directory, now)
            now = next(todo, None)
        if now == name:
            _take(looker, directory, name)
            now = next(todo, None)
        else:
            looker.keep(name, record)
    while now is not None:
        _take(looker, directory, now)
        now = next(todo, None)


def _take(looker: Looker, directory: int, name: bytes) -> None:
    try:
        looker.take(name, os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        pass
