"""The walk: one look at everything below a directory, and what differs from the last manifest.

It runs in processes that became the directory's owner by fork, without exec, so that the owner can neither trace them
nor have them read what is not his. A look at a directory takes the names, inodes and ctimes in it together to a digest;
only where that is another one than before, records are made. What comes out is a *patch*: the directories that changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import BinaryIO, Callable, Container, Iterator, List, Mapping, Optional, Tuple

from .excludes import Matcher
from .looker import YOUNG_NS, Looker, Seen
from .manifest import MOUNT, NEVER, UNREADABLE, Entry, Manifest, key_of
from .revise import revise
from .rsync import TEMPORARY

LONGEST = 4040
"""Bytes of a path: rsync has 4,095, and puts the names of its temporary files into them."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_EXAMPLES = 200
NAME_MOST = 255
"""Bytes of a name, on Linux."""
GONE = 0x80
"""Flag of a patch: the directory was in the last manifest, and is no more."""


@dataclass
class Named:
    """Names that are told of: how many, and the first of them."""

    count: int = 0
    examples: List[bytes] = field(default_factory=list[bytes])

    def add(self, path: bytes) -> None:
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(path)

    def join(self, other: Named) -> None:
        self.count += other.count
        self.examples = (self.examples + other.examples)[:_EXAMPLES]


@dataclass
class Found:
    """What a walk tells beside the patch."""

    directories: int = 0
    changed: int = 0
    linked: int = 0
    """Files and links with several names whose records were made."""
    long: Named = field(default_factory=Named)
    """Paths that are too long to be sent."""
    unreadable: Named = field(default_factory=Named)
    """Directories that their owner cannot look at: they stay as they were known."""
    flagged: Named = field(default_factory=Named)
    """Directories with files that the owner cannot read."""


@dataclass(frozen=True)
class Known:
    """A directory as it was known."""

    digest: bytes
    records: Callable[[], Iterator[bytes]]


