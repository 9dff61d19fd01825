"""What only this host holds of a directory: each file and link that is not just as the new primary acknowledged it.

That may be more than the new primary lacks, and never less.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Optional

from .acknowledged import Acknowledged
from .compare import join
from .directories import Opened, open_beneath
from .excludes import Matcher
from .manifest import Entry, pairs, read_entries
from .records import Record, parse_record
from .scan import GONE, Found
from .walkers import Order, Walkers

_EXAMPLES = 5
_DIGEST = 16
_NO_CONTENT = (".", "d")
# No rsync as the owner can read them
_SHUT = ("s", "u")


@dataclass
class Listing:
    """What was listed of a directory."""

    count: int = 0
    # Of them, what the last list of the same epoch and peer did not have as it is now
    new: int = 0
    examples: list[bytes] = field(default_factory=list[bytes])
    found: Found = field(default_factory=Found)


@dataclass(frozen=True)
class Sinks:
    """Files for paths relative to the directory, each ended by NUL."""

    # what the new primary can come for
    names: BinaryIO
    # of them, what is new
    later: BinaryIO
    # what the owner of the directory cannot read
    shut: BinaryIO


class Seen:
    """What the last list had, by digests. Another epoch or peer begins anew."""

    def __init__(self, path: bytes, epoch: int, peer: str) -> None:
        self._path = path
        self._head = hashlib.blake2b(f"{epoch} {peer}".encode(), digest_size=_DIGEST).digest()
        before = self._read()
        # There was a list before, and it may be asked what came since
        self.is_again = before is not None
        self._before = before or frozenset()
        self._now = open(path + b".new", "wb")
        self._now.write(self._head)

    def _read(self) -> Optional[frozenset[bytes]]:
        try:
            with open(self._path, "rb") as file:
                if file.read(_DIGEST) != self._head:
                    return None
                return frozenset(iter(lambda: file.read(_DIGEST), b""))
        except FileNotFoundError:
            return None

    def add(self, path: bytes, record: Record) -> bool:
        """Whether it is new."""
        text = b"%s\0%d %d %d" % (path, record.size, record.modified, record.changed)
        digest = hashlib.blake2b(text, digest_size=_DIGEST).digest()
        self._now.write(digest)
        return digest not in self._before

    def end(self) -> None:
        self._now.flush()
        os.fsync(self._now.fileno())
        self._now.close()
        os.rename(self._path + b".new", self._path)


def is_replicated(record: Record, known: Optional[Record]) -> bool:
    """ctime changes with the content, whatever the mtime says. What was young may have changed without a trace."""
    if known is None or known.young:
        return False
    one, other = ((each.kind, each.size, each.modified, each.changed) for each in (record, known))
    return one == other


class Lister:
    """Walks a directory and lists what differs from a manifest; without one, everything."""

    def __init__(self, opened: Opened, scratch: bytes, began_ns: int, excluded: Optional[Matcher]) -> None:
        self._opened = opened
        self._scratch = scratch
        self._began_ns = began_ns
        self._excluded = excluded

    def list(self, known: Optional[Acknowledged], sinks: Sinks, seen: Seen) -> Listing:
        listing = Listing()
        old = known.manifest if known is not None else None
        walkers = Walkers(Order(self._opened, self._scratch, self._began_ns, self._excluded, old))
        try:
            walkers.wait(lambda: None)
            for path, record in self._unreplicated(walkers, known):
                if record.kind in _SHUT:
                    sinks.shut.write(path + b"\0")
                else:
                    self._take(path, record, listing, sinks, seen)
            listing.found = walkers.found
        finally:
            walkers.close()
        return listing

    def _take(self, path: bytes, record: Record, listing: Listing, sinks: Sinks, seen: Seen) -> None:
        sinks.names.write(path + b"\0")
        listing.count += 1
        if len(listing.examples) < _EXAMPLES:
            listing.examples.append(self._opened.path + b"/" + path)
        if seen.add(path, record):
            listing.new += 1
            if seen.is_again:
                sinks.later.write(path + b"\0")

    def _unreplicated(self, walkers: Walkers, known: Optional[Acknowledged]) -> Iterator[tuple[bytes, Record]]:
        doubtful = dict(known.doubtful) if known is not None else {}
        old = known.manifest.entries() if known is not None else iter(())
        for was, now in _side_by_side(old, _patch(walkers)):
            doubts = doubtful.pop(now.path, set())
            records = {} if was is None or known is None else _by_name(known.manifest.records(was))
            for record in now:
                same = record.name not in doubts and is_replicated(record, records.get(record.name))
                if record.kind not in _NO_CONTENT and not same:
                    yield join(now.path, record.name), record
        # The rest lies in directories that are as they were
        for path in sorted(doubtful):
            yield from self._doubtful(path, doubtful[path])

    def _doubtful(self, path: bytes, names: set[bytes]) -> Iterator[tuple[bytes, Record]]:
        try:
            directory = open_beneath(self._opened.descriptor, path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return
        try:
            for name in sorted(names):
                try:
                    status = os.lstat(name, dir_fd=directory)
                except OSError:
                    continue
                kind = "l" if stat.S_ISLNK(status.st_mode) else "f" if stat.S_ISREG(status.st_mode) else "d"
                times = (status.st_mtime_ns, status.st_ctime_ns)
                record = Record(kind, name, 0, 0, 0, 0, 0, status.st_size, *times, False)
                if kind not in _NO_CONTENT:
                    yield join(path, name), record
        finally:
            os.close(directory)


class _Looked:
    """A directory that the walk found changed, with its records."""

    def __init__(self, entry: Entry, records: BinaryIO) -> None:
        self.path = entry.path
        self.key = entry.key
        self._entry = entry
        self._records = records

    def __iter__(self) -> Iterator[Record]:
        data = os.pread(self._records.fileno(), self._entry.size, self._entry.offset)
        return (parse_record(record) for record in data.split(b"\0") if record)


def _by_name(records: Iterable[bytes]) -> dict[bytes, Record]:
    return {record.name: record for record in map(parse_record, records)}


def _patch(walkers: Walkers) -> Iterator[tuple[Entry, _Looked]]:
    for piece in walkers.pieces:
        piece.entries.seek(0)
        for entry in read_entries(piece.entries):
            if not entry.flags & GONE:
                yield entry, _Looked(entry, piece.records)


def _side_by_side(
    old: Iterator[Entry], patch: Iterator[tuple[Entry, _Looked]]
) -> Iterator[tuple[Optional[Entry], _Looked]]:
    """Each changed directory with what the manifest has of it."""
    looked: dict[bytes, _Looked] = {}

    def entries() -> Iterator[Entry]:
        for entry, each in patch:
            looked[entry.key] = each
            yield entry

    for was, now in pairs(old, entries()):
        if now is not None:
            yield was, looked.pop(now.key)
