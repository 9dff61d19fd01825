"""Keeps files of a synced directory before they are deleted or replaced, in a trash that only root can enter.

The site's user may change the directory at any moment, so names are opened step by step as that user, never through a
link, and nothing is kept but regular files of the directory's owner. What cannot be kept is counted, never an error.
"""

from __future__ import annotations

import calendar
import contextlib
import errno
import os
import re
import shutil
import stat
import time
from dataclasses import dataclass
from typing import Generator, Iterable, List, Optional, Tuple

from . import layout, results

DAY = 86400
_FORM = "%Y%m%dT%H%M%SZ"
_RUN = re.compile(rb"\d{8}T\d{6}Z(-\d+)?")
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_CHUNK = 1 << 20


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


@dataclass(frozen=True)
class Run:
    """One run that is kept: the oldest name comes first."""

    name: bytes
    path: bytes

    @property
    def time(self) -> int:
        return calendar.timegm(time.strptime(self.name[:16].decode(), _FORM))


class Keeper:
    """Keeps names of one directory. `most`: bytes."""

    def __init__(self, directory: bytes, most: int, now: Optional[float] = None) -> None:
        self.top = os.open(directory, _STEP)
        self.found = os.fstat(self.top)
        self.most = most
        self.end = Kept()
        self.stamp = time.strftime(_FORM, time.gmtime(now)).encode()
        self.place = os.path.join(layout.kept(), layout.module_name(directory).encode())
        self.target: Optional[int] = None

    def close(self) -> None:
        os.close(self.top)
        if self.target is not None:
            os.close(self.target)
            self.target = None

    def keep(self, names: Iterable[bytes]) -> Kept:
        """Of names below the directory."""
        for name in names:
            try:
                self._one(name)
            except OSError as error:
                self.end.miss(error.strerror or str(error))
        return self.end

    def _one(self, name: bytes) -> None:
        parts = name.split(b"/")
        if any(part in (b"", b".", b"..") for part in parts):
            self.end.miss("a name leads out of the directory")
            return
        source = self._open(parts)
        if source is None:
            return
        try:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode):
                return  # links and directories hold nothing
            if found.st_uid != self.found.st_uid:
                self.end.miss("it is not the directory's owner's")
                return
            self._take(source, found, parts)
        finally:
            os.close(source)

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


# --- what is kept no longer


def runs() -> List[Run]:
    """Everything that is kept, the oldest first."""
    found: List[Run] = []
    for place in _entries(layout.kept()):
        found += [Run(os.path.basename(path), path) for path in _entries(place)]
    return sorted((run for run in found if _RUN.fullmatch(run.name)), key=lambda run: run.name)


def _entries(path: bytes) -> List[bytes]:
    try:
        return [os.path.join(path, name) for name in os.listdir(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def room(most: int) -> int:
    """Bytes that the trash may have: never more than half of what would be free without it."""
    try:
        found = os.statvfs(layout.kept())
    except FileNotFoundError:
        found = os.statvfs(layout.STATE)
    size = sum(each for _, each in _sizes())
    return min(most, (found.f_bavail * found.f_frsize + size) // 2)


def _sizes() -> List[Tuple[Run, int]]:
    return [(run, _size(run.path)) for run in runs()]


def _size(path: bytes) -> int:
    size = 0
    for _, _, names, descriptor in os.fwalk(path):
        for name in names:
            size += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
    return size


def sweep(days: int, most: int, now: float) -> int:
    """Removes what is too old, and the oldest of what is too much. @returns how many runs went"""
    gone = 0
    sizes = _sizes()
    total = sum(size for _, size in sizes)
    for run, size in sizes:
        if run.time >= now - days * DAY and total <= most:
            continue
        shutil.rmtree(run.path, ignore_errors=True)
        if os.path.lexists(run.path):
            results.log(f"{results.show(run.path)} could not be removed")
            continue
        total -= size
        gone += 1
    return gone
