"""Tells of a process that waits for good."""

from __future__ import annotations

import time


class Watch:
    """Tells of an rsync that waits for good: its own --timeout does not end one that opens a pipe that was a file."""

    def __init__(self, pid: int, idle: float) -> None:
        self.pid = pid
        self.idle = idle
        self.moved = time.monotonic()
        self.looked = self.moved
        self.counts: bytes = b""
        self.waits = 0

    def is_stuck(self) -> bool:
        now = time.monotonic()
        if now - self.looked < 1.0:
            return False
        self.looked = now
        self.waits = self.waits + 1 if _proc(self.pid, b"wchan") == b"wait_for_partner" else 0
        if self.waits >= 3:
            return True
        counts: bytes = _proc(self.pid, b"io") or str(now).encode()
        if counts != self.counts:
            self.counts, self.moved = counts, now
        return now - self.moved > self.idle


def _proc(pid: int, name: bytes) -> bytes:
    try:
        with open(b"/proc/%d/%s" % (pid, name), "rb") as file:
            return file.read(4096)
    except OSError:
        return b""
