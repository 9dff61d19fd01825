"""What a secondary keeps, for root alone: /var/lib/hostsync/kept/MODULE/TIME/PATH, and what of it goes again."""

from __future__ import annotations

import calendar
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import List

from . import layout, results
from .options import KEPT_TIME

DAY = 86400
FORM = "%Y%m%dT%H%M%SZ"
_RUN = re.compile(KEPT_TIME.encode())


@dataclass(frozen=True)
class Run:
    """One run that is kept: the oldest name comes first."""

    name: bytes
    path: bytes

    @property
    def module(self) -> str:
        """That of the directory."""
        return os.fsdecode(os.path.basename(os.path.dirname(self.path)))

    @property
    def time(self) -> int:
        return calendar.timegm(time.strptime(self.name[:16].decode(), FORM))


@dataclass
class Stock:
    """Everything that is kept, the oldest first, with sizes in bytes. Found once, as that walks through all of it."""

    runs: List[Run]
    sizes: List[int]

    @property
    def total(self) -> int:
        return sum(self.sizes)


def runs() -> List[Run]:
    """The oldest first."""
    found: List[Run] = []
    for place in _entries(layout.kept()):
        found += [Run(os.path.basename(path), path) for path in _entries(place)]
    return sorted((run for run in found if _RUN.fullmatch(run.name)), key=lambda run: run.name)


def _entries(path: bytes) -> List[bytes]:
    try:
        return [os.path.join(path, name) for name in os.listdir(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def stock() -> Stock:
    found = runs()
    return Stock(found, [_size(run.path) for run in found])


def free() -> int:
    """Bytes of the file system."""
    try:
        found = os.statvfs(layout.kept())
    except FileNotFoundError:
        found = os.statvfs(layout.STATE)
    return found.f_bavail * found.f_frsize


def room(most: int, total: int) -> int:
    """Bytes that may be kept, where `total` are: never more than half of what would be free without them."""
    return min(most, (free() + total) // 2)


def _size(path: bytes) -> int:
    size = 0
    for _, _, names, descriptor in os.fwalk(path):
        for name in names:
            size += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
    return size


def sweep(found: Stock, days: int, most: int, now: float) -> Stock:
    """Removes what is too old, and the oldest of what is too much. @returns what is left"""
    left, total = Stock([], []), found.total
    for run, size in zip(found.runs, found.sizes):
        if run.time < now - days * DAY or total > most:
            shutil.rmtree(run.path, ignore_errors=True)
            if not os.path.lexists(run.path):
                total -= size
                continue
            results.log(f"{results.show(run.path)} could not be removed")
        left.runs.append(run)
        left.sizes.append(size)
    return left
