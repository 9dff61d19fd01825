"""The processes of this host, as /proc shows them, and ending what a command has left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator, Iterator
from typing import Callable, Dict, Set


def numbers() -> Iterator[int]:
    for name in os.listdir(b"/proc"):
        if name.isdigit():
            yield int(name)


def namespace(process: bytes) -> bytes:
    # Not that of mounts: what sends a directory has one of its own
    return os.readlink(b"/proc/" + process + b"/ns/pid")


def _status(process: int) -> list[bytes]:
    """@raises OSError if it is gone"""
    with open(b"/proc/%d/stat" % process, "rb") as file:
        # PID (NAME) STATE PARENT …, and a name may hold blanks and brackets
        return file.read().rpartition(b")")[2].split()


def parent(process: int) -> int:
    return int(_status(process)[1])


def start(process: int) -> str:
    """When it began, so that another one with its number is not taken for it. Empty if it is gone."""
    try:
        return _status(process)[19].decode("ascii")
    except (OSError, IndexError):
        return ""


def parents() -> Dict[int, int]:
    """Of every process but those in a container."""
    ours = namespace(b"self")
    found: Dict[int, int] = {}
    for process in numbers():
        try:
            if namespace(b"%d" % process) == ours:
                found[process] = parent(process)
        except (OSError, IndexError):
            continue  # it is gone
    return found


def descendants(roots: Set[int], its_parents: Dict[int, int]) -> Set[int]:
    """All that these processes have started, and what that has started; without themselves."""
    found = set(roots)
    while True:
        more = {process for process, its in its_parents.items() if its in found} - found
        if not more:
            return found - roots
        found |= more


def kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_with_children(process: int, its_start: str) -> None:
    """SIGKILL to a process and to all that it started, as the SSM agent ends a command. It is stopped first: then it
    starts no more, and what it started keeps its number until it is through with it."""
    if process in (0, 1, os.getpid()) or not its_start:
        return
    try:
        with _handle(process) as send:
            if start(process) != its_start:
                return
            send(signal.SIGSTOP)
            for child in descendants({process}, parents()):
                kill(child)
            send(signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextlib.contextmanager
def _handle(process: int) -> Generator[Callable[[int], None], None, None]:
    """Sends signals to this very process; where the kernel has no descriptors of processes (before 5.3), to its
    number."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        raise
    except (OSError, AttributeError):
        yield lambda number: os.kill(process, number)
        return
    try:
        yield lambda number: signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def end_idle(path: bytes) -> None:
    """Ends what has a path below this one on its command line: the connections of a command that was killed alone, as
    by a kernel without memory, live on and keep its locks. While rsync goes over them, all stay: its end says that the
    other host is through with it, and before that nobody else may push there."""
    found: Set[int] = set()
    for process in numbers():
        try:
            with open(b"/proc/%d/cmdline" % process, "rb") as file:
                line = file.read()
            ours = os.stat(b"/proc/%d" % process).st_uid == os.geteuid() and process != os.getpid()
        except OSError:
            continue  # it is gone
        if path + b"/" in line:
            if os.path.basename(line.split(b"\0", 1)[0]) == b"rsync":
                return
            if ours:
                found.add(process)
    for process in found:
        kill(process)
