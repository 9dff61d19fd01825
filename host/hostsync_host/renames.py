"""Directories that were renamed: secondaries have their files, under the old name.

A directory that is gone and a new one with its inode are taken for one. What that says of the files in it is asked of
each of them, for an inode may have been given to another one.
"""

from __future__ import annotations

import hashlib
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .compare import Move, same_block
from .differing import differing
from .leftovers import Leftover, join
from .manifest import MOUNT, Entry, Manifest, below, key_of, pairs
from .records import Record, name_of, parse_record

MOST_DIRECTORIES = 20_000
"""That are gone, and looked for under another name."""


class Moved(NamedTuple):
    """One of the directories of a move: what it was, and what it is."""

    move: Move
    was: Entry
    now: Entry


def find_moved(old: Manifest, new: Manifest) -> List[Moved]:
    """In the order of new paths. @raises Damaged"""
    gone: Dict[bytes, Entry] = {}
    tops: Dict[int, bytes] = {}
    top: Optional[bytes] = None
    some_new = False
    for was, now in pairs(old.entries(), new.entries()):
        some_new = some_new or was is None
        if was is None or now is not None or len(gone) >= MOST_DIRECTORIES:
            continue
        gone[was.path] = was
        if top is None or not below(was.key, top):
            top = was.key
            if not was.flags & MOUNT:
                tops[_inode(old, was)] = was.path
    return list(_moved(old, new, gone, tops)) if some_new and tops else []


def _moved(old: Manifest, new: Manifest, gone: Dict[bytes, Entry], tops: Dict[int, bytes]) -> Iterator[Moved]:
    move: Optional[Move] = None
    for was, now in pairs(old.entries(), new.entries()):
        if was is not None or now is None:
            continue
        if move is None or not below(now.key, key_of(move.new)):
            inode = _inode(new, now)
            origin = tops.pop(inode, None) if not now.flags & MOUNT else None
            move = Move(origin, now.path, inode) if origin is not None else None
        before = gone.get(move.old + now.path[len(move.new) :]) if move is not None else None
        if move is not None and before is not None:
            yield Moved(move, before, now)


def _inode(manifest: Manifest, entry: Entry) -> int:
    own = next(manifest.records(entry), None)
    return parse_record(own).inode if own is not None else -1


def same_names(old: Iterator[bytes], new: Iterator[bytes]) -> Iterator[Tuple[bytes, bytes]]:
    """The records of the same name."""
    was, now = next(old, None), next(new, None)
    while was is not None and now is not None:
        one, two = name_of(was), name_of(now)
        if one == two:
            yield was, now
        if one <= two:
            was = next(old, None)
        if two <= one:
            now = next(new, None)


def _is_same(was: bytes, now: bytes) -> bool:
    """Nothing of it is lost. A ctime also changes with mode and owner."""
    one, two = parse_record(was), parse_record(now)
    return (one.kind, one.inode, one.size, one.modified) == (two.kind, two.inode, two.size, two.modified)


def gone(old: Manifest, new: Manifest, moved: Sequence[Moved] = ()) -> Iterator[Leftover]:
    """What was in a manifest and is not in a newer one, in order; what only has another path now is not gone.
    @raises Damaged"""
    now_at = {one.was.path: one.now for one in moved}
    tops = {one.move.old for one in moved}
    for was, now in pairs(old.entries(), new.entries()):
        if was is None or (now is not None and same_block(was, now)):
            continue
        before, after = differing(old, was, new, now) if now is not None else (old.records(was), iter(()))
        names = {name_of(record): record[:1] for record in before}
        names.pop(b"", None)
        for record in after:
            names.pop(name_of(record), None)
        if now is None and was.path in now_at:
            for one, two in same_names(old.records(was), new.records(now_at[was.path])):
                if _is_same(one, two):
                    names.pop(name_of(one), None)
        for name in sorted(names):
            if join(was.path, name) not in tops:
                yield Leftover(b"D" if names[name] == b"d" else b"-", was.path, name)


def count_gone(old: Manifest, new: Manifest, seed: str, few: int) -> Tuple[int, str, List[Moved]]:
    """How many names are gone, an id for them, and what was renamed; with a few it is not looked for. @raises
    Damaged"""
    count, identity = _count(old, new, seed, [])
    moved = find_moved(old, new) if count > few else []
    if moved:
        count, identity = _count(old, new, seed, moved)
    return count, identity, moved


def _count(old: Manifest, new: Manifest, seed: str, moved: Sequence[Moved]) -> Tuple[int, str]:
    count, names = 0, hashlib.sha256(seed.encode())
    for leftover in gone(old, new, moved):
        count += 1
        names.update(leftover.path + b"\0")
    return count, names.hexdigest()[:16]


def files_below(manifest: Manifest, directories: Sequence[bytes]) -> Iterator[Tuple[bytes, Record]]:
    """With their paths, in the order of the manifest. @raises Damaged"""
    tops = [key_of(directory) for directory in directories]
    for entry in manifest.entries():
        if any(below(entry.key, top) for top in tops):
            for record in manifest.records(entry):
                if record.startswith(b"f"):
                    yield join(entry.path, name_of(record)), parse_record(record)
