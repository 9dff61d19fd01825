"""What sees changes, by what the host has: fanotify, or the times of directories, or nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import stat
import time
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Sequence

from ..context import Scanned
from ..directories import Opened, open_beneath
from ..excludes import Matcher
from ..manifest import open_manifest
from ..results import log
from ..scan import GONE
from .fanotify import CREATE, DELETE, MOVED_FROM, MOVED_TO, Event, Fanotify, WatchError, open_fanotify
from .pending import Pending
from .poll import MOST, Poll
from .recent import Recent

POLL_EVERY = 0.5
"""Seconds; longer where a look takes long."""
ENTRIES = CREATE | DELETE | MOVED_FROM | MOVED_TO
"""What changes a directory, by whatever name."""


class Eyes:
    """Puts what it sees into `pending`. `doubt` is why only a walk knows what changed."""

    rung = "none"
    because = ""
    """Why it is no better one."""
    complete = False
    """Is every change seen?"""
    wake = 5.0
    recent: Optional[Recent] = None
    """Where every change is seen."""

    def __init__(self, opened: Sequence[Opened], excluded: Optional[Matcher], pending: Pending) -> None:
        self.opened = list(opened)
        self.excluded = excluded
        self.pending = pending
        self.doubt = ""
        self.remounted = False

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def look(self) -> None:
        """Takes what has happened since the last time."""

    def learn(self, scans: Sequence[Scanned], place: bytes) -> None:
        """A look has ended, and these are its manifests."""

    def close(self) -> None:
        """Ends it."""

    def exchanged(self) -> bool:
        """Is something else, or nothing, at the path of a directory that was opened?"""
        return any(not _is_at_its_path(one) for one in self.opened)

    def is_written(self, root: int, directory: bytes, name: bytes) -> bool:
        """Is a file open for writing? By a lease, which the kernel refuses then (fcntl(2), F_SETLEASE)."""
        path = directory + b"/" + name if directory else name
        try:
            descriptor = open_beneath(self.opened[root].descriptor, path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._look_at_link(root, path)
            return False
        status = os.fstat(descriptor)
        try:
            if not stat.S_ISREG(status.st_mode) or self._has_names(status):
                return False
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return False
        except BlockingIOError:
            return True
        except OSError:
            # no leases here: a file with one name that was made a moment ago has a writer that has not closed it
            return status.st_nlink == 1 and time.time() - status.st_mtime < 2.0
        finally:
            os.close(descriptor)

    def _look_at_link(self, root: int, path: bytes) -> None:
        """A symbolic link can have several names, too."""
        try:
            descriptor = open_beneath(self.opened[root].descriptor, path, os.O_PATH)
        except OSError:
            return
        try:
            self._has_names(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _has_names(self, status: os.stat_result) -> bool:
        """The other names of it changed, too, and have no events: sent apart, they would not be one file there."""
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            self.doubt = "a file has several names"
            return True
        return False

    def passes(self, event: Event) -> bool:
        """Is it a name that is sent at all?"""
        parts = event.directory.split(b"/") if event.directory else []
        if b".~tmp~" in parts or event.name == b".~tmp~" or (parts or [event.name])[0] == b"lost+found":
            return False
        if self.excluded is None:
            return True
        path = b""
        for part in parts:
            path = path + b"/" + part if path else part
            if self.excluded(path, part, True):
                return False
        path = path + b"/" + event.name if path else event.name
        return event.name == b"." or not self.excluded(path, event.name, event.of_directory)


class Events(Eyes):
    """fanotify."""

    rung = "fanotify"
    complete = True
    wake = 0.5

    def __init__(
        self, opened: Sequence[Opened], excluded: Optional[Matcher], pending: Pending, source: Fanotify
    ) -> None:
        super().__init__(opened, excluded, pending)
        self.source = source
        recent = self.recent = Recent()
        self.names = recent
        self.poll = select.poll()
        self.poll.register(source.fileno(), select.POLLIN)
        self.mounts = select.poll()
        self.mounts.register(source.mounts, select.POLLPRI)
        self.mounts.poll(0)
        # a lease that is broken in the moment in which it is held
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGIO, signal.SIG_IGN)

    def wait(self, seconds: float) -> None:
        self.poll.poll(max(0.0, seconds) * 1000)

    def look(self) -> None:
        now = time.monotonic()
        for event in self.source.read():
            if self.passes(event):
                self.pending.add(event, now)
                if event.name != b".":
                    self.names.add(event.root, event.directory, event.name, event.of_directory, now)
            elif event.mask & ENTRIES and self.passes(replace(event, name=b".")):
                # the time of the directory is sent, whatever came and went in it
                self.pending.note_directory(event.root, event.directory, now, set())
        if self.mounts.poll(0):
            self.remounted = True
        if self.source.doubt:
            self.doubt, self.source.doubt = self.source.doubt, ""
            self.names.lose()
        self.names.saw(now)

    def close(self) -> None:
        self.source.close()


class Times(Eyes):
    """The times of directories."""

    rung = "times"

    def __init__(
        self, opened: Sequence[Opened], excluded: Optional[Matcher], pending: Pending, because: str = ""
    ) -> None:
        super().__init__(opened, excluded, pending)
        self.because = because
        self.polls: Dict[int, Poll] = {}
        self.every = POLL_EVERY
        self.next = 0.0
        self.wake = POLL_EVERY

    def learn(self, scans: Sequence[Scanned], place: bytes) -> None:
        roots = {one.module: index for index, one in enumerate(self.opened)}
        for scan in scans:
            root = roots[scan.module]
            poll = self.polls.setdefault(root, Poll(scan.opened.descriptor))
            poll.learn(_known(place, scan.manifest))

    def look(self) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        for root, poll in self.polls.items():
            for path in poll.changed():
                self.pending.note_directory(root, path, now)
        # at most a tenth of the time
        self.next = now + max(self.every, 10 * (time.monotonic() - now))


def _is_at_its_path(opened: Opened) -> bool:
    try:
        return os.path.samestat(os.lstat(opened.path), os.fstat(opened.descriptor))
    except OSError:
        return False


def _known(place: bytes, manifest: str) -> Iterator[bytes]:
    opened = open_manifest(place, manifest)
    if opened is None:
        return
    with contextlib.closing(opened):
        for count, entry in enumerate(opened.entries()):
            if count >= MOST:
                return
            if not entry.flags & GONE:
                yield entry.path


def open_eyes(opened: List[Opened], excluded: Optional[Matcher], pending: Pending) -> Eyes:
    """The best that works here. From now on it sees."""
    try:
        source = open_fanotify([one.path for one in opened])
    except WatchError as error:
        log(f"the times of directories are looked at: {error}")
        return Times(opened, excluded, pending, str(error))
    return Events(opened, excluded, pending, source)
