"""Ends what a primary's key has open: a primary that hung and wakes up must not write any more."""

from __future__ import annotations

import os
import pwd
import signal
from typing import Optional

from . import layout, results


def login_uid() -> Optional[int]:
    try:
        return pwd.getpwnam(layout.LOGIN).pw_uid
    except KeyError:
        return None


def _real_uid(process: str) -> Optional[int]:
    with open(f"/proc/{process}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
    return None


def _is_ours(process: str, uid: Optional[int], mounts: str) -> Optional[bytes]:
    """The command line of a process of the login, or of the daemon that it started."""
    if os.readlink(f"/proc/{process}/ns/mnt") != mounts:
        return None  # in a container
    real = _real_uid(process)
    with open(f"/proc/{process}/cmdline", "rb") as file:
        command = file.read().rstrip(b"\0").replace(b"\0", b" ")
    if (uid is not None and real == uid) or command == b" ".join(layout.daemon()):
        return command
    return None


def end_sessions() -> None:
    uid = login_uid()
    mounts = os.readlink("/proc/self/ns/mnt")
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        try:
            command = _is_ours(process, uid, mounts)
            if command is not None:
                os.kill(int(process), signal.SIGKILL)
                results.log(f"ended process {process} of the old key: {results.show(command)}")
        except OSError:
            continue  # it is gone
