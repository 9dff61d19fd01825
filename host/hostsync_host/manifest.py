"""The manifest: what a scan found below a directory, kept in files and read as a stream.

An *index* names each directory with a digest of what it holds, and where its *records* are: one for the directory
itself and one for each file, link and directory in it. Records lie in at most two *segments*, a large one that stays
and a small one with what changed since; several manifests share segments. Memory does not grow with the number of
files.

Directories are in the order of their *keys*: the path, relative to the root, with NUL for each slash, so that what lies
below a directory follows it at once. Records are in the order of names.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Tuple

MAGIC = b"hostsync-manifest 3\n"
NEVER = bytes(16)
"""The digest of a directory in which something changed a moment ago: no later look has it."""

_PATH = struct.Struct("<HH")
_BODY = struct.Struct("<16sQIIIBB")
_END = struct.Struct("<HHQQI")
_END_MARK = 0xFFFF
CHUNK = 1 << 18

MOUNT = 1
"""Flag: another file system begins here."""
UNREADABLE = 2
"""Flag: there are files in it that the owner of the root cannot read."""
LARGE = 4
"""Flag: there are files in it that are sent in a run of their own."""
SHUT = 8
"""Flag: there are files in it that their owner shut for himself."""
SPECIAL = 16
"""Flag: there are sockets, pipes or devices in it, which are not sent and have no records."""
HEAD_SIZE = 4096


class Damaged(Exception):  # noqa: N818
    """A manifest is not what was written."""


class Entry(NamedTuple):
    """One directory of a manifest."""

    key: bytes
    path: bytes
    digest: bytes
    segment: int
    offset: int
    size: int
    entries: int
    """The files, links and directories in it; not itself."""
    check: int
    flags: int


@dataclass(frozen=True)
class Segment:
    """A file with records."""

    name: str
    size: int


def key_of(path: bytes) -> bytes:
    return path.replace(b"/", b"\0")


def path_of(key: bytes) -> bytes:
    return key.replace(b"\0", b"/")


def below(key: bytes, directory: bytes) -> bool:
    """Is it the directory, or something below it? The root is the empty key."""
    return not directory or key == directory or key.startswith(directory + b"\0")


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two paths begin with alike."""
    if one.startswith(other):
        return len(other)
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def pack_entry(entry: Entry, previous: bytes) -> bytes:
    """Paths share their beginnings, so that a deep tree does not take its depth squared."""
    path = entry.path
    shared = _shared(path, previous)
    head = _PATH.pack(shared, len(path) - shared) + path[shared:]
    return head + _BODY.pack(
        entry.digest, entry.offset, entry.size, entry.entries, entry.check, entry.flags, entry.segment
    )


def read_entries(file: BinaryIO, whole: bool = True) -> Iterator[Entry]:
    """The entries that follow in a file. @raises Damaged unless their end is as it was written"""
    path, check, count, total = b"", 0, 0, 0
    read = file.read
    while True:
        head = read(4)
        if len(head) < 4:
            if head or whole:
                raise Damaged("cut off")
            return
        shared, rest = _PATH.unpack(head)
        if shared == _END_MARK:
            break
        tail = read(rest + _BODY.size)
        if len(tail) != rest + _BODY.size or shared > len(path):
            raise Damaged("cut off")
        check = zlib.crc32(tail, zlib.crc32(head, check))
        path = path[:shared] + tail[:rest]
        digest, offset, size, entries, crc, flags, segment = _BODY.unpack_from(tail, rest)
        count += 1
        total += entries
        yield Entry(path.replace(b"/", b"\0"), path, digest, segment, offset, size, entries, crc, flags)
    end = head + read(_END.size - 4)
    if end != _END.pack(_END_MARK, _END_MARK, count, total, check) or read(1):
        raise Damaged("not what was written")


