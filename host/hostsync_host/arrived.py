"""The primary's half of the hook after-sync: what a push brought to one secondary, or took from it, and telling that.

The names go into a file of a module of their own; a run to a second module, which transfers nothing, has the secondary
start its hook, by a command line that join wrote there. What fails here fails for nobody and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Iterator, List, Optional, Sequence, Tuple

from . import layout
from .compare import Comparison
from .context import Deletion, Scanned
from .leftovers import join, read_leftovers
from .ssh import Connection
from .telling import tell

NAMES_MOST = 8 * 1024 * 1024
"""Bytes. Of more names only the directories are told."""
SMALL = ("send", "checksum", "anew", "links", "shut", "moved")
LARGE = ("large", "large_same")


@dataclass(frozen=True)
class HookEnd:
    """`none`: the secondary has no such hook."""

    status: str
    message: str = ""


class Arrivals:
    """What a push changed on one secondary."""

    def __init__(self) -> None:
        self.lists: List[Tuple[Scanned, Comparison, Optional[Deletion], Sequence[str]]] = []
        self.whole: List[Scanned] = []

    def __bool__(self) -> bool:
        return bool(self.lists or self.whole)

    def add(self, scan: Scanned, comparison: Comparison, deletion: Optional[Deletion], kinds: Sequence[str]) -> None:
        gone = deletion is not None and deletion.allowed + deletion.swaps > 0
        if gone or any(comparison.counts[kind] for kind in kinds):
            self.lists.append((scan, comparison, deletion, kinds))

    def add_all(self, scan: Scanned) -> None:
        """Something changed in the directory, and it is not known what."""
        self.whole.append(scan)

    def write(self, file: BinaryIO) -> None:
        """Absolute names, each ended by NUL; one that ends in a slash stands for all that is below."""
        size = 0
        for name in self._names():
            size += len(name) + 1
            if size > NAMES_MOST:
                file.seek(0)
                file.truncate()
                for scan in (*self.whole, *(each for each, *_ in self.lists)):
                    file.write(scan.opened.path + b"/\0")
                return
            file.write(name + b"\0")

    def _names(self) -> Iterator[bytes]:
        for scan in self.whole:
            yield scan.opened.path + b"/"
        for scan, comparison, deletion, kinds in self.lists:
            for kind in kinds:
                for path in comparison.names(kind):
                    yield join(scan.opened.path, path)
            if deletion is not None:
                for leftover in read_leftovers(deletion.names):
                    yield join(scan.opened.path, leftover.path)


def run_hook(arrivals: Arrivals, connection: Connection, scratch: bytes, lock: int) -> HookEnd:
    """Has the secondary run its hook. @returns what became of it; nothing here is an error of the push"""
    told = tell(arrivals.write, layout.ARRIVED, layout.AFTER_SYNC, connection, scratch, lock)
    if not told.there:
        return HookEnd("none")
    return HookEnd("failed", told.problem) if told.problem else HookEnd("ok")
