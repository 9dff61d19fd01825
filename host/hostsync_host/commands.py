"""Runs programs: argument lists and never a shell, with bounded output and time, in this process group, so that the SSM
agent, which kills the group, leaves none behind."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import IO, Mapping, Optional, Sequence, Union

from .errors import not_ready

PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
# The SSM agent sets no HOME and promises no PATH. LC_ALL: a byte is a byte, and rsync and ssh speak English.
ENVIRONMENT: Mapping[str, str] = {"PATH": PATH, "LC_ALL": "C"}

Argument = Union[bytes, str]


@dataclass(frozen=True)
class Finished:
    """`code` is negative where a signal ended the program. `out` and `err` are the first bytes, up to the limit."""

    code: int
    out: bytes
    err: bytes
    timed_out: bool = False
    cut: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0

    def first_line(self) -> str:
        """What it said first on standard error, or how it ended."""
        text = self.err.decode("utf-8", "replace").strip().split("\n", 1)[0]
        return text or ("took too long" if self.timed_out else f"exit code {self.code}")


class Capture:
    """Reads pipes side by side and keeps the first bytes of each; the rest is read and dropped, so nobody blocks."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._selector = selectors.DefaultSelector()
        self.kept: dict[str, bytearray] = {}
        self.cut = False

    def add(self, name: str, pipe: IO[bytes]) -> None:
        self.kept[name] = bytearray()
        self._selector.register(pipe, selectors.EVENT_READ, name)

    def read(self, end: Optional[float]) -> bool:
        """Until all pipes are closed, or the monotonic time `end`; says whether they are closed."""
        while self._selector.get_map():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            for key, _ in self._selector.select(left):
                self._take(key)
        return True

    def _take(self, key: selectors.SelectorKey) -> None:
        data = os.read(key.fd, 65536)
        if not data:
            self._selector.unregister(key.fileobj)
            return
        kept = self.kept[key.data]
        room = self._limit - len(kept)
        kept += data[:room]
        self.cut = self.cut or len(data) > room

    def close(self) -> None:
        self._selector.close()


def run(
    arguments: Sequence[Argument],
    *,
    timeout: Optional[float] = 60,
    limit: int = 65536,
    stdin: Optional[bytes] = None,
    cwd: Union[bytes, str] = "/",
    environment: Optional[Mapping[str, str]] = None,
    pass_fds: Sequence[int] = (),
) -> Finished:
    """Runs a program to its end. When the time has passed it is killed. A missing program has the code 127."""
    env = dict(ENVIRONMENT, **(environment or {}))
    try:
        child = subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            pass_fds=tuple(pass_fds),
        )
    except FileNotFoundError as error:
        return Finished(127, b"", str(error).encode("utf-8", "surrogateescape"))
    with child:
        return _finish(child, stdin, limit, None if timeout is None else time.monotonic() + timeout)


def _finish(child: subprocess.Popen[bytes], stdin: Optional[bytes], limit: int, end: Optional[float]) -> Finished:
    capture = Capture(limit)
    assert child.stdout is not None and child.stderr is not None
    capture.add("out", child.stdout)
    capture.add("err", child.stderr)
    try:
        if child.stdin is not None:
            _feed(child.stdin, stdin or b"")
        in_time = capture.read(end)
        if in_time:
            try:
                child.wait(None if end is None else max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                in_time = False
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        capture.close()
    return Finished(child.returncode, bytes(capture.kept["out"]), bytes(capture.kept["err"]), not in_time, capture.cut)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """Only for input that fits a pipe (64 KiB): a program that writes before it reads would wait for us."""
    if len(data) > 65536:
        raise ValueError("more than a pipe holds: give the program a file")
    try:
        pipe.write(data)
        pipe.close()
    except BrokenPipeError:
        pass


def find(program: str) -> Optional[str]:
    """Where a program is, by our PATH and not by the caller's."""
    return shutil.which(program, path=PATH)


def need(programs: Mapping[str, str]) -> None:
    """What a command cannot do without: program → package of Debian/package of Amazon Linux. Names what to install."""
    if os.geteuid() != 0:
        raise not_ready("this must run as root; run it with sudo")
    missing = [name for name in programs if find(name) is None]
    if not missing:
        return
    debian = find("apt-get") is not None
    packages = dict.fromkeys(programs[name].split("/")[0 if debian else -1] for name in missing)
    install = "apt-get install -y" if debian else "dnf install -y"
    raise not_ready(f"missing on this host: {' '.join(missing)}; run: {install} {' '.join(packages)}")
