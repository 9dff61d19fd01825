"""Locks that end with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from types import TracebackType
from typing import Optional

from . import layout
from .errors import not_ready


class Lock:
    """A lock of a file or directory, held until `release`. Children do not hold it, unless given `fileno()`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: Optional[int] = descriptor

    def fileno(self) -> int:
        if self._descriptor is None:
            raise ValueError("the lock was released")
        return self._descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.release()


def _open(path: bytes) -> int:
    if os.path.isdir(path):
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(path: bytes) -> Optional[Lock]:
    """Takes the lock, or None where somebody else has it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def wait_for_lock(path: bytes, seconds: float) -> Optional[Lock]:
    """Waits for the lock; None when the time has passed. (flock itself knows no time, so this asks again and again.)"""
    end = time.monotonic() + seconds
    while True:
        lock = try_lock(path)
        if lock is not None or time.monotonic() >= end:
            return lock
        time.sleep(0.05)


def take_turn() -> Lock:
    """Two joins at once, or a late one of an older epoch, must not mix."""
    lock = wait_for_lock(layout.TURN, 60)
    if lock is None:
        raise not_ready("another command of hostsync has been running for a minute; end it, then retry")
    return lock
