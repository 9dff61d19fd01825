"""Comparing and copying files that are named relative to open directories."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import Optional

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK = 1 << 20


def open_file(directory: int, base: bytes) -> int:
    """Opens a regular file to read; what it was exchanged for neither leads elsewhere nor makes us wait."""
    file = os.open(base, _READ, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no regular file any more")
    return file


def are_equal(one_directory: int, one: bytes, other_directory: int, other: bytes) -> bool:
    """Whether two files have the same bytes. Raises OSError if one cannot be read."""
    first = open_file(one_directory, one)
    try:
        second = open_file(other_directory, other)
        try:
            return _are_equal(first, second)
        finally:
            os.close(second)
    finally:
        os.close(first)


def _are_equal(first: int, second: int) -> bool:
    while True:
        block = os.read(first, _BLOCK)
        if block != os.read(second, len(block) or 1):
            return False
        if not block:
            return True


def data_ranges(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Begin and end of what is no hole: a sparse file stays sparse."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole up to the end
                return
            raise
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def copy_data(source: int, target: int) -> None:
    size = os.fstat(source).st_size
    for begin, end in data_ranges(source, size):
        os.lseek(target, begin, os.SEEK_SET)
        while begin < end:
            sent = os.sendfile(target, source, begin, min(end - begin, 1 << 30))
            if sent == 0:
                break  # it was truncated meanwhile
            begin += sent
    os.ftruncate(target, size)


def copy_new(from_directory: int, name: bytes, to_directory: int, new_name: bytes, temporary: bytes) -> None:
    """Copies a file with mode and mtime, where link(2) cannot. It appears whole, or not at all: FileExistsError.

    `temporary` is a directory below that of the new name, which is made when it is missing, and which no push sends.
    """
    try:
        os.mkdir(temporary, 0o700, dir_fd=to_directory)
    except FileExistsError:
        pass
    directory = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=to_directory)
    own_name = b"rescue-" + secrets.token_hex(8).encode()
    try:
        copy_whole(from_directory, name, directory, own_name)
        os.link(own_name, new_name, src_dir_fd=directory, dst_dir_fd=to_directory, follow_symlinks=False)
    finally:
        remove(own_name, directory)
        os.close(directory)
        try:
            os.rmdir(temporary, dir_fd=to_directory)
        except OSError:
            pass  # a push has something in it


def copy_whole(
    from_directory: int, name: bytes, to_directory: int, new_name: bytes, mode: Optional[int] = None
) -> None:
    """Copies a file under a name that nobody has yet, and onto the disk."""
    source = open_file(from_directory, name)
    try:
        status = os.fstat(source)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        target = os.open(new_name, flags, 0o600, dir_fd=to_directory)
        try:
            copy_data(source, target)
            os.fchmod(target, stat.S_IMODE(status.st_mode) if mode is None else mode)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def remove(name: bytes, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
