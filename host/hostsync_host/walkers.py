"""Runs the walk in processes that became the directory's owner, and joins what they found to a manifest."""

from __future__ import annotations

import itertools
import json
import os
import selectors
import signal
import sys
import traceback
from dataclasses import dataclass, field
from typing import BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .directories import Opened
from .dirty import Dirty, walk_dirty
from .excludes import Matcher
from .manifest import (
    Damaged,
    Entry,
    IndexWriter,
    Manifest,
    Segment,
    head_of,
    key_of,
    pairs,
    read_entries,
    segment_path,
)
from .scan import GONE, Found, Named, Old, Walk, walk_range

MANY = 20_000
"""Entries that more than one process walks."""
MARK_EVERY = 1_000
"""Entries after which a manifest notes at the earliest where its tree can be parted."""
_MOST = 4
_CHUNK = 1 << 20


class WalkFailed(Exception):  # noqa: N818
    """A walk did not come to its end; the message says why."""


@dataclass
class Piece:
    """What one process walks, and where its patch is."""

    low: bytes
    high: Optional[bytes]
    records: BinaryIO
    entries: BinaryIO
    process: int = 0
    said: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Order:
    """What is to be walked, and how."""

    opened: Opened
    scratch: bytes
    began_ns: int
    excluded: Optional[Matcher]
    old: Optional[Manifest]
    nice: int = 0
    dirty: Optional[Mapping[bytes, Dirty]] = None
    """Where alone something may have changed since `old`, which is there then."""


