"""What the owner of a directory cannot read in it: no other host can get it, and the first push would delete it."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from typing import Optional

from . import owner
from .compare import join
from .directories import Opened, open_beneath
from .excludes import Matcher
from .fetch import read_names
from .ssh import environment

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_FIND = ["find", ".", "-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")", "-prune", "-print0"]


def files_in_shut_directories(opened: Opened, excluded: Optional[Matcher], scratch: bytes) -> Iterator[bytes]:
    """Files and links below directories that the owner cannot enter or read, relative to the directory."""
    listed = scratch + b"/shut"
    with open(listed, "wb") as output:
        owner.wait(owner.fork_as(opened.owner, opened.group, lambda: _find(opened.descriptor, output.fileno())))
    for name in read_names(os.fsdecode(listed)):
        path = name[2:]
        if not _is_excluded(path, excluded):
            yield from _files_below(opened, path)


def _find(directory: int, output: int) -> int:
    os.fchdir(directory)
    return subprocess.run(_FIND, stdout=output, env=environment(), check=False).returncode


def _is_excluded(path: bytes, excluded: Optional[Matcher]) -> bool:
    if excluded is None:
        return False
    parts = path.split(b"/")
    return any(excluded(b"/".join(parts[: end + 1]), parts[end], True) for end in range(len(parts)))


def _files_below(opened: Opened, path: bytes) -> Iterator[bytes]:
    """As root, but through no link."""
    try:
        top = open_beneath(opened.descriptor, path, _DIRECTORY)
    except OSError:
        return  # it went away
    try:
        for directory, _, names, descriptor in os.fwalk(b".", dir_fd=top, follow_symlinks=False):
            below = path if directory == b"." else join(path, directory[2:])
            for name in names:
                try:
                    mode = os.lstat(name, dir_fd=descriptor).st_mode
                except OSError:
                    continue
                if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                    yield join(below, name)
    finally:
        os.close(top)
