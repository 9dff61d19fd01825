"""A look at one directory: the digest that says whether anything in it changed, and its records."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, List, NamedTuple, Optional, Tuple

from .manifest import LARGE, NEVER, SHUT, SPECIAL, UNREADABLE
from .records import parse_record

if TYPE_CHECKING:
    from .scan import Walk

LARGE_SIZE = 32 * 1024 * 1024
"""Bytes: files from this size on come last, in a run of their own."""
YOUNG_NS = 2_000_000_000
"""What changed this shortly before the scan may change again in the same tick of the kernel's clock."""
_DIRECTORY, _FILE, _LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
_BATCH = 4096


class Seen(NamedTuple):
    """A look at one directory."""

    digest: bytes
    names: List[bytes]
    """Of the directories in it."""
    device: int
    entries: int
    size: int
    check: int
    flags: int
    recorded: bool = True


class Looker:
    """Takes the entries of one directory together."""

    def __init__(self, walk: Walk, path: bytes, own: os.stat_result, sink: Optional[BinaryIO]) -> None:
        self.walk, self.path, self.own, self.sink = walk, path, own, sink
        self.hash = hashlib.blake2b(digest_size=16)
        self.numbers = [own.st_ino, own.st_ctime_ns]
        self.kept: List[bytes] = []
        self.directories: List[bytes] = []
        self.records: List[bytes] = []
        self.count = self.size = self.check = self.flags = 0
        self.looked: List[Tuple[bytes, List[bytes]]] = []
        """What a glance saw: inodes and ctimes, as they went into the digest, and the names."""
        self.recent = walk.began_ns - walk.young_ns
        self.coarse = walk.began_ns - YOUNG_NS
        """For a file system that keeps whole seconds."""
        self.young = self._is_young(own.st_ctime_ns)
        if sink is not None:
            who = (own.st_mode & 0o7777, own.st_uid, own.st_gid, own.st_ino)
            self._write(b". %o %d %d %d %d %d" % (*who, own.st_mtime_ns, own.st_ctime_ns))

    def glance(self, names: List[bytes], directory: int) -> None:
        """The same as `take` for each, for the digest alone: this is where a push in which nothing changed spends its
        time."""
        status, numbers, kept, recent = os.stat, self.numbers, self.kept, self.recent
        excludes = self.walk.excluded is not None
        for name in names:
            try:
                found = status(name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue
            kind = found.st_mode & 0o170000
            if kind in (_FILE, _LINK):
                if excludes and self.walk.left_out(self.path, name, False):
                    continue
                changed = found.st_ctime_ns
                numbers += (found.st_ino, changed)
                if changed >= recent:
                    self.young = True
            elif kind == _DIRECTORY:
                if name == b".~tmp~" or (excludes and self.walk.left_out(self.path, name, True)):
                    continue
                numbers += (found.st_ino, 0)
                self.directories.append(name)
            else:
                self.flags |= SPECIAL
                continue
            kept.append(name)
            self.count += 1
            if len(numbers) > _BATCH:
                self._keep()
                numbers, kept = self.numbers, self.kept

    def _keep(self) -> None:
        kept = self.kept
        self.looked.append((self._flush(), kept))

    def take(self, name: bytes, status: os.stat_result) -> None:
        kind = status.st_mode & 0o170000
        if kind in (_FILE, _LINK):
            changed = status.st_ctime_ns
            if self.walk.left_out(self.path, name, False):
                return
            if name in self.walk.hidden:
                self.young = True
                return
            self.numbers += (status.st_ino, changed)
            record = self.walk.stays.get(name)
            if record is None or not self._stays(record, status):
                self.young = self.young or self._is_young(changed)
                if self.sink is not None:
                    self._record(name, status, kind)
        elif kind == _DIRECTORY:
            if name == b".~tmp~" or self.walk.left_out(self.path, name, True):
                return
            self.numbers += (status.st_ino, 0)
            self.directories.append(name)
            if self.sink is not None:
                self._write(b"d %d %b" % (status.st_ino, name))
        else:
            self.flags |= SPECIAL
            return
        self.kept.append(name)
        self.count += 1
        if len(self.numbers) > _BATCH:
            self._flush()

    def reuse(self, record: bytes, kind: int, size: bytes) -> None:
        """Takes over the record of a file, link or directory with the inode and ctime that it had."""
        if kind == 0x64:  # d
            self.directories.append(record.split(b" ", 2)[2])
        else:
            self._flag(kind, size)
        self.count += 1
        self._write(record)

    def keep(self, name: bytes, record: bytes) -> None:
        """Takes over a record, and with it what `take` would see if nothing changed there."""
        kind = record[0]
        if kind == 0x64:  # d
            self.numbers += (int(record[2 : -len(name) - 1]), 0)
            self.directories.append(name)
        else:
            _, _, _, _, _, inode, size, _, changed, _ = record.split(b" ", 9)
            if changed.startswith(b"r"):
                self.young = True
                changed = changed.partition(b":")[2]
            self.numbers += (int(inode), int(changed))
            self._flag(kind, size)
        self.kept.append(name)
        self.count += 1
        self._write(record)
        if len(self.numbers) > _BATCH:
            self._flush()

    def _flag(self, kind: int, size: bytes) -> None:
        if kind != 0x6C:  # l
            if len(size) >= len(b"%d" % LARGE_SIZE) and int(size) >= LARGE_SIZE:
                self.flags |= LARGE
            self.flags |= {0x75: UNREADABLE, 0x73: SHUT}.get(kind, 0)

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
        self.flags |= {"u": UNREADABLE, "s": SHUT}.get(known.kind, 0)
        self._write(record)
        return True

    def _record(self, name: bytes, status: os.stat_result, kind: int) -> None:
        changed = b"%d" % status.st_ctime_ns
        if status.st_nlink > 1:
            self.walk.found.linked += 1
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

    def _flush(self) -> bytes:
        try:
            data = struct.pack(f"<{len(self.numbers)}Q", *self.numbers)
        except struct.error:  # a time before 1970
            data = repr(self.numbers).encode()
        self.hash.update(data)
        self.hash.update(b"\0".join(self.kept) + b"\0")
        self.numbers, self.kept = [], []
        return data

    def end(self) -> Seen:
        self._keep()
        self._drain()
        digest = NEVER if self.young else self.hash.digest()
        recorded = self.sink is not None
        return Seen(digest, self.directories, self.own.st_dev, self.count, self.size, self.check, self.flags, recorded)


def _readable(status: os.stat_result, owner: int, group: int) -> bool:
    if status.st_uid == owner:
        return bool(status.st_mode & stat.S_IRUSR)
    if status.st_gid == group:
        return bool(status.st_mode & stat.S_IRGRP)
    return bool(status.st_mode & stat.S_IROTH)
