"""What the operator wants done at a moment: programs in /etc/hostsync/hooks, run as root."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO, Optional

from . import commands, layout, results

OUTPUT_LIMIT = 1024


@dataclass(frozen=True)
class HookResult:
    # none, ok or failed
    status: str
    message: str = ""


NO_HOOK = HookResult("none")


def is_there(name: str) -> bool:
    """A hook that is not executable counts as none."""
    path = layout.hooks() + b"/" + name.encode()
    return os.path.lexists(path) and (os.path.islink(path) or os.access(path, os.X_OK))


def stranger(path: bytes) -> Optional[str]:
    """It runs as root, so nobody else may have written it."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        name = results.show(path)
        return f"{name} is not root's alone, so it was not run: chown root: {name}; chmod go-w {name}"
    return None


def run_hook(name: str, seconds: int, group: str, epoch: int, stdin: Optional[BinaryIO] = None) -> HookResult:
    """Runs a hook with a time limit. A failure is told by the caller; what the hook says goes to the log."""
    path = layout.hooks() + b"/" + name.encode()
    if not os.path.lexists(path):
        return NO_HOOK
    for each in (layout.hooks(), path):
        problem = stranger(each)
        if problem is not None:
            results.log(problem)
            return HookResult("failed", problem)
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        results.log(f"{results.show(path)} is not executable, so it was not run")
        return NO_HOOK
    began = time.monotonic()
    code = _call(name, path, seconds, {"HOSTSYNC_GROUP": group, "HOSTSYNC_EPOCH": str(epoch)}, stdin)
    if code == 0:
        return HookResult("ok")
    # The code alone does not tell: a hook may end with 124 or be killed for other reasons
    if code in (124, 137) and time.monotonic() - began >= seconds:
        message = f"{results.show(path)} took longer than {seconds} seconds and was ended"
    else:
        message = f"{results.show(path)} ended with exit code {code}; see standard error"
    results.log(message)
    return HookResult("failed", message)


def _call(name: str, path: bytes, seconds: int, environment: dict[str, str], stdin: Optional[BinaryIO]) -> int:
    # What a hook leaves in the background may hold neither our locks nor our output: the SSM agent reads that until its
    # end. So the hook writes to a pipe of its own.
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(
            ["timeout", "--kill-after=5", str(seconds), path],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=writing,
            stderr=writing,
            cwd="/",
            env={**commands.ENVIRONMENT, **environment},
            # Ours is 0077: what a hook makes for the web server would be root's alone
            umask=0o022,
        )
    finally:
        os.close(writing)
    try:
        said, more = _listen(reading, child)
        _drain(reading)
    finally:
        os.close(reading)
    for line in results.show(said).removesuffix("\n").split("\n") if said else []:
        results.log(f"hook {name}: {line}")
    if more:
        results.log(f"hook {name}: only the first {OUTPUT_LIMIT} bytes of its output are kept")
    code = child.returncode
    return code if code >= 0 else 128 - code


def _listen(reading: int, child: subprocess.Popen[bytes]) -> tuple[bytes, bool]:
    """Reads until the hook itself has ended; others may have the pipe open for as long as they like."""
    ended, end = os.pipe()

    def wait() -> None:
        child.wait()
        os.close(end)

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    said = bytearray()
    more = False
    is_over = False
    with open(ended, "rb") as over:
        while not is_over:
            is_over = _wait_for(reading, over.fileno())
            # what it said before its end is in the pipe by now
            data = _read_available(reading, 1 << 20 if is_over else 65536)
            more = more or len(said) + len(data) > OUTPUT_LIMIT
            said += data[: OUTPUT_LIMIT - len(said)]
    waiter.join()
    return bytes(said), more


def _wait_for(reading: int, ended: int) -> bool:
    """Waits for output or the end; says whether the end is there."""
    poll = select.poll()
    poll.register(ended, select.POLLIN | select.POLLHUP)
    if _is_open(reading):
        poll.register(reading, select.POLLIN)
    return any(descriptor == ended for descriptor, _ in poll.poll())


def _is_open(reading: int) -> bool:
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    events = dict(poll.poll(0)).get(reading, 0)
    return not events & select.POLLHUP or bool(events & select.POLLIN)


def _read_available(reading: int, most: int) -> bytes:
    parts: list[bytes] = []
    os.set_blocking(reading, False)
    try:
        while most > 0:
            data = os.read(reading, min(most, 65536))
            if not data:
                break
            parts.append(data)
            most -= len(data)
        return b"".join(parts)
    except BlockingIOError:
        return b"".join(parts)
    finally:
        os.set_blocking(reading, True)


def _drain(reading: int) -> None:
    """The rest goes nowhere, for as long as anybody writes: a closed pipe would end a service that the hook started."""
    if _is_open(reading):
        subprocess.Popen(
            ["cat"],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=dict(commands.ENVIRONMENT),
            start_new_session=True,
        )