class Walkers:
    """The processes that walk one directory."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.pieces: List[Piece] = []
        self.found = Found()
        self.patched = False
        bounds: List[Optional[bytes]] = [b"", *_cuts(order), None]
        for number, (low, high) in enumerate(zip(bounds, bounds[1:])):
            base = os.path.join(order.scratch, b"%s.%d" % (order.opened.module.encode(), number))
            self.pieces.append(
                Piece(low or b"", high, open(base + b".records", "w+b"), open(base + b".entries", "w+b"))
            )
        self.pipes: Dict[int, Piece] = {}
        for piece in self.pieces:
            self._fork(piece)

    def _fork(self, piece: Piece) -> None:
        reader, writer = os.pipe()
        piece.process = os.fork()
        if piece.process:
            os.close(writer)
            self.pipes[reader] = piece
            return
        code = 1
        try:
            os.close(reader)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            _work(self.order, piece, writer)
            code = 0
        except BaseException:  # a fork must never go on as its parent
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)

    def wait(self, on_change: Callable[[], None]) -> bool:
        """Waits for the end. @returns whether anything differs from the old manifest. @raises WalkFailed, Damaged"""
        with selectors.DefaultSelector() as selector:
            for reader in self.pipes:
                selector.register(reader, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    chunk = os.read(key.fd, 65536)
                    self.pipes[key.fd].said += chunk
                    if not chunk:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                    elif not self.patched and self.pipes[key.fd].said.startswith(b"+"):
                        self.patched = True
                        on_change()
        codes = [os.waitstatus_to_exitcode(os.waitpid(piece.process, 0)[1]) for piece in self.pieces]
        if any(codes):
            raise WalkFailed(f"a walk of {os.fsdecode(self.order.opened.path)} ended with {codes}; see standard error")
        for piece in self.pieces:
            self._read(bytes(piece.said).lstrip(b"+"))
        return self.patched

    def _read(self, said: bytes) -> None:
        told = json.loads(said)
        if told["damaged"]:
            raise Damaged(told["damaged"])
        self.found.directories += told["directories"]
        self.found.changed += told["changed"]
        self.found.linked += told["linked"]
        for name in ("long", "unreadable", "flagged"):
            count, examples = told[name]
            getattr(self.found, name).join(Named(count, [text.encode("latin-1") for text in examples]))

    def close(self) -> None:
        for piece in self.pieces:
            for file in (piece.records, piece.entries):
                file.close()
                try:
                    os.unlink(file.name)
                except OSError:
                    pass


def _cuts(order: Order) -> List[bytes]:
    """Keys that part the tree into as many pieces as there are processors to walk them."""
    most = min(len(os.sched_getaffinity(0)), _MOST)
    if most < 2 or order.dirty is not None:
        return []
    if order.old is None:
        with os.scandir(order.opened.descriptor) as found:
            tops = sorted(os.fsencode(entry.name) for entry in found if entry.is_dir(follow_symlinks=False))
        return [tops[len(tops) // 2]] if len(tops) > 1 else []
    if order.old.total < MANY:
        return []
    cuts = order.old.cuts
    if not cuts:
        return []
    chosen = {cuts[len(cuts) * number // most] for number in range(1, most)}
    return sorted(key_of(cut) for cut in chosen)


def _work(order: Order, piece: Piece, writer: int) -> None:
    opened = order.opened
    if order.nice:
        os.nice(order.nice)
    old = None
    if order.old is not None:
        # a descriptor of its own: processes that share one share its place in the file
        old = Manifest(order.old.directory, order.old.name)
    if opened.owner and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(opened.group)
        os.setuid(opened.owner)
    index = IndexWriter(piece.entries)
    told = False

    def tell() -> None:
        nonlocal told
        if not told:
            told = True
            os.write(writer, b"+")

    def emit(entry: Entry) -> None:
        index.add(entry)
        tell()

    owner = opened.owner if os.geteuid() else 0
    walk = Walk(opened.descriptor, order.began_ns, order.excluded, owner, opened.group, on_change=tell)

    damaged = ""
    try:
        if order.dirty is not None and old is not None:
            walk_dirty(walk, old, order.dirty, piece.records, emit)
        else:
            walk_range(walk, Old(old, piece.low, piece.high), piece.low, piece.high, piece.records, emit)
    except Damaged as error:
        damaged = str(error)
    index.end()
    piece.entries.flush()
    piece.records.flush()
    os.write(writer, _summary(walk.found, damaged))


def _summary(found: Found, damaged: str) -> bytes:
    told: Dict[str, object] = {"damaged": damaged}
    told.update({"directories": found.directories, "changed": found.changed, "linked": found.linked})
    for name in ("long", "unreadable", "flagged"):
        named: Named = getattr(found, name)
        told[name] = [named.count, [path.decode("latin-1") for path in named.examples]]
    return json.dumps(told).encode("ascii")


class Joiner:
    """Makes a manifest of an old one and a patch."""

    def __init__(self, directory: bytes, old: Optional[Manifest], pieces: List[Piece]) -> None:
        self.directory = directory
        self.old = old
        self.pieces = pieces
        self.name = os.urandom(16).hex()
        patch = sum(os.fstat(piece.records.fileno()).st_size for piece in pieces)
        segments = old.segments if old is not None else []
        small = sum(segment.size for segment in segments[1:])
        self.keep = bool(segments) and small + patch <= segments[0].size // 4 + (1 << 20)
        """Does the large segment stay as it is?"""
        self.bases: List[int] = []
        self.size = 0

    def join(self) -> Tuple[str, int]:
        """@returns the name of the new manifest, and how many entries it has below the directory. @raises Damaged"""
        index = os.path.join(self.directory, os.fsencode(f"{self.name}.index"))
        records = segment_path(self.directory, self.name)
        with open(index, "w+b") as file, open(records, "w+b") as segment:
            for piece in self.pieces:
                self.bases.append(self.size)
                self._copy(piece.records.fileno(), 0, os.fstat(piece.records.fileno()).st_size, segment.fileno())
            file.write(head_of([], 0, []))
            writer = IndexWriter(file)
            cuts = self._merge(writer, segment)
            writer.end()
            total = writer.total
            segments = [self.old.segments[0]] if self.keep and self.old is not None else []
            segments.append(Segment(self.name, self.size))
            file.seek(0)
            file.write(head_of(segments, total, cuts))
        return self.name, total

    def _merge(self, writer: IndexWriter, segment: BinaryIO) -> List[bytes]:
        old = self.old.entries() if self.old is not None else iter(())
        step = max(MARK_EVERY, (self.old.total if self.old is not None else 0) // 64)
        marks: List[bytes] = []
        small = 1 if self.keep else 0
        for was, now in pairs(old, self._patch(small)):
            entry = now if now is not None else was
            assert entry is not None
            if now is None:
                entry = self._take(entry, segment)
            elif now.flags & GONE:
                continue
            writer.add(entry)
            if writer.total >= step * (len(marks) + 1) and len(entry.path) < 100:
                marks.append(entry.path)
        count = min(12, len(marks))
        return [marks[len(marks) * number // count] for number in range(count)]

    def _patch(self, segment: int) -> Iterator[Entry]:
        def one(piece: Piece, base: int) -> Iterator[Entry]:
            piece.entries.seek(0)
            for entry in read_entries(piece.entries):
                yield entry._replace(segment=segment, offset=entry.offset + base)

        return itertools.chain.from_iterable(one(piece, base) for piece, base in zip(self.pieces, self.bases))

    def _take(self, entry: Entry, segment: BinaryIO) -> Entry:
        """An entry that stays as it was; its records are copied unless they lie in the segment that stays."""
        if self.keep and entry.segment == 0:
            return entry
        assert self.old is not None
        at = self.size
        self._copy(self.old.descriptors[entry.segment], entry.offset, entry.size, segment.fileno())
        return entry._replace(segment=1 if self.keep else 0, offset=at)

    def _copy(self, source: int, at: int, length: int, target: int) -> None:
        while length:
            chunk = os.pread(source, min(length, _CHUNK), at)
            if not chunk:
                raise Damaged("records are missing")
            os.write(target, chunk)
            at += len(chunk)
            length -= len(chunk)
            self.size += len(chunk)
