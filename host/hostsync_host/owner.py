"""Work that is done as the owner of a directory, so that it can do nothing that the owner cannot."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """A child that nobody waits for any more ends. To be called after the user was changed, which clears it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become(uid: int, gid: int) -> None:
    """Drops root for good. There is no exec: so whoever has this uid cannot trace the process."""
    if uid != 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    die_with_parent()


def fork_as(uid: int, gid: int, work: Callable[[], int]) -> int:
    """Starts work in a child that is this user; returns the child's process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run(uid, gid, work)
    return child


def wait(child: int) -> int:
    """Returns its exit code; a signal counts as 128 and its number."""
    _, status = os.waitpid(child, 0)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _run(uid: int, gid: int, work: Callable[[], int]) -> NoReturn:
    code = 1
    try:
        become(uid, gid)
        code = work()
    except BaseException as error:  # nothing of the parent's may run in the child, its clean-up neither
        os.write(2, f"hostsync: {type(error).__name__}: {error}\n".encode("utf-8", "replace")[:2000])
    finally:
        os._exit(code)
