"""Which directories may have been elsewhere while rsync looked for what is in them.

A name that rsync did not find is left out without a word, and what is back where it was is no change to the next walk.
Of a file this cannot be: a rename changes its ctime. A directory that is renamed changes its own ctime and its
parent's, and nothing of what is below it.
"""

from __future__ import annotations

import contextlib
import os
from typing import Callable, Dict, Iterable, List, Optional

from .directories import open_beneath
from .leftovers import split

PATIENCE = 1.0
"""Seconds to wait for names that changed: without them only more is sent again."""


class Lookup:
    """Looks names up below a directory that is open, and follows no link on the way. Those of one directory should come
    one after the other."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._directory: Optional[bytes] = None
        self._descriptor = -1

    def stat(self, path: bytes) -> Optional[os.stat_result]:
        directory, name = split(path)
        if directory != self._directory:
            self.close()
            self._directory = directory
            with contextlib.suppress(OSError):
                self._descriptor = open_beneath(self._root, directory, os.O_PATH | os.O_DIRECTORY)
        if self._descriptor < 0:
            return None
        try:
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return None

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._directory, self._descriptor = None, -1


class Whereabouts:
    """Of the directories below one that is open, since a moment in nanoseconds."""

    def __init__(self, root: int, since: int) -> None:
        self.root, self.since = root, since
        self._changed: Dict[bytes, bool] = {}
        self._moved: Dict[bytes, bool] = {b"": False}

    def is_new(self, path: bytes) -> bool:
        """Did its inode change since, or is it gone?"""
        try:
            status = os.stat(path or b".", dir_fd=self.root, follow_symlinks=False)
        except OSError:
            return True
        return status.st_ctime_ns >= self.since

    def has_changed(self, directory: bytes) -> bool:
        """As `is_new`, and remembered."""
        found = self._changed.get(directory)
        if found is None:
            found = self._changed[directory] = self.is_new(directory)
        return found

    def may_have_moved(self, directory: bytes) -> bool:
        """May it, or one above it, have been renamed? The root itself is somebody else's question."""
        found = self._moved.get(directory)
        if found is None:
            above = split(directory)[0]
            found = (self.has_changed(directory) and self.has_changed(above)) or self.may_have_moved(above)
            self._moved[directory] = found
        return found


def in_doubt(
    paths: Iterable[bytes], whereabouts: Whereabouts, late: Callable[[], Optional[Iterable[bytes]]]
) -> List[bytes]:
    """Those of the paths that may not have been where rsync looked. `late`: every name that changed since, if that is
    known; it is asked where times alone do not tell."""
    doubtful = [path for path in paths if whereabouts.may_have_moved(split(path)[0])]
    known = late() if doubtful else None
    if known is None:
        return doubtful
    names = frozenset(known)
    return [path for path in doubtful if any(above in names for above in _above(path))]


def _above(path: bytes) -> Iterable[bytes]:
    above = split(path)[0]
    while above:
        yield above
        above = split(above)[0]