@dataclass
class Walk:
    """What a walk is told: where, since when, and what to leave out."""

    root: int
    began_ns: int
    excluded: Optional[Matcher]
    owner: int
    group: int
    found: Found = field(default_factory=Found)
    young_ns: int = YOUNG_NS
    stays: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Name → record, in the directory that is looked at: files that are taken as they were known, for they are being
    written."""
    hidden: Container[bytes] = ()
    """Names in that directory that are new, and are being written."""
    on_change: Callable[[], None] = lambda: None
    """Called as soon as a directory is not as it was known, before its records are made."""

    def look(self, path: bytes, sink: BinaryIO, known: Optional[Known] = None) -> Optional[Seen]:
        """Looks at one directory; its records go to `sink`: with `known` only if it is not as it was known. Nothing if
        it went away. @raises PermissionError, Damaged"""
        directory = self.open(path)
        if directory is None:
            return None
        try:
            return self._look(path, directory, sink, known)
        finally:
            os.close(directory)

    def directories(self, path: bytes) -> Optional[Below]:
        """What a look would find of directories in one, and its device, without a look at anything in it. Nothing if
        it went away. @raises PermissionError"""
        directory = self.open(path)
        if directory is None:
            return None
        try:
            with os.scandir(directory) as entries:
                names = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
            names = [name for name in self._sendable(path, names) if not self.left_out(path, name, True)]
            return names, os.fstat(directory).st_dev
        finally:
            os.close(directory)

    def open(self, path: bytes) -> Optional[int]:
        """A descriptor of a directory below the root. Nothing if there is none of that path. @raises OSError"""
        try:
            return os.open(path or b".", _OPEN, dir_fd=self.root)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in (40, 36):  # ELOOP, ENAMETOOLONG: it is a link now, or too deep
                return None
            raise

    def left_out(self, path: bytes, name: bytes, is_directory: bool) -> bool:
        """Is something in a directory excluded?"""
        excluded = self.excluded
        return excluded is not None and excluded(path + b"/" + name if path else name, name, is_directory)

    def _look(self, path: bytes, directory: int, sink: BinaryIO, known: Optional[Known]) -> Seen:
        own = os.fstat(directory)
        with os.scandir(directory) as entries:
            names = self._sendable(path, [os.fsencode(entry.name) for entry in entries])
        if known is not None:
            looker = Looker(self, path, own, None)
            looker.glance(names, directory)
            seen = looker.end()
            if seen.digest == known.digest != NEVER:
                return seen
            self.on_change()
            start = sink.tell()
            revised = revise(looker, seen, known.records(), directory, sink)
            if revised is not None:
                return revised
            sink.seek(start)
            sink.truncate()
        looker = Looker(self, path, own, sink)
        status = os.stat
        for name in names:
            try:
                looker.take(name, status(name, dir_fd=directory, follow_symlinks=False))
            except FileNotFoundError:
                continue
        return looker.end()

    def _sendable(self, path: bytes, names: List[bytes]) -> List[bytes]:
        """Sorts names of a directory, and leaves out what is never sent."""
        names.sort()
        if TEMPORARY in names:  # also a file of that name: over there it would stand in rsync's way
            names.remove(TEMPORARY)
        if not path:
            names = [name for name in names if name != b"lost+found"]
        most = room(path)
        if most < NAME_MOST:
            for name in names:
                if len(name) > most:
                    self.found.long.add(path + b"/" + name if path else name)
            names = [name for name in names if len(name) <= most]
        return names


def room(path: bytes) -> int:
    """How many bytes a name in a directory may have."""
    return LONGEST - len(path) - (1 if path else 0)


class Old:
    """The last manifest, beside the walk: from `low` to below `high`."""

    def __init__(self, manifest: Optional[Manifest], low: bytes, high: Optional[bytes]) -> None:
        self.manifest = manifest
        self.entries: Iterator[Entry] = manifest.entries() if manifest is not None else iter(())
        self.high = high
        self.now: Optional[Entry] = None
        self.next()
        while self.now is not None and self.now.key < low:
            self.next()

    def next(self) -> None:
        self.now = next(self.entries, None)
        if self.now is not None and self.high is not None and self.now.key >= self.high:
            # to its end, which says whether it is whole
            for _ in self.entries:
                pass
            self.now = None

    def known(self, entry: Optional[Entry]) -> Optional[Known]:
        manifest = self.manifest
        if entry is None or manifest is None:
            return None
        return Known(entry.digest, lambda: manifest.records(entry))

    def take(self, key: bytes) -> Optional[Entry]:
        now = self.now
        return now if now is not None and now.key == key else None


def in_range(key: bytes, low: bytes, high: Optional[bytes]) -> bool:
    return key >= low and (high is None or key < high)


def may_hold(key: bytes, low: bytes, high: Optional[bytes]) -> bool:
    """May the directory, or something below it, be in the range?"""
    return not key or ((high is None or key < high) and key + b"\1" > low)


Emit = Callable[[Entry], None]
Below = Tuple[List[bytes], int]
"""The directories in one, and its device."""


def walk_range(walk: Walk, old: Old, low: bytes, high: Optional[bytes], sink: BinaryIO, emit: Emit) -> None:
    """Walks the directories with keys from `low` to below `high`, and emits those that changed."""
    stack: List[Tuple[bytes, Optional[int]]] = [(b"", None)]
    while stack:
        path, above = stack.pop()
        key = key_of(path)
        inside = in_range(key, low, high)
        if inside:
            while old.now is not None and old.now.key < key:
                emit(old.now._replace(flags=GONE))
                old.next()
        below = _visit(walk, old, path, key, above, sink, emit) if inside else _pass(walk, old, path, key)
        if below is None:
            continue
        names, device = below
        for name in reversed(names):
            child = path + b"/" + name if path else name
            if may_hold(key_of(child), low, high):
                stack.append((child, device))
    while old.now is not None:
        emit(old.now._replace(flags=GONE))
        old.next()


def _pass(walk: Walk, old: Old, path: bytes, key: bytes) -> Optional[Below]:
    """A directory that another process looks at, and tells of, on the way to those that are ours."""
    found, walk.found = walk.found, Found()
    try:
        return walk.directories(path)
    except PermissionError:
        _keep(walk, old, path, key)
        return None
    finally:
        walk.found = found


def _visit(
    walk: Walk, old: Old, path: bytes, key: bytes, above: Optional[int], sink: BinaryIO, emit: Emit
) -> Optional[Below]:
    was = old.take(key)
    start = sink.tell()
    try:
        seen = walk.look(path, sink, old.known(was))
        if seen is None:
            return None
        mount = MOUNT if above is not None and seen.device != above else 0
        if was is not None and seen.digest == was.digest != NEVER and mount == was.flags & MOUNT:
            walk.found.directories += 1
            if was.flags & UNREADABLE:
                walk.found.flagged.add(path)
            old.next()
            return seen.names, seen.device
        if not seen.recorded:
            seen = walk.look(path, sink)
            if seen is None:
                return None
    except PermissionError:
        _keep(walk, old, path, key)
        return None
    if was is not None:
        old.next()
    walk.found.directories += 1
    walk.found.changed += 1
    if seen.flags & UNREADABLE:
        walk.found.flagged.add(path)
    emit(Entry(key, path, seen.digest, 0, start, seen.size, seen.entries, seen.check, mount | seen.flags))
    return seen.names, seen.device


def _keep(walk: Walk, old: Old, path: bytes, key: bytes) -> None:
    """What cannot be looked at stays as it was known: nothing of it is deleted or sent."""
    walk.found.unreadable.add(path or b".")
    while old.now is not None and (old.now.key == key or old.now.key.startswith(key + b"\0") or not key):
        old.next()
