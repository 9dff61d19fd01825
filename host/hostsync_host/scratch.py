"""A directory of its own for each run. A lock on it tells one that is in use from what a killed run left."""

from __future__ import annotations

import os
import shutil
import tempfile

from . import files, layout
from .errors import not_ready
from .locks import try_lock, wait_for_lock


class Scratch:
    """Removed at the end of the run, or by the next one of the same command."""

    def __init__(self, command: str) -> None:
        files.make_directory(layout.STATE)
        files.make_directory(layout.scratch(), 0o755)
        self._prefix = command.encode() + b"."
        # Nobody else may sweep between the making of ours and its lock
        guard = wait_for_lock(layout.scratch(), 60)
        if guard is None:
            raise not_ready("another command of hostsync has been cleaning up for a minute; end it, then retry")
        with guard:
            self._sweep()
            self.path = tempfile.mkdtemp(prefix=self._prefix, dir=layout.scratch())
            lock = try_lock(self.path)
        if lock is None:
            raise OSError("a new directory is locked")
        self._lock = lock

    def _sweep(self) -> None:
        for name in os.listdir(layout.scratch()):
            path = layout.scratch() + b"/" + name
            if name.startswith(self._prefix) and os.path.isdir(path):
                left = try_lock(path)
                if left is not None:
                    with left:
                        shutil.rmtree(path, ignore_errors=True)

    def __enter__(self) -> bytes:
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
