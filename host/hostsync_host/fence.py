"""A host that was the primary pushes no more: it follows the new epoch, has no key, and what still pushes is ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

from . import epoch, files, keys, layout
from .request import Request
from .results import log

_TRIES, _PAUSE = 40, 0.25


def fence(request: Request) -> None:
    """First the epoch: from then on no push begins. Then the key, and then whatever has both already."""
    state = epoch.read_group()
    if os.path.exists(layout.key()):
        files.install(layout.held_epoch(), b"%d\n" % (state.epoch if state else 0), 0o600)
    epoch.follow(replace(request, holder=request.holder or request.options.peer))
    files.sync_directory(layout.ETC)
    keys.remove()
    end_pushes(request.group)


def held_epoch() -> int:
    """The last epoch in which this host was the primary; 0 if it never was."""
    text = files.read_small(layout.held_epoch()) or b""
    return int(text) if text.strip().isdigit() else 0


def end_pushes(group: str) -> None:
    """One that hangs in the kernel cannot be ended: the fence on the secondaries is what stops that."""
    found: set[int] = set()
    for _ in range(_TRIES):
        found = find_pushes(group)
        if not found:
            return
        log(f"ends what still pushes: {' '.join(str(process) for process in sorted(found))}")
        for process in found:
            _kill(process)
        time.sleep(_PAUSE)
    log(f"still there, as they hang in the kernel: {' '.join(str(process) for process in sorted(found))}")


def find_pushes(group: str) -> set[int]:
    """The processes that hold a lock of a push or a rescue, and all that they started.

    That a file is open there would not do, for anybody may look around in our directories.
    """
    places = (layout.scratch() + b"/push.", layout.scratch() + b"/rescue.", layout.locks(group) + b"/")
    ours = _namespace(b"self")
    parents: dict[int, int] = {}
    found: set[int] = set()
    for process in _processes():
        try:
            if _namespace(b"%d" % process) != ours:
                continue  # in a container
            parents[process] = _parent(process)
            if _holds_lock(process, places):
                found.add(process)
        except OSError:
            continue  # it is gone
    found.discard(os.getpid())
    while True:
        more = {process for process, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _processes() -> Iterator[int]:
    for name in os.listdir(b"/proc"):
        if name.isdigit():
            yield int(name)


def _namespace(process: bytes) -> bytes:
    # Not that of mounts: what sends a directory has one of its own
    return os.readlink(b"/proc/" + process + b"/ns/pid")


def _parent(process: int) -> int:
    with open(b"/proc/%d/stat" % process, "rb") as file:
        # PID (NAME) STATE PARENT …, and a name may hold blanks and brackets
        return int(file.read().rpartition(b")")[2].split()[1])


def _holds_lock(process: int, places: tuple[bytes, ...]) -> bool:
    directory = b"/proc/%d/" % process
    for descriptor in os.listdir(directory + b"fd"):
        try:
            path = os.readlink(directory + b"fd/" + descriptor)
            if not path.startswith(places):
                continue
            with open(directory + b"fdinfo/" + descriptor, "rb") as file:
                if any(line.startswith(b"lock:") and b" FLOCK " in line for line in file):
                    return True
        except OSError:
            continue
    return False


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
