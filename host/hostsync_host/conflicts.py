"""Keeps what differs from the primary's own files out of the directories that are served.

A `config.php` with another name beside it would be public as source text. So it goes below `/var/lib/hostsync/rescued`,
under its whole path, for root alone.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from typing import Optional

from . import copying, layout
from .place import open_below, unmunged

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_DIRECTORY_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Conflicts:
    """The files of one source, as one run keeps them."""

    def __init__(self, source: str, started: str, munged: bool = True) -> None:
        """started: UTC, as 20261122T185325Z. munged: links have the targets that rsync gave them on their way."""
        self._rescued = layout.rescued()
        self._source = source.encode()
        self._started = started.encode()
        self._target = _munged_target if munged else _target
        # where they are; nothing as long as there is none
        self.path = b""
        self._top = -1

    def keep(self, stage: int, name: bytes, directory: bytes) -> Optional[bytes]:
        """Keeps an entry of a stage, which has this name in this directory.

        Returns the path under which it is kept now, or None if an earlier run kept the same. Raises OSError.
        """
        relative = directory.lstrip(b"/") + b"/" + name
        parent, _, base = relative.rpartition(b"/")
        staged = open_below(stage, name.rpartition(b"/")[0])
        try:
            if self._is_kept(staged, parent, base):
                return None
            self._keep(staged, parent, base)
            return self.path + b"/" + relative
        finally:
            os.close(staged)

    def close(self) -> None:
        if self._top >= 0:
            os.close(self._top)

    def _is_kept(self, staged: int, parent: bytes, base: bytes) -> bool:
        for path in self._earlier():
            try:
                top = os.open(path, _DIRECTORY)
                try:
                    kept = open_below(top, parent)
                finally:
                    os.close(top)
            except OSError as error:
                if error.errno in _NO_DIRECTORY_THERE:
                    continue
                raise
            try:
                if self._is_same(staged, kept, base):
                    return True
            finally:
                os.close(kept)
        return False

    def _is_same(self, staged: int, kept: int, base: bytes) -> bool:
        try:
            ours = os.lstat(base, dir_fd=kept)
        except FileNotFoundError:
            return False
        theirs = os.lstat(base, dir_fd=staged)
        if stat.S_IFMT(ours.st_mode) != stat.S_IFMT(theirs.st_mode):
            return False
        if stat.S_ISLNK(ours.st_mode):
            return _target(kept, base) == self._target(staged, base)
        return ours.st_size == theirs.st_size and copying.are_equal(staged, base, kept, base)

    def _earlier(self) -> list[bytes]:
        pattern = re.compile(rb"\d{8}T\d{6}Z(\.\d+)?-" + re.escape(self._source))
        names = sorted(os.listdir(self._rescued), reverse=True)
        return [self._rescued + b"/" + name for name in names if pattern.fullmatch(name)]

    def _keep(self, staged: int, parent: bytes, base: bytes) -> None:
        kept = self._make_parent(parent)
        try:
            status = os.lstat(base, dir_fd=staged)
            if stat.S_ISLNK(status.st_mode):
                os.symlink(self._target(staged, base), base, dir_fd=kept)
            else:
                _take_file(staged, base, kept)
            os.fsync(kept)
        finally:
            os.close(kept)

    def _make_top(self) -> None:
        """A directory of its own for each run: so what one keeps is never replaced by what another keeps."""
        number = 1
        while self._top < 0:
            again = b"" if number == 1 else b".%d" % number
            self.path = self._rescued + b"/" + self._started + again + b"-" + self._source
            try:
                os.mkdir(self.path, 0o700)
                self._top = os.open(self.path, _DIRECTORY)
            except FileExistsError:
                number += 1

    def _make_parent(self, parent: bytes) -> int:
        if self._top < 0:
            self._make_top()
        current = os.dup(self._top)
        for part in parent.split(b"/"):
            try:
                os.mkdir(part, 0o700, dir_fd=current)
            except FileExistsError:
                pass
            try:
                following = os.open(part, _DIRECTORY, dir_fd=current)
            finally:
                os.close(current)
            current = following
        return current


def _target(directory: int, base: bytes) -> bytes:
    return os.readlink(base, dir_fd=directory)


def _munged_target(directory: int, base: bytes) -> bytes:
    return unmunged(_target(directory, base))


def _take_file(staged: int, base: bytes, kept: int) -> None:
    """Copies it under a name of its own first: what a killed run leaves is never taken for a whole file.

    A link would do on the same file system, but who has the file open on the site could still write into it.
    """
    temporary = b".hostsync-" + secrets.token_hex(8).encode()
    try:
        copying.copy_whole(staged, base, kept, temporary, 0o600)
        os.rename(temporary, base, src_dir_fd=kept, dst_dir_fd=kept)
    finally:
        copying.remove(temporary, kept)
