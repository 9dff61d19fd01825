"""Sockets, pipes and devices are not sent. But rsync lists them, and so keeps what is over there under their names."""

from __future__ import annotations

import os
import stat
from typing import Iterator

from .directories import open_beneath
from .leftovers import join
from .manifest import SPECIAL, Manifest

_SENT = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


def is_sent(status: os.stat_result) -> bool:
    """Is it a file, a directory or a link?"""
    return stat.S_IFMT(status.st_mode) in _SENT


def special_names(manifest: Manifest, root: int) -> Iterator[bytes]:
    """The paths of what is neither file nor directory nor link now, in directories that had such at the walk.
    @raises Damaged"""
    for entry in manifest.entries():
        if entry.flags & SPECIAL:
            yield from _in_directory(root, entry.path)


def _in_directory(root: int, path: bytes) -> Iterator[bytes]:
    try:
        directory = open_beneath(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # it went away
    try:
        for name in os.listdir(directory):
            encoded = os.fsencode(name)
            try:
                status = os.stat(encoded, dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue
            if not is_sent(status):
                yield join(path, encoded)
    finally:
        os.close(directory)
