"""What one push knows, for all of its secondaries."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from typing import Container, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from .compare import Comparison, compare
from .directories import Opened
from .leftovers import Leftover, join, read_leftovers, split
from .manifest import Damaged
from .move_lists import set_apart
from .request import Request
from .rsync import Capabilities
from .specials import is_sent
from .store import Received, Store, open_known
from .whereabouts import Lookup

MIB = 1024 * 1024


@dataclass
class Scanned:
    """One directory, as this push found it."""

    opened: Opened
    manifest: str
    entries: int
    unsure: str = ""
    unreadable: Sequence[bytes] = ()
    """Directories that could not be listed, as far as their number is moderate."""
    held: int = 0
    """Names whose deletion is held."""
    linked: bool = False
    """Something that was looked at has several names."""

    @property
    def module(self) -> str:
        return self.opened.module

    @property
    def owner(self) -> str:
        return f"{self.opened.owner}:{self.opened.group}"


@dataclass
class Deletion:
    """What is deleted on secondaries with the same manifest: lists in files."""

    place: bytes
    topmost: int = 0
    swaps: int = 0
    """Directories that make way for something else, before that is sent."""
    allowed: int = 0
    withheld: int = 0
    spared: int = 0
    """Names that were gone and are there again."""

    @property
    def list(self) -> bytes:
        return os.path.join(self.place, b"gone")

    @property
    def swap_list(self) -> bytes:
        return os.path.join(self.place, b"swap")

    @property
    def parents(self) -> bytes:
        """A list of the directories in which something is deleted: their times change by that."""
        return os.path.join(self.place, b"parents")

    @property
    def skeleton(self) -> bytes:
        """An empty tree with the directories in which something is deleted: from it nothing can be sent."""
        return os.path.join(self.place, b"skeleton")

    @property
    def kept(self) -> bytes:
        return os.path.join(self.place, b"kept")

    @property
    def names(self) -> bytes:
        return os.path.join(self.place, b"names")


class _Shared:
    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.made = False
        self.result: Optional[Tuple[Comparison, Deletion]] = None


@dataclass
class Context:
    """Shared by the threads of a push."""

    request: Request
    store: Store
    scratch: bytes
    mounts: Sequence[bytes]
    can: Capabilities
    started: int
    """Microseconds since 1970, when the scan began."""
    boot: str
    scope: str
    prefix: Tuple[str, ...] = ()
    scans: List[Scanned] = field(default_factory=list[Scanned])
    unfit: int = 0
    """Directories that are not sent."""
    incomplete: int = 0
    """Directories of which something cannot be sent."""
    changed: bool = False
    """Something differs from the last scan, so that there will be something to send."""
    deadline: float = 0.0
    stopped: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock)
    comparisons: Dict[str, _Shared] = field(default_factory=dict[str, _Shared])

    @property
    def largest(self) -> int:
        """Bytes: larger files are not sent."""
        return self.request.options.max_size * MIB or sys.maxsize

    def compared(self, scan: Scanned, received: Received) -> Optional[Tuple[Comparison, Deletion]]:
        """What a secondary lacks; made once for all who have the same. Nothing if its manifest is damaged."""
        name = f"{scan.module}.{received.manifest}.{received.leftovers}"
        with self.guard:
            shared = self.comparisons.setdefault(name, _Shared())
        with shared.guard:
            if not shared.made:
                shared.made = True
                shared.result = self._compare(scan, received, os.path.join(self.scratch, name.encode()))
            return shared.result

    def _compare(self, scan: Scanned, received: Received, place: bytes) -> Optional[Tuple[Comparison, Deletion]]:
        old = open_known(self.store.place, self.scratch, received.manifest)
        new = open_known(self.store.place, self.scratch, scan.manifest)
        try:
            if old is None or new is None:
                return None
            leftovers = self.store.leftovers(received)
            try:
                comparison = compare(old, leftovers, new, place, self.largest)
            except Damaged:
                # the new one may have what is damaged in common with it
                self.store.mark("damaged", scan.module, True)
                return None
            deletion = self._deletion(scan, comparison)
            if self.request.options.link_renames == "yes":
                left = self.store.leftovers(received)
                comparison.moves = set_apart(comparison, deletion, (old, new), left, self.largest)
            return comparison, deletion
        except Damaged:
            return None
        finally:
            for manifest in (old, new):
                if manifest is not None:
                    manifest.close()

    def _deletion(self, scan: Scanned, comparison: Comparison) -> Deletion:
        if not comparison.counts["deleted"]:
            return Deletion(comparison.place)
        above: Set[bytes] = set()
        for leftover, is_held in _marked(read_leftovers(comparison.file("deleted")), self.held(scan)):
            if is_held:
                _add_above(above, leftover.directory)
        marked = _marked(read_leftovers(comparison.file("deleted")), self.held(scan))
        return sort_out(scan, comparison.place, marked, comparison.names("swapped"), above)

    def held(self, scan: Scanned) -> Iterator[Leftover]:
        """The names of a directory whose deletion was held when this push looked."""
        return read_leftovers(os.path.join(self.scratch, f"held.{scan.module}".encode()))


def sort_out(
    scan: Scanned,
    place: bytes,
    deleted: Iterable[Tuple[Leftover, bool]],
    swapped: Iterable[bytes] = (),
    above: Container[bytes] = (),
) -> Deletion:
    """Parts names, in order, each with whether it is held, into what may be deleted now and what may not."""
    deletion = Deletion(place)
    os.makedirs(deletion.skeleton, exist_ok=True)
    with _Sorter(scan, deletion, above) as sorter:
        sorter.swap(swapped)
        for leftover, is_held in deleted:
            sorter.take(leftover, is_held)
    return deletion


def _marked(deleted: Iterator[Leftover], held: Iterator[Leftover]) -> Iterator[Tuple[Leftover, bool]]:
    """Names to be deleted, each with whether it is held; both in order."""
    other = next(held, None)
    for leftover in deleted:
        while other is not None and other.order < leftover.order:
            other = next(held, None)
        yield leftover, other is not None and other.order == leftover.order


def _is_below(path: bytes, directories: Container[bytes]) -> bool:
    """Is it anywhere below one of them?"""
    above = split(path)[0]
    while above:
        if above in directories:
            return True
        above = split(above)[0]
    return False


def _add_above(above: Set[bytes], directory: bytes) -> None:
    while directory and directory not in above:
        above.add(directory)
        directory = split(directory)[0]


class _Sorter:
    def __init__(self, scan: Scanned, deletion: Deletion, above: Container[bytes]) -> None:
        self.here = Lookup(scan.opened.descriptor)
        self.deletion = deletion
        self.above = above
        """Directories with something below them that is held: they stay."""
        self.skeleton = os.open(deletion.skeleton, os.O_RDONLY | os.O_DIRECTORY)
        self.top, self.kept = open(deletion.list, "wb"), open(deletion.kept, "wb")
        self.names, self.swaps = open(deletion.names, "wb"), open(deletion.swap_list, "wb")
        self.parents = open(deletion.parents, "wb")
        self.going: Set[bytes] = set()
        self.staying: Set[bytes] = set()
        self.made: Set[bytes] = {b""}
        self.last: Optional[bytes] = None

    def __enter__(self) -> _Sorter:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.skeleton)
        self.here.close()
        for file in (self.top, self.kept, self.names, self.swaps, self.parents):
            file.close()

    def swap(self, paths: Iterable[bytes]) -> None:
        for path in paths:
            if path not in self.above:
                self.going.add(path)
                self.deletion.swaps += 1
                self._parents(split(path)[0])
                self.swaps.write(b"./" + path + b"\0")

    def take(self, leftover: Leftover, is_held: bool) -> None:
        path = leftover.path
        line = leftover.kind + path + b"\0"
        if is_held or path in self.above:
            self.deletion.withheld += 1
            self.kept.write(line)
        elif _is_below(path, self.staying) or self._is_back(path):
            self.deletion.spared += 1
            self.kept.write(line)
            self.staying.add(path)
        else:
            self.deletion.allowed += 1
            self.names.write(line)
            goes_with_another = _is_below(path, self.going)
            self.going.add(path)
            if not goes_with_another:
                self.deletion.topmost += 1
                self._parents(leftover.directory)
                if leftover.directory != self.last:
                    self.last = leftover.directory
                    if leftover.directory:
                        self.parents.write(b"./" + leftover.directory + b"\0")
                self.top.write(b"./" + path + b"\0")

    def _is_back(self, path: bytes) -> bool:
        """What is there again is not deleted: the next push finds it."""
        if _is_below(path, self.going):
            return False
        status = self.here.stat(path)
        return status is not None and is_sent(status)

    def _parents(self, directory: bytes) -> None:
        if directory in self.made:
            return
        self.made.add(directory)
        path = b""
        for name in directory.split(b"/"):
            path = join(path, name)
            try:
                os.mkdir(path, 0o755, dir_fd=self.skeleton)
            except FileExistsError:
                pass
