"""fanotify by ctypes: every change of names and every end of writing.

One mark a file system (FAN_MARK_FILESYSTEM) sees all of it; what lies elsewhere is dropped here. FAN_MODIFY is left
out: it would tell of each write. Man pages: fanotify(7), fanotify_init(2), fanotify_mark(2), open_by_handle_at(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ..directories import unescape

ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x4, 0x8, 0x40, 0x80
CREATE, DELETE, OVERFLOW, ONDIR = 0x100, 0x200, 0x4000, 0x40000000
MASK = ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | ONDIR

_INIT = 0x1 | 0x2 | 0x400 | 0x800  # FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DIR_FID | FAN_REPORT_NAME
_ADD, _FILESYSTEM = 0x1, 0x100
_DIRECTORY_AND_NAME = 2  # FAN_EVENT_INFO_TYPE_DFID_NAME
_AT_FDCWD = -100
_HANDLE_MOST = 128
_CACHED_MOST = 20_000
_READ = 1 << 18
_EVENT = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BBHQII")
"""Type, padding, length, file system, size and type of the handle that follows."""


class WatchError(Exception):
    """fanotify does not work here; the message says why."""


@dataclass(frozen=True)
class Event:
    """A change of one name in a directory. `name` is `.` where it is the directory itself."""

    root: int
    """The index of the directory of the request."""
    directory: bytes
    """Relative to it; empty for itself."""
    name: bytes
    mask: int

    @property
    def of_directory(self) -> bool:
        return bool(self.mask & ONDIR)


class _Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_ubyte * _HANDLE_MOST)]


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
    library.fanotify_mark.argtypes = arguments
    return library


def _words(number: int) -> str:
    return f"{errno.errorcode.get(number, number)}, {os.strerror(number)}"


def mounts_below(path: bytes, table: bytes = b"/proc/self/mountinfo") -> List[bytes]:
    """Where file systems are mounted inside a directory."""
    found: List[bytes] = []
    with open(table, "rb") as file:
        for line in file:
            fields = line.split(b" ")
            if len(fields) > 4:
                mount = unescape(fields[4])
                if mount.startswith(path + b"/"):
                    found.append(mount)
    return found


class Fanotify:
    """Marks on the file systems of the directories. `doubt` says why events may be missing: then only a walk helps."""

    def __init__(self, roots: Sequence[bytes]) -> None:
        self.roots = list(roots)
        self.doubt = ""
        self._library = _library()
        self._places: Dict[int, List[int]] = {}
        """File system → descriptors of directories where it is mounted."""
        self._paths: Dict[bytes, Tuple[bytes, ...]] = {}
        self._descriptor = self._library.fanotify_init(_INIT, os.O_RDONLY | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise WatchError(f"fanotify_init: {_words(ctypes.get_errno())}")
        try:
            for root in self.roots:
                for place in [root, *mounts_below(root)]:
                    self._mark(place)
            self._mounts = os.open(b"/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self._close_places()
            raise

    def fileno(self) -> int:
        return self._descriptor

    @property
    def mounts(self) -> int:
        """A descriptor that poll reports (POLLPRI) when something was mounted or unmounted."""
        return self._mounts

    def _mark(self, place: bytes) -> None:
        if self._library.fanotify_mark(self._descriptor, _ADD | _FILESYSTEM, MASK, _AT_FDCWD, place) != 0:
            number = ctypes.get_errno()
            raise WatchError(f"fanotify_mark {os.fsdecode(place)}: {_words(number)}")
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        system = os.fstatvfs(descriptor).f_fsid & 0xFFFFFFFFFFFFFFFF
        self._places.setdefault(system, []).append(descriptor)

    def read(self) -> Iterator[Event]:
        """All events that are waiting."""
        while True:
            try:
                data = os.read(self._descriptor, _READ)
            except BlockingIOError:
                return
            yield from self.parse(data)

    def parse(self, data: bytes) -> Iterator[Event]:
        at = 0
        while at + _EVENT.size <= len(data):
            length, _, _, head, mask, descriptor, _ = _EVENT.unpack_from(data, at)
            if length < _EVENT.size:
                self.doubt = "an event that cannot be read"
                return
            if descriptor >= 0:
                os.close(descriptor)
            if mask & OVERFLOW:
                self.doubt = "the kernel's queue of events ran over"
            elif head < length:
                yield from self._event(data, at + head, at + length, mask)
            at += length

    def _event(self, data: bytes, at: int, end: int, mask: int) -> Iterator[Event]:
        kind, _, length, system, size, _ = _INFO.unpack_from(data, at)
        if kind != _DIRECTORY_AND_NAME or at + length > end:
            return
        start = at + _INFO.size
        handle = data[start - 8 : start + size]
        name = data[start + size : at + length].split(b"\0", 1)[0]
        for path in self._resolve(system, handle):
            for index, root in enumerate(self.roots):
                if path == root:
                    yield Event(index, b"", name, mask)
                elif path.startswith(root + b"/"):
                    yield Event(index, path[len(root) + 1 :], name, mask)
        if mask & ONDIR and mask & (MOVED_FROM | MOVED_TO | DELETE):
            self._paths.clear()

    def _resolve(self, system: int, handle: bytes) -> Tuple[bytes, ...]:
        """Where the directory of a handle is now; nothing if it is gone, for then the one above has an event, too."""
        key = struct.pack("=Q", system) + handle
        found = self._paths.get(key)
        if found is None:
            if len(self._paths) >= _CACHED_MOST:
                self._paths.clear()
            found = tuple(
                dict.fromkeys(path for place in self._places.get(system, ()) if (path := self._open(place, handle)))
            )
            self._paths[key] = found
        return found

    def _open(self, place: int, handle: bytes) -> Optional[bytes]:
        size, kind = struct.unpack_from("=Ii", handle)
        if size > _HANDLE_MOST:
            self.doubt = "a handle that is too long"
            return None
        its = _Handle(size, kind)
        ctypes.memmove(its.bytes, handle[8 : 8 + size], size)
        descriptor = self._library.open_by_handle_at(place, ctypes.byref(its), os.O_PATH | os.O_CLOEXEC)
        if descriptor < 0:
            number = ctypes.get_errno()
            if number not in (errno.ESTALE, errno.ENOENT):
                self.doubt = f"open_by_handle_at: {_words(number)}"
            return None
        try:
            path = os.readlink(b"/proc/self/fd/%d" % descriptor)
        finally:
            os.close(descriptor)
        return None if path.endswith(b" (deleted)") or not path.startswith(b"/") else path

    def _close_places(self) -> None:
        os.close(self._descriptor)
        for descriptors in self._places.values():
            for descriptor in descriptors:
                os.close(descriptor)

    def close(self) -> None:
        self._close_places()
        os.close(self._mounts)


def open_fanotify(roots: Sequence[bytes]) -> Fanotify:
    """@raises WatchError where it does not work: an old kernel, too little privilege, a file system that refuses the
    mark"""
    try:
        return Fanotify(roots)
    except (OSError, AttributeError) as error:
        raise WatchError(f"fanotify: {error}") from error
