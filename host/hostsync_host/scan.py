"""The walk: one look at everything below a directory, and what differs from the last manifest.

It runs in processes that became the directory's owner by fork, without exec, so that the owner can neither trace them nor
have them read what is not his. A look at a directory takes the names, inodes and ctimes in it together to a digest; only
where that is another one than before, records are made. What comes out is a *patch*: the directories that changed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Callable, Container, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .excludes import Matcher
from .manifest import LARGE, MOUNT, NEVER, SHUT, UNREADABLE, Entry, Manifest, key_of, parse_record
from .rsync import TEMPORARY

LONGEST = 4040
"""Bytes of a path: rsync has 4,095, and puts the names of its temporary files into them."""
LARGE_SIZE = 32 * 1024 * 1024
"""Bytes: files from this size on come last, in a run of their own."""
YOUNG_NS = 2_000_000_000
"""What changed this shortly before the scan may change again in the same tick of the kernel's clock."""

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY, _FILE, _LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
_EXAMPLES = 5
_BATCH = 4096
GONE = 0x80
"""Flag of a patch: the directory was in the last manifest, and is no more."""


@dataclass
class Named:
    """Names that are told of: how many, and the first of them."""

    count: int = 0
    examples: List[bytes] = field(default_factory=list)

    def add(self, path: bytes) -> None:
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(path)

    def join(self, other: "Named") -> None:
        self.count += other.count
        self.examples = (self.examples + other.examples)[:_EXAMPLES]


@dataclass
class Found:
    """What a walk tells beside the patch."""

    directories: int = 0
    changed: int = 0
    long: Named = field(default_factory=Named)
    """Paths that are too long to be sent."""
    unreadable: Named = field(default_factory=Named)
    """Directories that their owner cannot look at: they stay as they were known."""
    flagged: Named = field(default_factory=Named)
    """Directories with files that the owner cannot read."""


class Seen(NamedTuple):
    """A look at one directory."""

    digest: bytes
    names: List[bytes]
    """Of the directories in it."""
    device: int
    count: int
    size: int
    check: int
    flags: int


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
    stays: Mapping[bytes, bytes] = field(default_factory=dict)
    """Name → record, in the directory that is looked at: files that are taken as they were known, for they are being written."""
    hidden: Container[bytes] = ()
    """Names in that directory that are new, and are being written."""

    def look(self, path: bytes, sink: Optional[BinaryIO]) -> Optional[Seen]:
        """Looks at one directory; its records go to `sink`. Nothing if it went away. @raises PermissionError"""
        try:
            directory = os.open(path or b".", _OPEN, dir_fd=self.root)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in (40, 36):  # ELOOP, ENAMETOOLONG: it is a link now, or too deep
                return None
            raise
        try:
            return self._look(path, directory, sink)
        finally:
            os.close(directory)

    def _look(self, path: bytes, directory: int, sink: Optional[BinaryIO]) -> Seen:
        own = os.fstat(directory)
        names = self._names(path, directory)
        looker = _Looker(self, path, own, sink)
        if sink is None and self.excluded is None:
            looker.glance(names, directory)
            return looker.end()
        status = os.stat
        for name in names:
            try:
                looker.take(name, status(name, dir_fd=directory, follow_symlinks=False))
            except FileNotFoundError:
                continue
        return looker.end()

    def _names(self, path: bytes, directory: int) -> List[bytes]:
        encode = os.fsencode
        with os.scandir(directory) as entries:
            names = [encode(entry.name) for entry in entries]
        names.sort()
        if TEMPORARY in names:  # also a file of that name: over there it would stand in rsync's way
            names.remove(TEMPORARY)
        if not path:
            names = [name for name in names if name != b"lost+found"]
        room = LONGEST - len(path) - (1 if path else 0)
        if room < 255:
            for name in names:
                if len(name) > room:
                    self.found.long.add(path + b"/" + name if path else name)
            names = [name for name in names if len(name) <= room]
        return names


