"""A second look at a directory in which something changed: what has the inode and ctime that it had keeps its record,
and only the rest is looked at again."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Iterator, Optional, Tuple

from .looker import Looker, Seen
from .manifest import NEVER, SPECIAL

if TYPE_CHECKING:
    from .scan import Walk

_DIRECTORY, _SELF = ord("d"), ord(".")
_Known = Tuple[bytes, int, int, bytes, bytes]


def revise(glance: Looker, seen: Seen, records: Iterator[bytes], directory: int, sink: BinaryIO) -> Optional[Seen]:
    """`glance` and `seen`: the first look. `records`: as they were. Nothing if all must be looked at again. @raises
    Damaged"""
    walk: Walk = glance.walk
    again = Looker(walk, glance.path, glance.own, sink)
    again.flags = seen.flags & SPECIAL
    known = _taken_apart(records, again.recent)
    now = next(known, None)
    moved = False
    for data, names in glance.looked:
        numbers = _numbers(glance, data, len(names))
        if numbers is None:
            return None
        for name, inode, changed in zip(names, *numbers):
            while now is not None and now[0] < name:
                now = next(known, None)
            if now is not None and now[0] == name and now[1] == inode and now[2] == changed:
                again.reuse(now[3], now[3][0], now[4])
                continue
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                moved = True
                continue
            again.take(name, status)
            moved = moved or status.st_ino != inode or (changed != 0 and status.st_ctime_ns != changed)
    end = again.end()
    # what the digest says must be what the records say
    return end._replace(digest=NEVER if moved or again.young else seen.digest)


def _numbers(glance: Looker, data: bytes, count: int) -> Optional[Tuple[Tuple[int, ...], Tuple[int, ...]]]:
    """Inodes and ctimes, in the order of names."""
    own = 16 if data is glance.looked[0][0] else 0
    if len(data) != own + 16 * count:  # a time before 1970
        return None
    numbers = struct.unpack_from(f"<{2 * count}Q", data, own)
    return numbers[::2], numbers[1::2]


def _taken_apart(records: Iterator[bytes], recent: int) -> Iterator[_Known]:
    """Name, inode, ctime (as a glance has it), record and size of what may keep its record."""
    for record in records:
        kind = record[0]
        if kind == _DIRECTORY:
            _, inode, name = record.split(b" ", 2)
            yield name, int(inode), 0, record, b""
        elif kind != _SELF:
            _, _, _, _, _, inode, size, _, changed, name = record.split(b" ", 9)
            # one that was young begins with r
            at = int(changed) if changed.isdigit() else -1
            yield name, int(inode), at if 0 < at < recent else -1, record, size
