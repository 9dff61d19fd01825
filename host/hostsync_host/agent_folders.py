"""The SSM agent keeps a folder for each run of a document. Ours are cleared away a day later, as what they ran says;
not while they run, whatever the clock says."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import Optional

DAY = 86400
MOST = 100
_OURS = re.compile(rb"hostsync_read_request push|/hostsync[^\n]* push ")
_PLACE = re.compile(rb"^(/var/lib/amazon/ssm/[^/]+/document/orchestration)/[0-9a-f-]{36}(/|$)")


def clear(scratch: bytes) -> None:
    """Removes old folders of pushes, at most a hundred."""
    del scratch
    place = _place()
    if place is None:
        return
    running = _running()
    left = MOST
    for name in sorted(os.listdir(place)):
        folder = os.path.join(place, name)
        if left and _is_old_push(folder) and folder not in running:
            shutil.rmtree(folder, ignore_errors=True)
            left -= 1


def _place() -> Optional[bytes]:
    """Where the agent that started us keeps its folders: the script is an ancestor of ours."""
    process = os.getppid()
    for _ in range(6):
        for word in _read(b"/proc/%d/cmdline" % process).split(b"\0"):
            found = _PLACE.match(word)
            if found:
                return found.group(1)
        fields = _read(b"/proc/%d/stat" % process).rpartition(b")")[2].split()
        if len(fields) < 2 or int(fields[1]) <= 1:
            return None
        process = int(fields[1])
    return None


def _running() -> bytes:
    lines = (_read(b"/proc/%s/cmdline" % name) for name in os.listdir(b"/proc") if name.isdigit())
    return b"\n".join(line.replace(b"\0", b" ") for line in lines)


def _is_old_push(folder: bytes) -> bool:
    try:
        if time.time() - os.lstat(folder).st_mtime < DAY or not os.path.isdir(folder):
            return False
        names = set(os.listdir(folder))
    except OSError:
        return False
    if b"push" not in names or not names <= {b"push", b"awsrunShellScript"}:
        return False
    return _OURS.search(_read(os.path.join(folder, b"push", b"_script.sh"))) is not None


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""
