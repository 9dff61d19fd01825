"""A host that was the primary pushes no more: it follows the new epoch, has no key, and what still pushes is ended."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from . import epoch, files, keys, layout, processes
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
            processes.kill(process)
        time.sleep(_PAUSE)
    log(f"still there, as they hang in the kernel: {' '.join(str(process) for process in sorted(found))}")


def find_pushes(group: str) -> set[int]:
    """The processes that hold a lock of a push or a rescue, and all that they started.

    That a file is open there would not do, for anybody may look around in our directories.
    """
    places = (layout.scratch() + b"/push.", layout.scratch() + b"/rescue.", layout.locks(group) + b"/")
    parents = processes.parents()
    found = {process for process in parents if _holds_lock(process, places)} - {os.getpid()}
    return found | processes.descendants(found, parents)


def _holds_lock(process: int, places: tuple[bytes, ...]) -> bool:
    directory = b"/proc/%d/" % process
    try:
        descriptors = os.listdir(directory + b"fd")
    except OSError:
        return False  # it is gone
    for descriptor in descriptors:
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
