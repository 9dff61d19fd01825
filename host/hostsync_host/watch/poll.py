"""The fallback: the times of the directories that the manifest knows. It needs nothing of the kernel, and sees what is
created, renamed and deleted; what is overwritten in place, a walk finds."""

from __future__ import annotations

import os
from array import array
from typing import Iterable, Iterator, List, Tuple

Times = Tuple[int, int, int]
_NOWHERE: Times = (0, 0, 0)
_UNKNOWN: Times = (-1, -1, -1)
MOST = 200_000
"""Directories: with more of them a look takes longer than it is worth."""


class Poll:
    """The directories below one root, with the inode and the times that each had at the last look."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._paths: List[bytes] = []
        self._known = array("q")

    def learn(self, paths: Iterable[bytes]) -> None:
        """Takes these directories from now on. Of one that is new here it is not known what changed since it was looked
        at, so the next look names it; but not of the first ones, which would be all."""
        first = not self._paths
        known = {path: index * 3 for index, path in enumerate(self._paths)}
        before = self._known
        self._paths, self._known = list(paths), array("q")
        for path in self._paths:
            at = known.get(path)
            if at is not None:
                self._known.extend(before[at : at + 3])
            else:
                self._known.extend(self._look(path) if first else _UNKNOWN)

    def changed(self) -> Iterator[bytes]:
        """The directories that are not as they were at the last look."""
        for index, path in enumerate(self._paths):
            now = self._look(path)
            at = index * 3
            if tuple(self._known[at : at + 3]) != now:
                self._known[at : at + 3] = array("q", now)
                yield path

    def _look(self, path: bytes) -> Times:
        try:
            found = os.stat(path or b".", dir_fd=self.root, follow_symlinks=False)
        except OSError:
            return _NOWHERE
        return found.st_ino & 0x7FFFFFFFFFFFFFFF, found.st_mtime_ns, found.st_ctime_ns
