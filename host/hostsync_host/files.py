"""Small files: read within limits, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from typing import Optional

from . import results


def read_small(path: bytes, limit: int = 65536, flags: int = 0) -> Optional[bytes]:
    """The file's content; None if there is no such file. A larger one, or one that is no regular file: an OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, f"{results.show(path)} is no regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"{results.show(path)} has more than {limit} bytes")
    return data


def write_atomic(path: bytes, data: bytes, mode: int = 0o600, sync: bool = True) -> None:
    """Puts a file of the process's user there. A host that loses power comes back with the old file or the new one."""
    directory = os.path.dirname(path)
    # sudo passes over names with a dot in sudoers.d
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=b".hostsync.")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, mode)
            if sync:
                file.flush()
                os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if sync:
        sync_directory(directory)


def install(path: bytes, data: bytes, mode: int = 0o644) -> bool:
    """Like `write_atomic`, but leaves a file that is already so; says whether it was another."""
    try:
        found = os.lstat(path)
        same = (
            stat.S_ISREG(found.st_mode)
            and (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, os.geteuid(), os.getegid())
            and found.st_size == len(data)
            and read_small(path, len(data)) == data
        )
    except FileNotFoundError:
        same = False
    if same:
        return False
    write_atomic(path, data, mode)
    return True


def make_directory(path: bytes, mode: int = 0o755) -> None:
    """A directory of root's, with its missing parents; mends owner and mode of the last one."""
    os.makedirs(path, mode=0o755, exist_ok=True)
    found = os.stat(path)
    if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) != (mode, os.geteuid(), os.getegid()):
        os.chown(path, os.geteuid(), os.getegid())
        os.chmod(path, mode)


def remove(path: bytes) -> bool:
    """Removes a file; says whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def sync_directory(path: bytes) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