class _Looker:
    """Takes the entries of one directory together."""

    def __init__(self, walk: Walk, path: bytes, own: os.stat_result, sink: Optional[BinaryIO]) -> None:
        self.walk, self.path, self.own, self.sink = walk, path, own, sink
        self.hash = hashlib.blake2b(digest_size=16)
        self.numbers = [own.st_ino, own.st_ctime_ns]
        self.kept: List[bytes] = []
        self.directories: List[bytes] = []
        self.records: List[bytes] = []
        self.count = self.size = self.check = self.flags = 0
        self.recent = walk.began_ns - walk.young_ns
        self.coarse = walk.began_ns - YOUNG_NS
        """For a file system that keeps whole seconds."""
        self.young = self._is_young(own.st_ctime_ns)
        if sink is not None:
            who = (own.st_mode & 0o7777, own.st_uid, own.st_gid, own.st_ino)
            self._write(b". %o %d %d %d %d %d" % (*who, own.st_mtime_ns, own.st_ctime_ns))

    def glance(self, names: List[bytes], directory: int) -> None:
        """The same as `take` for each, for the digest alone: this is where a push in which nothing changed spends its time."""
        status, numbers, kept, recent = os.stat, self.numbers, self.kept, self.recent
        for name in names:
            try:
                found = status(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue
            kind = found.st_mode & 0o170000
            if kind == _FILE or kind == _LINK:
                changed = found.st_ctime_ns
                numbers += (found.st_ino, changed)
                if changed >= recent:
                    self.young = True
            elif kind == _DIRECTORY:
                numbers += (found.st_ino, 0)
                self.directories.append(name)
            else:
                continue
            kept.append(name)
            self.count += 1
            if len(numbers) > _BATCH:
                self._flush()
                numbers, kept = self.numbers, self.kept

    def take(self, name: bytes, status: os.stat_result) -> None:
        kind = status.st_mode & 0o170000
        if kind == _FILE or kind == _LINK:
            changed = status.st_ctime_ns
            if self._left_out(name, False):
                return
            if name in self.walk.hidden:
                self.young = True
                return
            self.numbers += (status.st_ino, changed)
            record = self.walk.stays.get(name)
            if record is not None and self._stays(record, status):
                pass
            else:
                if self._is_young(changed):
                    self.young = True
                if self.sink is not None:
                    self._record(name, status, kind)
        elif kind == _DIRECTORY:
            if self._left_out(name, True):
                return
            self.numbers += (status.st_ino, 0)
            self.directories.append(name)
            if self.sink is not None:
                self._write(b"d %d %b" % (status.st_ino, name))
        else:
            return
        self.kept.append(name)
        self.count += 1
        if len(self.numbers) > _BATCH:
            self._flush()

    def _is_young(self, changed: int) -> bool:
        return changed >= self.recent or (changed % 1_000_000_000 == 0 and changed >= self.coarse)

    def _stays(self, record: bytes, status: os.stat_result) -> bool:
        """Takes over what was known of a file; not if it is another one now."""
        if not record.startswith((b"f", b"s", b"u", b"l")):
            return False
        known = parse_record(record)
        if known.inode != status.st_ino or known.links != status.st_nlink:
            return False
        if known.young or known.changed != status.st_ctime_ns:
            self.young = True
        if known.size >= LARGE_SIZE:
            self.flags |= LARGE
        if known.kind == "u":
            self.flags |= UNREADABLE
        self._write(record)
        return True

    def _left_out(self, name: bytes, is_directory: bool) -> bool:
        excluded = self.walk.excluded
        return excluded is not None and excluded(self.path + b"/" + name if self.path else name, name, is_directory)

    def _record(self, name: bytes, status: os.stat_result, kind: int) -> None:
        changed = b"%d" % status.st_ctime_ns
        if status.st_size >= LARGE_SIZE:
            self.flags |= LARGE
        if self._is_young(status.st_ctime_ns):
            changed = b"r%d:%b" % (self.walk.began_ns, changed)
        self._write(
            b"%b %o %d %d %d %d %d %d %b %b"
            % (
                b"l" if kind == _LINK else self._kind(name, status),
                status.st_mode & 0o7777,
                status.st_uid,
                status.st_gid,
                status.st_nlink,
                status.st_ino,
                status.st_size,
                status.st_mtime_ns,
                changed,
                name,
            )
        )

    def _kind(self, name: bytes, status: os.stat_result) -> bytes:
        """A file, as far as the owner can read it."""
        walk = self.walk
        if not walk.owner or _readable(status, walk.owner, walk.group):
            return b"f"
        if status.st_uid == walk.owner:
            self.flags |= SHUT
            return b"s"
        path = self.path + b"/" + name if self.path else name
        if os.access(path, os.R_OK, dir_fd=walk.root):
            return b"f"
        self.flags |= UNREADABLE
        return b"u"

    def _write(self, record: bytes) -> None:
        self.records.append(record)
        if len(self.records) >= _BATCH:
            self._drain()

    def _drain(self) -> None:
        if self.records and self.sink is not None:
            data = b"\0".join(self.records) + b"\0"
            self.size += len(data)
            self.check = zlib.crc32(data, self.check)
            self.sink.write(data)
            self.records = []

    def _flush(self) -> None:
        try:
            data = struct.pack("<%dQ" % len(self.numbers), *self.numbers)
        except struct.error:  # a time before 1970
            data = repr(self.numbers).encode()
        self.hash.update(data)
        self.hash.update(b"\0".join(self.kept) + b"\0")
        self.numbers, self.kept = [], []

    def end(self) -> Seen:
        self._flush()
        self._drain()
        digest = NEVER if self.young else self.hash.digest()
        return Seen(digest, self.directories, self.own.st_dev, self.count, self.size, self.check, self.flags)


def _readable(status: os.stat_result, owner: int, group: int) -> bool:
    if status.st_uid == owner:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid == group:
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)