class IndexWriter:
    """Writes entries, in order, and their end."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.previous = b""
        self.check = 0
        self.count = 0
        self.total = 0

    def add(self, entry: Entry) -> None:
        data = pack_entry(entry, self.previous)
        self.previous = entry.path
        self.check = zlib.crc32(data, self.check)
        self.count += 1
        self.total += entry.entries
        self.file.write(data)

    def end(self) -> None:
        self.file.write(_END.pack(_END_MARK, _END_MARK, self.count, self.total, self.check))


class Manifest:
    """A manifest that is kept, or is about to be. Whoever opened it closes it."""

    def __init__(self, directory: bytes, name: str) -> None:
        self.directory = directory
        self.name = name
        self.file = open(os.path.join(directory, os.fsencode(f"{name}.index")), "rb", CHUNK)
        self.segments: List[Segment] = []
        self.cuts: List[bytes] = []
        self.total = 0
        self.descriptors: List[int] = []
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self.file.read(len(MAGIC)) != MAGIC:
            raise Damaged(f"{self.name}: no manifest")
        try:
            head = json.loads(self.file.read(HEAD_SIZE))
            self.cuts = [str(cut).encode("latin-1") for cut in head["cuts"]]
            self.segments = [Segment(str(name), int(size)) for name, size in head["segments"]]
            self.total = int(head["entries"])
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{self.name}: {error}") from error
        self.start = self.file.tell()
        for segment in self.segments:
            try:
                descriptor = os.open(segment_path(self.directory, segment.name), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise Damaged(f"{segment.name}: {error}") from error
            self.descriptors.append(descriptor)
            if os.fstat(descriptor).st_size != segment.size:
                raise Damaged(f"{segment.name}: not as long as it was")

    def entries(self) -> Iterator[Entry]:
        """All directories. One at a time: two streams of one manifest would disturb each other."""
        self.file.seek(self.start)
        return read_entries(self.file)

    def records(self, entry: Entry) -> Iterator[bytes]:
        """The records of a directory. @raises Damaged before the first one, if they are not what was written"""
        check, last = 0, b""
        for last in self.chunks(entry):
            check = zlib.crc32(last, check)
        if check != entry.check or (last and last[-1]):
            raise Damaged(f"{self.name}: records are not what was written")
        rest = b""
        for chunk in [last] if entry.size <= CHUNK else self.chunks(entry):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from whole

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        descriptor, at, left = self.descriptors[entry.segment], entry.offset, entry.size
        while left:
            chunk = os.pread(descriptor, min(left, CHUNK), at)
            if not chunk:
                raise Damaged(f"{self.name}: records are missing")
            at += len(chunk)
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self.file.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


def open_manifest(directory: bytes, name: str) -> Optional[Manifest]:
    """Nothing if it is not there, or damaged."""
    try:
        return Manifest(directory, name)
    except (OSError, Damaged):
        return None


def segment_path(directory: bytes, name: str) -> bytes:
    return os.path.join(directory, os.fsencode(f"{name}.records"))


def head_of(segments: List[Segment], entries: int, cuts: List[bytes]) -> bytes:
    """The head of an index. `cuts` are directories that part it into equal pieces."""
    head = {
        "segments": [[segment.name, segment.size] for segment in segments],
        "entries": entries,
        "cuts": [cut.decode("latin-1") for cut in cuts],
    }
    return MAGIC + json.dumps(head).encode("ascii").ljust(HEAD_SIZE)


def pairs(old: Iterator[Entry], new: Iterator[Entry]) -> Iterator[Tuple[Optional[Entry], Optional[Entry]]]:
    """Two manifests side by side: each directory once, with what it is in the old one and in the new one."""
    one, two = next(old, None), next(new, None)
    while one is not None or two is not None:
        if two is None or (one is not None and one.key < two.key):
            yield one, None
            one = next(old, None)
        elif one is None or two.key < one.key:
            yield None, two
            two = next(new, None)
        else:
            yield one, two
            one, two = next(old, None), next(new, None)
