"""The synced directories: are they there, whose are they, is there room, and what is mounted inside?"""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Iterable

from .. import directories, layout, results
from ..directories import Opened, Problem
from ..request import Request
from ..rsync import TEMPORARY
from ..watch import fanotify
from .check import Check, error, ok, warning

# Of the whole, in percent, and as much as that at least
LOW_SHARE, LOW_BYTES = 5, 100 * 1024 * 1024
FULL_SHARE, FULL_BYTES = 1, 16 * 1024 * 1024
LOW_INODES, FULL_INODES = 1000, 50
DAY = 86400

FOUND_ON_SECONDARIES = frozenset([Problem.MISSING, Problem.EMPTY])
REMEDIES = {
    Problem.MISSING: "make it, or take it off the tag hostsync:directories",
    Problem.EMPTY: "mount its volume; if it has none, put a file in it",
    Problem.UNMOUNTED: "mount it, or mark it noauto in /etc/fstab",
    Problem.SYMLINK: "name the real path in the tag hostsync:directories",
    Problem.UNREADABLE: "chown what its owner cannot read",
}


def owner_of(opened: Opened) -> str:
    """Names where there are any: numbers may differ from host to host."""
    try:
        user = pwd.getpwuid(opened.owner).pw_name
    except KeyError:
        user = str(opened.owner)
    try:
        return f"{user}:{grp.getgrgid(opened.group).gr_name}"
    except KeyError:
        return f"{user}:{opened.group}"


class Places:
    """The directories of a request as they are here. Whoever made it calls `close`."""

    def __init__(self, request: Request) -> None:
        self.is_primary = request.options.role == "primary"
        mounts = directories.expected_mounts()
        found = [directories.open_directory(each.path, mounts) for each in request.directories]
        self.fit = [each for each in found if isinstance(each, Opened)]
        self.unfit = [each for each in found if not isinstance(each, Opened)]

    def close(self) -> None:
        for each in self.fit:
            os.close(each.descriptor)

    def owners(self) -> dict[str, str]:
        return {results.show(each.path): owner_of(each) for each in self.fit}

    # --- what is found

    def find_directories(self) -> Iterable[Check]:
        for each in self.unfit:
            what = f"{results.show(each.path)} {each.explanation}"
            if not self.is_primary and each.problem in FOUND_ON_SECONDARIES:
                yield ok("directory", f"{what.split(';')[0].split(',')[0]} yet: the first sync brings what is in it")
                continue
            why = "It is not pushed." if self.is_primary else "It receives no files here."
            yield error("directory", what, why, REMEDIES[each.problem])
        for opened in self.fit:
            yield ok("directory", f"{results.show(opened.path)} belongs to {owner_of(opened)}")

    def find_mounts(self) -> Iterable[Check]:
        for opened in self.fit:
            name = results.show(opened.path)
            if os.fstatvfs(opened.descriptor).f_flag & os.ST_RDONLY and not self.is_primary:
                mend = f"mount -o remount,rw {name}"
                yield error("mounts", f"{name} is mounted read-only", "It receives no files.", mend)
            inside = [results.show(each) for each in fanotify.mounts_below(opened.path)]
            if inside and not self.is_primary:
                what = f"inside {name} other file systems are mounted: {', '.join(inside[:5])}"
                why = "rsync can neither replace nor delete a mount point."
                yield warning("mounts", what, why, "unmount them, or exclude them with the tag hostsync:excludes")
            elif inside:
                yield ok("mounts", f"inside {name}: {', '.join(inside[:5])}")

    def find_room(self) -> Iterable[Check]:
        seen: set[int] = set()
        for path in [*(each.path for each in self.fit), existing(layout.STATE)]:
            device = os.stat(path).st_dev
            if device not in seen:
                seen.add(device)
                yield room_of(path)

    def find_leftovers(self) -> Iterable[Check]:
        for opened in self.fit:
            old = old_entries(opened.place + b"/" + TEMPORARY)
            if old:
                path = f"{results.show(opened.path)}/{results.show(TEMPORARY)}"
                why = "They take room, and nothing uses them any more."
                yield warning("leftovers", f"{old} entries in {path} are older than a day", why, f"rm -r {path}")

    def find_rung(self) -> Iterable[Check]:
        paths = [each.path for each in self.fit]
        if not paths:
            return
        try:
            fanotify.open_fanotify(paths).close()
            yield ok("watch", f"fanotify, Linux {os.uname().release}")
        except fanotify.WatchError as error:
            why = "Changes are seen by the times of directories: what is overwritten in place waits for the next walk."
            mend = "use a file system such as ext4 or xfs, and Linux 5.9 or later"
            yield warning("watch", f"{error} (Linux {os.uname().release})", why, mend)


def existing(path: bytes) -> bytes:
    """The path, or the nearest directory above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def room_of(path: bytes) -> Check:
    found = os.statvfs(path)
    name = results.show(path)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    share = free * 100 // total if total else 100
    # A file system without a number of inodes, such as btrfs, says 0
    inodes = found.f_favail if found.f_files else LOW_INODES
    what = f"{name} has {free // (1024 * 1024)} MiB ({share} %) free" + (f", {inodes} inodes" if found.f_files else "")
    why = "What does not fit does not arrive, and a primary without room takes no uploads."
    mend = f"make room on the file system of {name}: df -h {name}; df -i {name}"
    if (share < FULL_SHARE and free < LOW_BYTES) or free < FULL_BYTES or inodes < FULL_INODES:
        return error("disk", what, why, mend)
    if (share < LOW_SHARE and free < 10 * LOW_BYTES) or free < LOW_BYTES or inodes < LOW_INODES:
        return warning("disk", what, why, mend)
    return ok("disk", what)


def old_entries(path: bytes) -> int:
    """How many entries of a directory nothing has changed for a day. 0 where it is not there."""
    count = 0
    limit = time.time() - DAY
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                count += entry.stat(follow_symlinks=False).st_ctime < limit
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return count