class Old:
    """The last manifest, beside the walk: from `low` to below `high`."""

    def __init__(self, manifest: Optional[Manifest], low: bytes, high: Optional[bytes]) -> None:
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

    def take(self, key: bytes) -> Optional[Entry]:
        now = self.now
        return now if now is not None and now.key == key else None


def in_range(key: bytes, low: bytes, high: Optional[bytes]) -> bool:
    return key >= low and (high is None or key < high)


def may_hold(key: bytes, low: bytes, high: Optional[bytes]) -> bool:
    """May the directory, or something below it, be in the range?"""
    return not key or ((high is None or key < high) and key + b"\1" > low)


Emit = Callable[[Entry], None]


def walk_range(walk: Walk, old: Old, low: bytes, high: Optional[bytes], sink: BinaryIO, emit: Emit) -> None:
    """Walks the directories with keys from `low` to below `high`, and emits those that are not as in the old manifest."""
    stack: List[Tuple[bytes, Optional[int]]] = [(b"", None)]
    while stack:
        path, above = stack.pop()
        key = key_of(path)
        inside = in_range(key, low, high)
        if inside:
            while old.now is not None and old.now.key < key:
                emit(old.now._replace(flags=GONE))
                old.next()
        seen = _visit(walk, old, path, key, above, sink, emit) if inside else _pass(walk, path)
        if seen is None:
            continue
        for name in reversed(seen.names):
            child = path + b"/" + name if path else name
            if may_hold(key_of(child), low, high):
                stack.append((child, seen.device))
    while old.now is not None:
        emit(old.now._replace(flags=GONE))
        old.next()


def _pass(walk: Walk, path: bytes) -> Optional[Seen]:
    """A directory that another process looks at, on the way to one that is ours."""
    found, walk.found = walk.found, Found()
    try:
        return walk.look(path, None)
    except PermissionError:
        return None
    finally:
        walk.found = found


def _visit(
    walk: Walk, old: Old, path: bytes, key: bytes, above: Optional[int], sink: BinaryIO, emit: Emit
) -> Optional[Seen]:
    was = old.take(key)
    start = sink.tell()
    try:
        seen = walk.look(path, None if was is not None else sink)
        if seen is None:
            return None
        mount = MOUNT if above is not None and seen.device != above else 0
        if was is not None and seen.digest == was.digest != NEVER and mount == was.flags & MOUNT:
            walk.found.directories += 1
            if was.flags & UNREADABLE:
                walk.found.flagged.add(path)
            old.next()
            return seen
        if was is not None:
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
    emit(Entry(key, path, seen.digest, 0, start, seen.size, seen.count, seen.check, mount | seen.flags))
    return seen


def _keep(walk: Walk, old: Old, path: bytes, key: bytes) -> None:
    """What cannot be looked at stays as it was known: nothing of it is deleted or sent."""
    walk.found.unreadable.add(path or b".")
    while old.now is not None and (old.now.key == key or old.now.key.startswith(key + b"\0") or not key):
        old.next()
