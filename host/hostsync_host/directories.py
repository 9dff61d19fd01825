"""The directories of a request: opened by descriptor, and fit to be sent, or a reason why not.

What is sent is what was opened: every later step works from the descriptor, whatever is mounted or renamed over the
path.
"""

from __future__ import annotations

import enum
import os
import stat
from dataclasses import dataclass
from typing import List, Optional, Sequence, Union

from . import commands
from .layout import module_name

FSTAB = b"/etc/fstab"
MOUNTS = b"/proc/self/mounts"

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Problem(enum.Enum):
    """Why a directory is not sent; the words of the contract."""

    MISSING = "missing"
    EMPTY = "empty"
    UNMOUNTED = "unmounted"
    SYMLINK = "symlink"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Unfit:
    """A directory that must not be sent, for it would empty the secondaries or show what it should not."""

    path: bytes
    problem: Problem
    explanation: str


@dataclass(frozen=True)
class Opened:
    """A directory that can be sent. Whoever opened it closes `descriptor`."""

    path: bytes
    module: str
    descriptor: int
    owner: int
    group: int
    volume: str
    """Tells file systems apart, also when device numbers changed at a boot."""

    @property
    def place(self) -> bytes:
        """A path to the very directory that was opened, in this process and in its children that inherit the
        descriptor."""
        return b"/proc/self/fd/%d" % self.descriptor


def expected_mounts(fstab: bytes = FSTAB) -> List[bytes]:
    """What fstab wants mounted at boot."""
    mounts: List[bytes] = []
    for fields in _table(fstab):
        if len(fields) < 4 or fields[0].startswith(b"#"):
            continue
        mount, kind, options = fields[1], fields[2], fields[3].split(b",")
        if len(mount) > 1 and mount.startswith(b"/") and kind != b"swap" and b"noauto" not in options:
            mounts.append(os.path.realpath(mount))
    return mounts


def _table(path: bytes) -> List[List[bytes]]:
    try:
        with open(path, "rb") as file:
            return [[unescape(field) for field in line.split()] for line in file]
    except OSError:
        return []


def unescape(field: bytes) -> bytes:
    # A blank in a path is \040 there
    head, *rest = field.split(b"\\")
    out = [head]
    for part in rest:
        code = part[:3]
        if len(code) == 3 and all(digit in b"01234567" for digit in code) and int(code, 8) < 256:
            out.append(bytes([int(code, 8)]) + part[3:])
        else:
            out.append(b"\\" + part)
    return b"".join(out)


def is_mounted(path: bytes) -> bool:
    """Is anything mounted there, but the trap of an automount?"""
    kinds = [fields[2] for fields in _table(MOUNTS) if len(fields) > 2 and fields[1] == path]
    return any(kind != b"autofs" for kind in kinds)


def _mount_problem(path: bytes, mounts: Sequence[bytes]) -> Optional[Unfit]:
    for mount in mounts:
        if not (path + b"/").startswith(mount + b"/") and not (mount + b"/").startswith(path + b"/"):
            continue
        try:
            os.stat(mount + b"/.")  # makes an automount happen
        except OSError:
            pass
        if not is_mounted(mount):
            name = os.fsdecode(mount)
            explanation = f"/etc/fstab wants {name} mounted, and it is not; mount it, or mark it noauto"
            return Unfit(path, Problem.UNMOUNTED, explanation)
    return None


def open_unlinked(path: bytes) -> int:
    """Opens a directory by an absolute path of which no component may be a symbolic link. @raises OSError"""
    here = os.open(b"/", _STEP)
    try:
        names = [name for name in path.split(b"/") if name]
        for index, name in enumerate(names):
            flags = _READ if index == len(names) - 1 else _STEP
            following = os.open(name, flags, dir_fd=here)
            os.close(here)
            here = following
    except OSError:
        os.close(here)
        raise
    # A rename between two steps, and what a file system of its own makes of names
    if os.readlink(b"/proc/self/fd/%d" % here) != path:
        os.close(here)
        raise NotADirectoryError(path)
    return here


def open_beneath(root: int, relative: bytes, flags: int) -> int:
    """Opens a name below a directory without following any link on the way. @raises OSError"""
    *parents, last = [name for name in relative.split(b"/") if name not in (b"", b".")] or [b"."]
    here = os.dup(root)
    try:
        for name in parents:
            following = os.open(name, _STEP, dir_fd=here)
            os.close(here)
            here = following
        return os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)


def open_directory(path: bytes, mounts: Sequence[bytes], volume: Optional[str] = None) -> Union[Opened, Unfit]:
    """Opens a directory of the request, or says why it must not be sent. `volume`: as it is known already."""
    real = os.path.realpath(path)
    if real != path:
        explanation = f"goes through a symbolic link; name the real path, {os.fsdecode(real)}"
        return Unfit(path, Problem.SYMLINK, explanation)
    unmounted = _mount_problem(path, mounts)
    if unmounted is not None:
        return unmounted
    try:
        descriptor = open_unlinked(path)
    except OSError:
        return _missing(path)
    own = os.fstat(descriptor)
    if is_empty(descriptor):
        os.close(descriptor)
        return Unfit(
            path,
            Problem.EMPTY,
            "is empty, as if its volume were not mounted; nothing was deleted anywhere. "
            "If that is right, put a file in it",
        )
    return Opened(
        path, module_name(path), descriptor, own.st_uid, own.st_gid, volume_of(path) if volume is None else volume
    )


def open_even_empty(path: bytes, mounts: Sequence[bytes]) -> Union[Opened, Unfit]:
    """The same of a directory that may be empty, for what is done there deletes nothing."""
    opened = open_directory(path, mounts)
    if isinstance(opened, Opened) or opened.problem is not Problem.EMPTY:
        return opened
    try:
        descriptor = open_unlinked(path)
    except OSError:
        return Unfit(path, Problem.MISSING, "went away")
    status = os.fstat(descriptor)
    return Opened(path, module_name(path), descriptor, status.st_uid, status.st_gid, volume_of(path))


def _missing(path: bytes) -> Unfit:
    if os.path.realpath(path) != path:
        return Unfit(path, Problem.SYMLINK, "was exchanged for a symbolic link a moment ago; name the real path")
    return Unfit(path, Problem.MISSING, "is not there, or is no directory; make it, or take it off the list")


def is_empty(descriptor: int) -> bool:
    with os.scandir(descriptor) as entries:
        return all(entry.name == "lost+found" for entry in entries)


def problem_now(opened: Opened, mounts: Sequence[bytes]) -> Optional[Unfit]:
    """Is the directory still what its path means, and still fit? For moments between two steps of one push."""
    again = open_directory(opened.path, mounts, opened.volume)
    if isinstance(again, Unfit):
        return again
    try:
        if os.path.sameopenfile(again.descriptor, opened.descriptor):
            return None
        return Unfit(opened.path, Problem.MISSING, "was moved during the push")
    finally:
        os.close(again.descriptor)


def volume_of(path: bytes) -> str:
    """Names the file system: inode and birth of its root, or its own id where births are not kept."""
    mount = path
    device = os.stat(path).st_dev
    while mount != b"/" and os.lstat(os.path.dirname(mount)).st_dev == device:
        mount = os.path.dirname(mount)
    found = commands.run(["stat", "-c", "%i/%W.%w", mount], timeout=10)
    birth = found.out.decode("ascii", "replace").strip().replace(" ", "_")
    if found.code == 0 and not birth.endswith("-"):
        return birth
    return f"id/{os.statvfs(path).f_fsid:x}"


def is_directory(mode: int) -> bool:
    return stat.S_ISDIR(mode)
