"""Of two looks at one directory, the records that differ: what they begin and end with alike is passed over unread."""

from __future__ import annotations

import os
import zlib
from typing import Iterator, Tuple

from .manifest import CHUNK, Damaged, Entry, Manifest

_LONGEST = 1024
"""Bytes: no record is longer."""


class _Block:
    """The records of one directory."""

    def __init__(self, manifest: Manifest, entry: Entry) -> None:
        self.descriptor = manifest.descriptors[entry.segment]
        self.offset = entry.offset
        self.size = entry.size
        check, last = 0, b""
        for last in manifest.chunks(entry):
            check = zlib.crc32(last, check)
        if check != entry.check or not last or last[-1]:
            raise Damaged(f"{manifest.name}: records are not what was written")
        self.own = self.read(0, _LONGEST).partition(b"\0")[0]
        self.base = len(self.own) + 1

    def read(self, at: int, count: int) -> bytes:
        return os.pread(self.descriptor, min(count, self.size - at), self.offset + at)

    def records(self, start: int, end: int) -> Iterator[bytes]:
        """The directory's own, and those from `start` after it to `end` before the last."""
        yield self.own
        at, last, rest = self.base + start, self.size - end, b""
        while at < last:
            chunk = self.read(at, min(CHUNK, last - at))
            if not chunk:
                raise Damaged("records are missing")
            at += len(chunk)
            *whole, rest = (rest + chunk).split(b"\0")
            yield from whole


def differing(old: Manifest, was: Entry, new: Manifest, now: Entry) -> Tuple[Iterator[bytes], Iterator[bytes]]:
    """@raises Damaged"""
    one, two = _Block(old, was), _Block(new, now)
    room = min(one.size - one.base, two.size - two.base)
    start = _alike(one, two, room)
    end = _alike_at_end(one, two, room - start)
    return one.records(start, end), two.records(start, end)


def _common(one: bytes, two: bytes) -> int:
    """How many bytes they begin with alike."""
    low, high = 0, min(len(one), len(two))
    if one[:high] == two[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == two[low:middle] else (low, middle - 1)
    return low


def _alike(one: _Block, two: _Block, room: int) -> int:
    start = 0
    while start < room:
        count = min(CHUNK, room - start)
        same = _common(one.read(one.base + start, count), two.read(two.base + start, count))
        start += same
        if same < count:
            break
    # back to the end of a record
    back = min(start, _LONGEST)
    text = one.read(one.base + start - back, back) if back else b""
    return start - back + text.rfind(b"\0") + 1


def _alike_at_end(one: _Block, two: _Block, room: int) -> int:
    end = 0
    while end < room:
        count = min(CHUNK, room - end)
        ends = (block.read(block.size - end - count, count)[::-1] for block in (one, two))
        same = _common(*ends)
        end += same
        if same < count:
            break
    # on to the beginning of a record
    text = one.read(one.size - end, _LONGEST) if end else b""
    cut = text.find(b"\0")
    return end - cut - 1 if cut >= 0 else 0
