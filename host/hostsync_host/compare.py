"""What differs between the manifest that a secondary has received and the newest one: lists of names for rsync.

Beside its manifest a secondary may have *leftovers*, names of which it is not known what they are over there: they were
to be deleted and were not, or were being sent when something went wrong.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .differing import differing
from .leftovers import Leftover, join, read_names
from .looker import LARGE_SIZE
from .manifest import MOUNT, NEVER, Entry, Manifest, key_of, pairs
from .other_names import add_other_names
from .records import name_of, parse_record

LISTS = ("send", "checksum", "anew", "links", "large", "large_same", "shut", "dirs", "deleted", "swapped", "moved")


class Move(NamedTuple):
    """A directory that was renamed."""

    old: bytes
    new: bytes
    inode: int


@dataclass
class Comparison:
    """Lists of names, in files, and how many are on each.

    send: what the quick check finds; checksum, anew: files that it would take for the same; links: symbolic links,
    which are switched when what they point to is there; large, large_same: likewise as send and checksum; shut: files
    that their owner cannot open; dirs: directories that are new or changed; deleted: leftovers and what is gone;
    swapped: names that were a directory and are something else; moved: files that only have another path now.
    """

    place: bytes
    counts: Dict[str, int] = field(default_factory=lambda: dict.fromkeys(LISTS, 0))
    some_new: bool = False
    some_gone: bool = False
    """There are directories that were not there before, or are not any more."""
    moves: List[Move] = field(default_factory=list[Move])
    """Directories that were renamed, each with files of its own: `moved.N`, `linked.N`."""

    def file(self, name: str) -> bytes:
        return os.path.join(self.place, name.encode())

    def names(self, name: str) -> Iterator[bytes]:
        return read_names(self.file(name))

    @property
    def sends(self) -> bool:
        return any(self.counts[name] for name in LISTS if name not in ("deleted", "swapped", "dirs"))

    @property
    def differs(self) -> bool:
        return any(self.counts.values())


class _Writer:
    def __init__(self, comparison: Comparison, most: int) -> None:
        self.comparison = comparison
        self.most = most
        os.makedirs(comparison.place, exist_ok=True)
        self.files = {name: open(comparison.file(name), "wb", 1 << 16) for name in LISTS}
        self.linked: Dict[int, int] = {}
        """Inode of a file with other names → how many of them are not on the list."""

    def add(self, name: str, path: bytes) -> None:
        self.comparison.counts[name] += 1
        self.files[name].write(path + b"\0")

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def same_block(old: Entry, new: Entry) -> bool:
    """Do two looks at a directory have the same records?"""
    return (old.digest == new.digest != NEVER) or (old.check == new.check and old.size == new.size)


def compare(
    old: Optional[Manifest], leftovers: Iterable[Leftover], new: Manifest, place: bytes, most: int = sys.maxsize
) -> Comparison:
    """Compares; without an old manifest everything is new. Files of more than `most` bytes are on no list.
    @raises Damaged"""
    comparison = Comparison(place)
    writer = _Writer(comparison, most)
    try:
        groups = _Groups(leftovers)
        entries = pairs(old.entries() if old is not None else iter(()), new.entries())
        for was, now in entries:
            entry = now or was
            assert entry is not None
            for directory, names in groups.before(entry.key):
                _leftover_only(writer, directory, names)
            left = groups.take(entry.key)
            if was is not None and now is not None and not left and same_block(was, now):
                continue
            comparison.some_new = comparison.some_new or was is None
            comparison.some_gone = comparison.some_gone or now is None
            if old is not None and was is not None and now is not None and not left:
                before, after = differing(old, was, new, now)
            else:
                before = old.records(was) if old is not None and was is not None else iter(())
                after = new.records(now) if now is not None else iter(())
            _directory(writer, entry.path, now is not None, before, after, left)
        for directory, names in groups.before(None):
            _leftover_only(writer, directory, names)
    finally:
        writer.close()
    parted = frozenset(inode for inode, count in writer.linked.items() if count > 0)
    if parted:
        comparison.counts["anew"] += add_other_names(comparison.file("anew"), new, parted)
    return comparison


class _Groups:
    """Leftovers, by directory, in the order of directories."""

    def __init__(self, leftovers: Iterable[Leftover]) -> None:
        self.source = iter(leftovers)
        self.next = next(self.source, None)

    def _group(self) -> Tuple[bytes, Dict[bytes, bytes]]:
        assert self.next is not None
        directory = self.next.directory
        names: Dict[bytes, bytes] = {}
        while self.next is not None and self.next.directory == directory:
            names[self.next.name] = self.next.kind
            self.next = next(self.source, None)
        return directory, names

    def before(self, key: Optional[bytes]) -> Iterator[Tuple[bytes, Dict[bytes, bytes]]]:
        while self.next is not None and (key is None or key_of(self.next.directory) < key):
            yield self._group()

    def take(self, key: bytes) -> Dict[bytes, bytes]:
        if self.next is None or key_of(self.next.directory) != key:
            return {}
        return self._group()[1]


def _leftover_only(writer: _Writer, directory: bytes, names: Dict[bytes, bytes]) -> None:
    for name in sorted(names):
        writer.add("deleted", names[name] + join(directory, name))


def _directory(
    writer: _Writer,
    path: bytes,
    exists: bool,
    before: Iterator[bytes],
    after: Iterator[bytes],
    left: Dict[bytes, bytes],
) -> None:
    """Compares one directory."""
    was, now = next(before, None), next(after, None)
    if exists and was != now:
        writer.add("dirs", path)
    was, now = next(before, None), next(after, None)
    while was is not None or now is not None:
        if was is not None and was == now and (not left or name_of(was) not in left):
            was, now = next(before, None), next(after, None)
            continue
        one = name_of(was) if was is not None else None
        two = name_of(now) if now is not None else None
        if two is None or (one is not None and one < two):
            assert one is not None and was is not None
            left.setdefault(one, b"D" if was.startswith(b"d") else b"-")
            was = next(before, None)
            continue
        assert now is not None
        kind = left.pop(two, None)
        _entry(writer, join(path, two), was if one == two else None, now, kind)
        if one == two:
            was = next(before, None)
        now = next(after, None)
    _leftover_only(writer, path, left)


def _entry(writer: _Writer, path: bytes, was: Optional[bytes], now: bytes, left: Optional[bytes]) -> None:
    """One name that is there now, and differs from what the secondary has or may have."""
    kind = now[:1]
    if ((was is not None and was.startswith(b"d")) or left == b"D") and kind != b"d":
        writer.add("swapped", path)
        left = left or b"-"
    if kind == b"d":
        if left is not None:
            writer.add("dirs", path)
        return
    if kind == b"l":
        writer.add("links", path)
    elif kind in b"sf" and parse_record(now).size > writer.most:
        return
    elif kind == b"s":
        writer.add("shut", path)
    elif kind == b"f":
        _file(writer, path, was, now, left)


def _file(writer: _Writer, path: bytes, was: Optional[bytes], now: bytes, left: Optional[bytes]) -> None:
    new = parse_record(now)
    old = parse_record(was) if was is not None and not was.startswith(b"d") else None
    linked = new.links > 1 or (old is not None and old.links > 1)
    same = old is not None and (old.size, old.modified) == (new.size, new.modified)
    if linked:
        # Hard links are one for those that rsync sends together. And it parts what is linked over there only by
        # writing anew.
        writer.add("anew", path)
        if new.links > 1:
            writer.linked[new.inode] = writer.linked.get(new.inode, new.links) - 1
    elif new.size >= LARGE_SIZE:
        writer.add("large_same" if same or left is not None else "large", path)
    elif left == b"?":
        writer.add("checksum", path)
    elif left is not None or (same and old is not None and old.inode != new.inode):
        writer.add("anew", path)
    elif same:
        writer.add("checksum", path)
    else:
        writer.add("send", path)


def still_there(leftovers: Iterable[Leftover], manifest: Manifest) -> Iterator[Tuple[Leftover, bool]]:
    """For names in order: is there one of the name in the manifest? @raises Damaged"""
    entries = manifest.entries()
    entry = next(entries, None)
    directory: Optional[bytes] = None
    known: FrozenSet[bytes] = frozenset()
    for leftover in leftovers:
        if leftover.directory != directory:
            directory = leftover.directory
            key = key_of(directory)
            while entry is not None and entry.key < key:
                entry = next(entries, None)
            known = frozenset()
            if entry is not None and entry.key == key:
                known = frozenset(name_of(record) for record in manifest.records(entry))
        yield leftover, leftover.name in known
    for _ in entries:
        pass


def lost_mounts(old: Manifest, new: Manifest) -> List[bytes]:
    """Directories where another file system began, and does not any more. @raises Damaged"""
    return [
        was.path
        for was, now in pairs(old.entries(), new.entries())
        if was is not None and was.flags & MOUNT and not (now is not None and now.flags & MOUNT)
    ]
