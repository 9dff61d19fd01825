"""Puts files that arrived in a stage into their places, as the owner of the directory.

Nothing is overwritten, also not what is saved there in the same moment: link(2) fails where there is a name. A file is
whole, or not there. Directories are entered by their names, one after the other, and never through a symbolic link.
"""

from __future__ import annotations

import enum
import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Optional

from . import copying
from .rsync import TEMPORARY

# A link of the source arrives with a target that leads nowhere (rsync --munge-links)
MUNGED = b"/rsyncd-munged/"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_A_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)


class Fate(enum.Enum):
    NEW = b"n"
    # Something else has its name: the caller keeps it elsewhere. It is still in the stage.
    CONFLICT = b"c"
    FAILED = b"e"


@dataclass(frozen=True)
class Placed:
    fate: Fate
    # relative to the directory
    name: bytes
    message: str = ""


def open_below(top: int, directory: bytes) -> int:
    """Opens a directory by its path relative to another one; follows no symbolic link and takes paths of any length."""
    current = os.dup(top)
    for part in directory.split(b"/") if directory else ():
        try:
            following = os.open(part, _DIRECTORY, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current


def unmunged(target: bytes) -> bytes:
    if not target.startswith(MUNGED) or target == MUNGED:
        raise OSError(errno.EINVAL, "the link has no target")
    return target[len(MUNGED) :]


class _Staged:
    """An entry that arrived."""

    def __init__(self, directory: int, base: bytes) -> None:
        self.directory = directory
        self.base = base
        self.status = os.lstat(base, dir_fd=directory)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_wanted(self) -> bool:
        return self.is_link or stat.S_ISREG(self.status.st_mode)

    def is_same(self, directory: int, base: bytes) -> bool:
        """Whether another entry has the same content; modes, owners and times do not count."""
        ours = os.lstat(base, dir_fd=directory)
        if self.is_link:
            theirs = os.readlink(self.base, dir_fd=self.directory)
            return stat.S_ISLNK(ours.st_mode) and MUNGED + os.readlink(base, dir_fd=directory) == theirs
        if not stat.S_ISREG(ours.st_mode) or ours.st_size != self.status.st_size:
            return False
        try:
            return copying.are_equal(self.directory, self.base, directory, base)
        except PermissionError:  # even its owner cannot read one of them
            return ours.st_mtime_ns == self.status.st_mtime_ns


class Placer:
    """Places what arrived in a stage below a directory; both are given as descriptors."""

    def __init__(self, root: int, stage: int, only_newer: bool, report: Callable[[Placed], None]) -> None:
        self._root = root
        self._stage = stage
        # What differs is kept only if it is newer than ours
        self._only_newer = only_newer
        self._report = report
        self._current: Optional[bytes] = None
        self._from = self._to = -1

    def place(self, names: Iterable[bytes]) -> None:
        """Names in order: entries of one directory follow each other."""
        for name in names:
            try:
                self._place(name)
            except OSError as error:
                self._report(Placed(Fate.FAILED, name, error.strerror or str(error)))
        self._leave()

    def _place(self, name: bytes) -> None:
        directory, _, base = name.rpartition(b"/")
        if directory != self._current:
            self._enter(directory)
        if self._from < 0:
            return  # it did not arrive: rsync said why
        try:
            staged = _Staged(self._from, base)
        except FileNotFoundError:
            return
        if not staged.is_wanted:
            return
        if self._to < 0:
            self._report(Placed(Fate.CONFLICT, name))
        elif self._link(staged):
            self._report(Placed(Fate.NEW, name))
            os.unlink(base, dir_fd=self._from)
        elif self._is_conflict(staged):
            self._report(Placed(Fate.CONFLICT, name))
        else:
            os.unlink(base, dir_fd=self._from)

    def _is_conflict(self, staged: _Staged) -> bool:
        if staged.is_same(self._to, staged.base):
            return False
        ours = os.lstat(staged.base, dir_fd=self._to)
        if not self._only_newer or stat.S_ISDIR(ours.st_mode):
            return True
        return staged.status.st_mtime_ns > ours.st_mtime_ns

    def _link(self, staged: _Staged) -> bool:
        """False if there is something of that name."""
        try:
            if staged.is_link:
                self._make_link(staged)
            else:
                self._link_file(staged)
        except FileExistsError:
            return False
        return True

    def _make_link(self, staged: _Staged) -> None:
        target = unmunged(os.readlink(staged.base, dir_fd=staged.directory))
        os.symlink(target, staged.base, dir_fd=self._to)
        times = (staged.status.st_atime_ns, staged.status.st_mtime_ns)
        os.utime(staged.base, ns=times, dir_fd=self._to, follow_symlinks=False)

    def _link_file(self, staged: _Staged) -> None:
        base = staged.base
        try:
            os.link(base, base, src_dir_fd=staged.directory, dst_dir_fd=self._to, follow_symlinks=False)
        except OSError as error:
            # another file system is mounted there, or this one has no hard links
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            copying.copy_new(staged.directory, base, self._to, base, TEMPORARY)

    def _enter(self, directory: bytes) -> None:
        """Opens it in the stage and in its place, where it is made. A descriptor stays -1 if there is none."""
        self._leave()
        self._current = directory
        try:
            self._from = open_below(self._stage, directory)
        except FileNotFoundError:
            return
        self._to = os.dup(self._root)
        done = b""
        for part in directory.split(b"/") if directory else ():
            done = done + b"/" + part if done else part
            following = self._enter_part(part, done)
            os.close(self._to)
            self._to = following
            if following < 0:
                return

    def _enter_part(self, part: bytes, path: bytes) -> int:
        try:
            return os.open(part, _DIRECTORY, dir_fd=self._to)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in _NOT_A_DIRECTORY:
                return -1
            raise
        mode = stat.S_IMODE(os.fstat(self._from).st_mode) if path == self._current else self._staged_mode(path)
        try:
            os.mkdir(part, mode, dir_fd=self._to)
        except FileExistsError:
            return self._enter_part(part, path)
        made = os.open(part, _DIRECTORY, dir_fd=self._to)
        if mode & ~0o1777:
            os.fchmod(made, mode)
        return made

    def _staged_mode(self, path: bytes) -> int:
        directory = open_below(self._stage, path)
        try:
            return stat.S_IMODE(os.fstat(directory).st_mode)
        finally:
            os.close(directory)

    def _leave(self) -> None:
        for descriptor in (self._from, self._to):
            if descriptor >= 0:
                os.close(descriptor)
        self._from = self._to = -1
        self._current = None
