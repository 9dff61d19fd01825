"""Running rsync: its arguments, and reading what it says."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from .finished import (
    DONE,
    IO,
    OUT_LIMIT,
    PARTIAL,
    PROTOCOL,
    TIMEOUT_CODE,
    VANISHED,
    Finished,
    Report,
    read_errors,
    read_totals,
)
from .options import Options
from .ssh import Connection, environment
from .stuck import Watch

NAMED = "--info=del1"
"""Has rsync name what it deletes: daemons of earlier releases refuse it."""
LINE_OF_NAME = "--log-file-format=\x01+ %n"
"""How rsync names in a log file what it sends. The first character shows whether this release writes names as they are.
For its output it would have to tell the daemon, which refuses that: it would name what it has to anybody with the
key."""

__all__ = ["DONE", "IO", "PARTIAL", "PROTOCOL", "TIMEOUT_CODE", "VANISHED", "Finished", "Report"]

TEMPORARY = b".~tmp~"
"""Where rsync keeps what it has received until all of it is there; on both sides no content."""

_SAID_LIMIT = 256 * 1024
_FLOOD = 64 * 1024 * 1024
_GRACE = 15.0


@dataclass(frozen=True)
class Capabilities:
    """What the rsync of this host can do."""

    version: Tuple[int, int, int] = (0, 0, 0)

    @property
    def copy_as(self) -> bool:
        return self.version >= (3, 2, 0)

    @property
    def fsync(self) -> bool:
        return self.version >= (3, 2, 4)


@dataclass(frozen=True)
class Within:
    """A directory below the one that is sent, here and there."""

    path: bytes
    descriptor: int

    @property
    def place(self) -> bytes:
        return b"/proc/self/fd/%d" % self.descriptor


def listed(names: bytes) -> List[object]:
    """For a run that sends what stands on a list."""
    return [f"--files-from={os.fsdecode(names)}", "--from0", "--ignore-missing-args", "--no-r"]


def capabilities() -> Capabilities:
    """Of the rsync that is installed here. @raises OSError if there is none"""
    said = subprocess.run(
        ["rsync", "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, env=environment()
    ).stdout
    found = re.search(rb"version v?(\d+)\.(\d+)(?:\.(\d+))?", said)
    if found is None:
        return Capabilities()
    major, minor, patch = (int(number or 0) for number in found.groups())
    return Capabilities((major, minor, patch))


def base_arguments(options: Options, *, owner: int, group: int, can: Capabilities) -> List[str]:
    """What every run has. A directory of root's keeps owners; any other is its owner's, here and there."""
    arguments = [
        "--recursive",
        "--links",
        "--perms",
        "--times",
        "--sparse",
        "--numeric-ids",
        "--modify-window=-1",  # nanoseconds: else a second change within a second is missed
        f"--timeout={options.io_timeout}",
        "--stats",
        "--no-h",
        "--8-bit-output",
        # what a broken push left is deleted too, though rsync excludes that name of its own accord
        "--filter=R .~tmp~/",
        "--filter=H .~tmp~",
        "--filter=- /lost+found",
    ]
    if owner == 0:
        arguments += ["--owner", "--group"]
    elif can.copy_as and os.geteuid() == 0:
        # Whatever is swapped for a link while rsync looks: it reads what the owner may read, and ssh and the key stay
        # root's
        arguments.append(f"--copy-as={owner}:{group}")
    if options.bandwidth > 0:
        arguments.append(f"--bwlimit={options.bandwidth}")
    return arguments


def is_temporary(name: bytes) -> bool:
    """Is it what rsync keeps of a file that has not arrived?"""
    return TEMPORARY in name.split(b"/")


def exclude_arguments(excludes: Sequence[bytes]) -> List[bytes]:
    """Not --exclude, which takes "+ x" and "!" for something else."""
    return [b"--filter=- " + pattern for pattern in excludes]


def run(
    arguments: Sequence[object],
    *,
    place: bytes,
    connection: Connection,
    module: str,
    deadline: float,
    below: bytes = b"",
    inherit: Sequence[int] = (),
    prefix: Sequence[str] = (),
    output: Optional[int] = None,
) -> Finished:
    """Runs rsync from `place` to the module of the connection's host, or a directory below it. `deadline` is of
    time.monotonic, `output` as in `execute`."""
    words: List[object] = [
        *prefix,
        "rsync",
        *arguments,
        f"--rsh={connection.remote_shell()}",
        "./",
        os.fsencode(f"{connection.secondary.id}::{module}/") + (below + b"/" if below else b""),
    ]
    return execute(words, place=place, connection=connection, deadline=deadline, inherit=inherit, keep=output)


def execute(
    words: Sequence[object],
    *,
    place: bytes,
    connection: Connection,
    deadline: float,
    inherit: Sequence[int] = (),
    keep: Optional[int] = None,
) -> Finished:
    """Runs an rsync of any direction, all words of which are given. Its whole output is also written to `keep`."""
    process = subprocess.Popen(
        [os.fsencode(word) if isinstance(word, str) else word for word in words],  # type: ignore[misc]
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(inherit),
        env=environment(),
    )
    finished = Finished()
    try:
        out, said = _listen(process, finished, deadline, connection.options.io_timeout + _GRACE, keep)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    finished.code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    read_totals(out, finished)
    read_errors(said, finished, connection.secondary.id)
    return finished


def _listen(
    process: subprocess.Popen[bytes], finished: Finished, deadline: float, idle: float, keep: Optional[int]
) -> Tuple[bytes, bytes]:
    """Reads both streams to their ends: the beginning and the end of the output, the beginning of the errors."""
    assert process.stdout is not None and process.stderr is not None
    out, said, flood = bytearray(), bytearray(), 0
    watch = Watch(process.pid, idle)
    with selectors.DefaultSelector() as selector, process.stdout, process.stderr:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, said)
        while selector.get_map():
            for key, _ in selector.select(timeout=1.0):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is out:
                    if keep is not None:
                        os.write(keep, chunk)
                    out += chunk
                    if len(out) > 2 * OUT_LIMIT:
                        del out[OUT_LIMIT // 2 : -OUT_LIMIT // 2]
                else:
                    flood += len(chunk)
                    said += chunk[: max(0, _SAID_LIMIT - len(said))]
            if time.monotonic() >= deadline:
                finished.late = True
            elif flood > _FLOOD or watch.is_stuck():
                finished.stuck = True
            if finished.late or finished.stuck:
                _end(process)
                break
    return bytes(out), bytes(said)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # it takes its temporary file away
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
