"""Keeps what a push is about to delete or replace on a secondary. The rsync daemon starts this as root, before a run to
a module that is there for nothing else, as it does after-sync: the primary's key chooses when, and which names. How
much and how long stands on the command line, which join wrote.
"""

from __future__ import annotations

import sys
import tempfile
import time
from typing import BinaryIO, Dict, Iterator, List, Sequence

from . import after_sync, keeper, layout, locks, options, results, trash
from .errors import ExitCode, HostError, bad_request, not_ready

SECONDS = 15
"""To wait for another run."""
WORK = 40.0
"""Seconds in which files are kept: the push waits for that."""
MIB = 1024 * 1024


def run(arguments: Sequence[str]) -> ExitCode:
    """Says nothing if all was kept: the daemon hands what is said to the primary only with a failure."""
    days, most = _limits(arguments)
    lock = locks.wait_for_lock(layout.STATE + b"/keep.lock", SECONDS)
    if lock is None:
        raise not_ready("another run has not ended")
    allowed = after_sync.directories()
    with lock, tempfile.TemporaryFile() as names:
        after_sync.take_names(names, allowed, layout.to_keep())
        # what is too old goes also where nothing comes
        found = trash.stock()
        found = trash.sweep(found, days, trash.room(most, found.total), time.time())
        end = _keep(names, allowed, min(most, trash.free() // 2))
        if end.count:
            found = trash.stock()
            trash.sweep(found, days, trash.room(most, found.total), time.time())
    if end.missed:
        raise HostError("not-ready", f"{end.missed} not kept: {end.reason}")
    return ExitCode.DONE


def _limits(arguments: Sequence[str]) -> List[int]:
    if len(arguments) != 2 or any(options.number_problem(each, 1, 99_999_999) for each in arguments):
        raise bad_request("keep takes days and MiB")
    return [int(arguments[0]), int(arguments[1]) * MIB]


def _keep(names: BinaryIO, allowed: Sequence[bytes], most: int) -> keeper.Kept:
    total, deadline = keeper.Kept(), time.monotonic() + WORK
    sorted_names: Dict[bytes, List[bytes]] = {}
    for name in _read(names):
        # the innermost directory is the one whose name it is
        path = max((each for each in allowed if name.startswith(each + b"/")), key=len, default=b"")
        if path and len(name) > len(path) + 1:
            sorted_names.setdefault(path, []).append(name[len(path) + 1 :])
    for path, below in sorted_names.items():
        each = keeper.Keeper(path, most - total.size, deadline=deadline)
        try:
            end = each.keep(below)
        finally:
            each.close()
        total.count += end.count
        total.size += end.size
        total.missed += end.missed
        total.reason = total.reason or end.reason
    return total


def _read(names: BinaryIO) -> Iterator[bytes]:
    names.seek(0)
    yield from names.read().split(b"\0")[:-1]


def main(arguments: Sequence[str]) -> int:
    """Its standard output goes to the primary, as text."""
    try:
        return int(run(arguments))
    except (HostError, OSError) as error:
        message = error.message if isinstance(error, HostError) else f"{error.strerror}"
        results.log(message)
        sys.stdout.write(f"{layout.KEEP}: {results.cut(message, results.MESSAGE_LIMIT)}\n")
        sys.stdout.flush()
        return int(error.code) if isinstance(error, HostError) else int(ExitCode.NOT_READY)
