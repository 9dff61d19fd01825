"""Runs the operator's hook after-sync on a secondary. The rsync daemon starts this as root, before a run to a module
that is there for nothing else: so the primary's key chooses when, and which names of the synced directories the hook
reads, and nothing else.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from typing import BinaryIO, List, Sequence

from . import epoch, files, hooks, layout, locks, results
from .errors import ExitCode, HostError, bad_request, not_ready

SECONDS = 10
LIMIT = 16 * 1024 * 1024
FILES_MOST = 8


def directories() -> List[bytes]:
    """Those that join made modules for."""
    text = files.read_small(layout.rsyncd_conf(), 1 << 20) or b""
    own = (layout.STATE + b"/",)
    paths = re.findall(rb"^path = (/.*)$", text, re.M)
    return [path for path in paths if not (path + b"/").startswith(own)]


def take_names(target: BinaryIO, allowed: Sequence[bytes], place: bytes) -> int:
    """Takes what the primary left, and checks it. @returns how many names"""
    count = 0
    for name in sorted(os.listdir(place))[:FILES_MOST]:
        path = place + b"/" + name
        if name.startswith(b"."):
            continue  # it is being written
        try:
            data = _read(path)
        finally:
            os.unlink(path)  # at most once, whatever it is
        for each in data.split(b"\0")[:-1]:
            if not _is_below(each, allowed):
                raise bad_request(f'a name that arrived is in no synced directory: "{results.show(each)}"')
            target.write(each + b"\0")
            count += 1
    return count


def _read(path: bytes) -> bytes:
    try:
        data = files.read_small(path, LIMIT, os.O_NOFOLLOW) or b""
    except OSError as error:
        raise bad_request(f"the list of names that arrived cannot be read: {error.strerror}") from error
    if data and not data.endswith(b"\0"):
        raise bad_request("the list of names that arrived is cut off")
    return data


def _is_below(name: bytes, allowed: Sequence[bytes]) -> bool:
    parts = name.rstrip(b"/").split(b"/")
    return b".." not in parts and any((name + b"/").startswith(path + b"/") for path in allowed)


def run(arguments: Sequence[str]) -> ExitCode:
    """Says nothing if all is well: the daemon hands what is said to the primary only with a failure."""
    if arguments:
        raise bad_request("after-sync takes no arguments")
    lock = locks.wait_for_lock(layout.STATE + b"/after-sync.lock", SECONDS + 5)
    if lock is None:
        raise not_ready("after-sync: another run has not ended")
    with lock, tempfile.TemporaryFile() as names:
        if take_names(names, directories(), layout.arrived()) == 0:
            return ExitCode.DONE
        names.seek(0)
        state = epoch.read_group()
        group, number = (state.group, state.epoch) if state is not None else ("", 0)
        result = hooks.run_hook("after-sync", SECONDS, group, number, names)
    if result.status == "failed":
        raise HostError("hook-failed", result.message)
    return ExitCode.DONE


def main(arguments: Sequence[str]) -> int:
    """Its standard output goes to the primary, as text."""
    try:
        return int(run(arguments))
    except HostError as error:
        results.log(error.message)
        sys.stdout.write(f"after-sync: {results.cut(error.message, results.MESSAGE_LIMIT)}\n")
        sys.stdout.flush()
        return int(error.code)
