"""Who watches: one command at a time, handed over from one to the next without a gap.

In the group's memory, `watch/` holds: `lock`, held by the command that watches, with its process and tick; `successor`,
written by the next one when its own marks stand; `handover`, what the first one leaves when it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Generator, List, Optional

from .. import processes
from ..files import read_small, write_atomic
from ..locks import Lock, try_lock, wait_for_lock

PATIENCE = 5.0
"""Seconds in which the earlier command has to answer."""
HANDOVER_LIMIT = 16 * 1024 * 1024
EARLY_MOST, EARLY_SPAN = 2, 600.0
"""So many commands may end early within so many seconds."""


def now() -> float:
    """Seconds since the boot, the time in suspension included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Handover:
    """What a command leaves to its successor."""

    boot: str
    scope: str
    """Epoch, excludes and directories; another one has nothing to do with it."""
    walked: float
    """When the last whole walk began, by `now`."""
    pending: List[List[object]] = field(default_factory=list[List[object]])
    to: str = ""
    """The process that it is for: only one whose marks stood before has no gap."""


class SupersededError(Exception):
    """A command of a later tick watches already."""


class Post:
    """The place of the one that watches."""

    def __init__(self, place: bytes, tick: int) -> None:
        os.makedirs(place, mode=0o700, exist_ok=True)
        self.place = place
        self.tick = tick
        self.lock: Optional[Lock] = None
        self.killed = False

    def _path(self, name: bytes) -> bytes:
        return os.path.join(self.place, name)

    def take(self, patience: float = PATIENCE) -> Optional[Handover]:
        """Takes the place over; the marks must stand. @returns what was left; nothing where the chain is broken
        @raises SupersededError"""
        me = f"{os.getpid()} {processes.start(os.getpid())}"
        left = None
        self.lock = try_lock(self._path(b"lock"))
        if self.lock is None:
            holder = self._holder()
            if holder is not None and self.tick and holder[2] >= self.tick:
                raise SupersededError(f"the command of the tick {holder[2]} watches")
            if self.has_successor():
                raise SupersededError("another command waits to watch")
            write_atomic(self._path(b"successor"), me.encode("ascii"), sync=False)
            self._wait(patience)
            if self.lock is None:
                self._end_holder()
            left = None if self.killed else self._left(me)
        if self._successor() == me:
            _remove(self._path(b"successor"))
        _remove(self._path(b"handover"))
        # the lock is on the file itself, so it is written in place
        with open(self._path(b"lock"), "wb") as file:
            file.write(
                json.dumps({"pid": os.getpid(), "start": processes.start(os.getpid()), "tick": self.tick}).encode(
                    "ascii"
                )
            )
        return left

    def _wait(self, patience: float) -> None:
        """As long as the earlier one shows that it is at work: a walk is not broken off."""
        path = self._path(b"lock")
        seen, end = os.stat(path).st_mtime_ns, time.monotonic() + patience
        while self.lock is None and time.monotonic() < end:
            self.lock = wait_for_lock(path, min(1.0, patience))
            sign = os.stat(path).st_mtime_ns
            if sign != seen:
                seen, end = sign, time.monotonic() + patience

    @contextlib.contextmanager
    def at_work(self) -> Generator[None, None, None]:
        """Shows a successor that this process is not hung, while it cannot answer."""
        over = threading.Event()

        def show() -> None:
            while not over.wait(1.0):
                os.utime(self._path(b"lock"))

        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _successor(self) -> str:
        try:
            return (read_small(self._path(b"successor")) or b"").decode("ascii", "replace")
        except OSError:
            return ""

    def _holder(self) -> Optional[tuple[int, str, int]]:
        try:
            data = json.loads(read_small(self._path(b"lock")) or b"")
            return int(data["pid"]), str(data["start"]), int(data["tick"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _end_holder(self) -> None:
        """It does not answer: hung, or frozen. With its connections, which would keep the locks of the secondaries."""
        self.killed = True
        end = time.monotonic() + PATIENCE
        while self.lock is None and time.monotonic() < end:
            holder = self._holder()
            if holder is not None:
                processes.end_with_children(holder[0], holder[1])
            self.lock = wait_for_lock(self._path(b"lock"), 1.0)
        if self.lock is None:
            raise TimeoutError("an earlier command that watches neither answers nor ends; see ps")

    def _left(self, me: str) -> Optional[Handover]:
        try:
            data = read_small(self._path(b"handover"), HANDOVER_LIMIT)
            left = Handover(**json.loads(data)) if data is not None else None
        except (OSError, ValueError, TypeError):
            return None
        return left if left is not None and left.to == me else None

    def has_successor(self) -> bool:
        """Asks somebody who lives for the place?"""
        process, _, start = self._successor().partition(" ")
        return process.isdigit() and processes.start(int(process)) == start != ""

    def is_lost(self) -> bool:
        """Is the memory gone, and this place with it? A successor has another one then, and asks nobody."""
        if self.lock is None:
            return False
        held = os.fstat(self.lock.fileno())
        try:
            found = os.stat(self._path(b"lock"))
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != (held.st_dev, held.st_ino)

    def may_end_early(self) -> bool:
        """Has that not been done too often of late? A failure and its end are told at once, a host that comes and goes
        is not."""
        return len(self._early()) < EARLY_MOST

    def _early(self) -> List[float]:
        """When commands ended before their time of late, by `now`."""
        try:
            times = [float(word) for word in (read_small(self._path(b"early")) or b"").split()]
        except (OSError, ValueError):
            return []
        return [at for at in times if now() - EARLY_SPAN < at <= now()][-EARLY_MOST:]

    def note_early(self) -> None:
        times = [*self._early(), now()]
        write_atomic(self._path(b"early"), " ".join(map(str, times)).encode("ascii"), sync=False)

    def leave(self, handover: Optional[Handover]) -> None:
        """Ends the watch."""
        successor = self._successor()
        if handover is not None and successor:
            data = json.dumps(asdict(replace(handover, to=successor)))
            if len(data) <= HANDOVER_LIMIT:
                write_atomic(self._path(b"handover"), data.encode("ascii"), sync=False)
        if self.lock is not None:
            self.lock.release()
            self.lock = None


def _remove(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def end_watch(place: bytes, tick: int) -> None:
    """For a push that does not watch: no other one does, from here on. @raises SupersededError"""
    if not os.path.exists(os.path.join(place, b"lock")):
        return
    post = Post(place, tick)
    post.take()
    post.leave(None)
