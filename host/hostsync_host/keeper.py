"""Keeps files of a synced directory before they are deleted or replaced, in a trash that only root can enter.

The site's user may change the directory at any moment, so names are opened step by step as that user, never through a
link, and nothing is kept but regular files of the directory's owner. What cannot be kept is counted, never an error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from typing import Generator, Iterable, List, Optional

from . import layout, trash

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_CHUNK = 1 << 20
DEPTH_MOST = 200
"""What is deeper could not be walked through without limit, and here root walks."""


@dataclass
class Kept:
    """What became of the names of one run."""

    count: int = 0
    size: int = 0
    missed: int = 0
    """Files that were there and were not kept."""
    reason: str = ""
    """Why, of the first."""

    def miss(self, reason: str) -> None:
        self.missed += 1
        self.reason = self.reason or reason


class Keeper:
    """Keeps names of one directory. `most`: bytes. `deadline`: of time.monotonic."""

    def __init__(
        self, directory: bytes, most: int, now: Optional[float] = None, deadline: float = float("inf")
    ) -> None:
        self.top = os.open(directory, _STEP)
        self.found = os.fstat(self.top)
        self.most, self.deadline = most, deadline
        self.end = Kept()
        self.stamp = time.strftime(trash.FORM, time.gmtime(now)).encode()
        self.place = os.path.join(layout.kept(), layout.module_name(directory).encode())
        self.target: Optional[int] = None

    def close(self) -> None:
        os.close(self.top)
        if self.target is not None:
            os.close(self.target)
            self.target = None

    def keep(self, names: Iterable[bytes]) -> Kept:
        """Of names below the directory: of files, and with / at the end of a directory that goes with all that is in
        it."""
        for name in names:
            stack = [name]
            while stack:
                each = stack.pop()
                if time.monotonic() > self.deadline:
                    self.end.miss("there was no time left")
                    break
                try:
                    below = self._one(each.rstrip(b"/"), each.endswith(b"/"))
                except OSError as error:
                    self.end.miss(error.strerror or str(error))
                else:
                    stack += below
        return self.end

    def _one(self, name: bytes, whole: bool) -> List[bytes]:
        """@returns what is in it, if it is a directory that is to be kept as a whole"""
        parts = name.split(b"/")
        if any(part in (b"", b".", b"..") for part in parts):
            self.end.miss("a name leads out of the directory")
            return []
        if len(parts) > DEPTH_MOST:
            self.end.miss(f"it is more than {DEPTH_MOST} directories deep")
            return []
        source = self._open(parts)
        if source is None:
            return []
        try:
            found = os.fstat(source)
            if stat.S_ISDIR(found.st_mode) and whole:
                return [name + b"/" + each + b"/" for each in self._list(source)]
            if not stat.S_ISREG(found.st_mode):
                return []  # links and other directories hold nothing
            if found.st_uid != self.found.st_uid:
                self.end.miss("it is not the directory's owner's")
                return []
            with contextlib.suppress(FileExistsError):  # it was named before
                self._take(source, found, parts)
            return []
        finally:
            os.close(source)

    def _list(self, directory: int) -> List[bytes]:
        """As the owner."""
        with _as(self.found):
            opened = os.open(b"/proc/self/fd/%d" % directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return [os.fsencode(name) for name in os.listdir(opened)]
        finally:
            os.close(opened)

    def _open(self, parts: List[bytes]) -> Optional[int]:
        """As the owner; nothing if it is not there, or a link is on the way."""
        with contextlib.ExitStack() as opened, _as(self.found):
            place = self.top
            try:
                for part in parts[:-1]:
                    place = os.open(part, _STEP, dir_fd=place)
                    opened.callback(os.close, place)
                return os.open(parts[-1], os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    return None
                raise

    def _take(self, source: int, found: os.stat_result, parts: List[bytes]) -> None:
        # what has another name there can be written by it
        linked = found.st_nlink == 1 and self._fits(found.st_blocks * 512)
        if not linked and not self._fits(found.st_size):
            self.end.miss("it is more than may be kept")
            return
        with contextlib.ExitStack() as opened:
            place = self._make(parts[:-1], opened)
            size = found.st_blocks * 512
            if not linked or not _link(source, parts[-1], place):
                if not self._fits(found.st_size):
                    self.end.miss("it is more than may be kept")
                    return
                size = _copy(source, parts[-1], place, found)
        self.end.count += 1
        self.end.size += size

    def _fits(self, size: int) -> bool:
        return self.end.size + size <= self.most

    def _make(self, parts: List[bytes], opened: contextlib.ExitStack) -> int:
        """The trash's directory for a name; by steps, as the name alone may be as long as a path can be."""
        place = self._begin()
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=place)
            place = os.open(part, _STEP, dir_fd=place)
            opened.callback(os.close, place)
        return place

    def _begin(self) -> int:
        """Made when something is there to be kept."""
        if self.target is None:
            for path in (layout.kept(), self.place):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path, 0o700)
            path, number = os.path.join(self.place, self.stamp), 1
            while os.path.lexists(path):
                path, number = os.path.join(self.place, b"%s-%d" % (self.stamp, number)), number + 1
            os.mkdir(path, 0o700)
            self.target = os.open(path, _STEP)
        return self.target


@contextlib.contextmanager
def _as(owner: os.stat_result) -> Generator[None, None, None]:
    if owner.st_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _link(source: int, name: bytes, place: int) -> bool:
    """A second name for what was opened, whatever its first one is now. @returns whether that can be"""
    try:
        # with dst_dir_fd, else Python does not follow: the "link" is the descriptor's
        os.link(b"/proc/self/fd/%d" % source, name, dst_dir_fd=place, follow_symlinks=True)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            return False
        raise
    return True


def _copy(source: int, name: bytes, place: int, found: os.stat_result) -> int:
    """Whole or not at all, and no more than was there at first: it may grow meanwhile."""
    target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place)
    try:
        with open(target, "wb", buffering=0) as out, open(b"/proc/self/fd/%d" % source, "rb", buffering=0) as file:
            left = found.st_size
            while left > 0 and (data := file.read(min(left, _CHUNK))):
                out.write(data)
                left -= len(data)
            os.fchown(target, found.st_uid, found.st_gid)
            os.fchmod(target, stat.S_IMODE(found.st_mode) & 0o777)
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    except OSError:
        os.unlink(name, dir_fd=place)
        raise
    return found.st_size
