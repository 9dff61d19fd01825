"""Files that their owner shut for himself (mode 0200, 0000): root opens them, if they are his, and sends copies."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Dict, Optional, Tuple

from .directories import open_beneath

LIMIT = 256 * 1024 * 1024
"""Bytes that are copied for one push."""


class Copies:
    """A tree of copies, with the attributes of the originals and of their directories."""

    def __init__(self, root: int, owner: int, place: bytes) -> None:
        self.root = root
        self.owner = owner
        self.place = place
        self.room = LIMIT
        self.linked: Dict[Tuple[int, int], bytes] = {}
        """Device and inode of an original with several names → its copy: hard links stay hard links."""
        self.directories: Dict[bytes, os.stat_result] = {b"": os.fstat(root)}
        os.mkdir(place, 0o700)

    def add(self, path: bytes) -> bool:
        """Copies a file. @returns whether it could"""
        try:
            source = open_beneath(self.root, path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        with open(source, "rb") as file:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != self.owner:
                return False
            target = os.path.join(self.place, path)
            inode = (status.st_dev, status.st_ino)
            if inode in self.linked:
                self._parents(path)
                os.link(self.linked[inode], target)
                return True
            if status.st_size > self.room:
                return False
            self._parents(path)
            with open(target, "wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
            _take_attributes(target, status)
            self.room -= status.st_size
            if status.st_nlink > 1:
                self.linked[inode] = target
            return True

    def _parents(self, path: bytes) -> None:
        here = b""
        for name in path.split(b"/")[:-1]:
            here = here + b"/" + name if here else name
            if here in self.directories:
                continue
            os.mkdir(os.path.join(self.place, here), 0o700)
            descriptor = open_beneath(self.root, here, os.O_RDONLY | os.O_DIRECTORY)
            self.directories[here] = os.fstat(descriptor)
            os.close(descriptor)

    def end(self) -> None:
        """The directories get their attributes when nothing comes into them any more."""
        for path in sorted(self.directories, reverse=True):
            _take_attributes(os.path.join(self.place, path), self.directories[path])


def _take_attributes(target: bytes, status: Optional[os.stat_result]) -> None:
    assert status is not None
    os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
