"""Running rsync: its arguments, what it said, and what that means.

Names of files stand in rsync's words, and the web server's user chooses them. So nothing is concluded from words that a
name can hold: only from exit codes, from lines that begin as only rsync's own error reports do and end in an error
number, and from the totals.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import subprocess
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

from .options import Options
from .results import log
from .ssh import Connection, environment
from .stuck import Watch

NAMED = "--info=del1"
"""Has rsync name what it deletes: daemons of earlier releases refuse it."""

TEMPORARY = b".~tmp~"
"""Where rsync keeps what it has received until all of it is there; on both sides no content."""

_SAID_LIMIT = 256 * 1024
_FLOOD = 64 * 1024 * 1024
_OUT_LIMIT = 16 * 1024
_GRACE = 15.0

DONE, PROTOCOL, IO, TIMEOUT_CODE, PARTIAL, VANISHED, MAX_DELETE = 0, 5, 11, 30, 23, 24, 25


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


@dataclass(frozen=True)
class Report:
    """One line in which rsync tells of an error number: `rsync: [ROLE] WHAT: WORDS (NUMBER)`."""

    role: str
    number: int
    text: str

    @property
    def here(self) -> bool:
        return self.role == "sender"

    @property
    def vanished(self) -> bool:
        """Something was there when we looked, and not any more, or not as what it was; or it is not the owner's to
        read, which the walk has told."""
        return self.here and self.number in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES)


@dataclass
class Finished:
    """What became of one run."""

    code: int = 0
    late: bool = False
    """The time for the whole push was over."""
    stuck: bool = False
    """Nothing moved for longer than io-timeout, and rsync itself did not end."""
    reports: List[Report] = field(default_factory=list[Report])
    lines: List[str] = field(default_factory=list[str])
    entries: int = 0
    files: int = 0
    created: int = 0
    deleted: int = 0
    bytes: int = 0
    received: int = 0
    spared: int = 0
    """What --max-delete kept from being deleted."""
    boot: Optional[str] = None
    """The boot id of the other host, which its daemon says first."""
    named: List[bytes] = field(default_factory=list[bytes])
    """Some of what was deleted, where rsync was asked to name it."""

    @property
    def whole(self) -> bool:
        """rsync went through everything that it was told to."""
        return self.code in (DONE, PARTIAL, VANISHED) and not self.late and not self.stuck

    @property
    def reached(self) -> bool:
        return self.code not in (PROTOCOL, 255)

    @property
    def vanished(self) -> bool:
        """Something went away before its turn came."""
        return self.code == VANISHED or any(report.vanished for report in self.reports)

    @property
    def troubles(self) -> List[Report]:
        return [report for report in self.reports if not report.vanished]


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
    inherit: Sequence[int] = (),
    prefix: Sequence[str] = (),
) -> Finished:
    """Runs rsync from `place` to the module of the connection's host. `deadline` is of time.monotonic."""
    words: List[object] = [
        *prefix,
        "rsync",
        *arguments,
        f"--rsh={connection.remote_shell()}",
        "./",
        f"{connection.secondary.id}::{module}/",
    ]
    return execute(words, place=place, connection=connection, deadline=deadline, inherit=inherit)


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
    _read_totals(out, finished)
    _read_errors(said, finished, connection.secondary.id)
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
                    if len(out) > 2 * _OUT_LIMIT:
                        del out[_OUT_LIMIT // 2 : -_OUT_LIMIT // 2]
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


_BOOT = re.compile(rb"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$", re.M)
_TOTALS: Dict[str, re.Pattern[bytes]] = {
    "entries": re.compile(rb"^Number of files: (\d+)", re.M),
    "files": re.compile(rb"^Number of regular files transferred: (\d+)$", re.M),
    "deleted": re.compile(rb"^Number of deleted files: (\d+)", re.M),
    "bytes": re.compile(rb"^Total bytes sent: (\d+)$", re.M),
    "received": re.compile(rb"^Total bytes received: (\d+)$", re.M),
}
_DELETING = b"deleting "
_CREATED = re.compile(rb"^Number of created files: \d+ \((.*)\)$", re.M)


def _read_totals(out: bytes, finished: Finished) -> None:
    boot = _BOOT.search(out[:_OUT_LIMIT])
    finished.boot = boot.group(1).decode() if boot else None
    # names may come before, and the middle of a long output is left out: the totals stand at the end
    for name, pattern in _TOTALS.items():
        for found in pattern.finditer(out):
            setattr(finished, name, int(found.group(1)))
    for created in _CREATED.finditer(out):
        parts = (part.split(b": ") for part in created.group(1).split(b", "))
        finished.created = sum(int(number) for kind, number in parts if kind != b"reg")
    lines = out[: _OUT_LIMIT // 2].split(b"\n")[:-1]
    finished.named = [_plain(line[len(_DELETING) :]) for line in lines if line.startswith(_DELETING)]


def _plain(name: bytes) -> bytes:
    """rsync writes \\#012 for what cannot be printed."""
    return re.sub(rb"\\#([0-7]{3})", lambda found: bytes([int(found.group(1), 8) & 255]), name)


_REPORT = re.compile(r"^rsync: \[([A-Za-z]+)\] (.*: [^:()]+ \((\d+)\))$")
_SPARED = re.compile(r"^Deletions stopped due to --max-delete limit \((\d+) skipped\)")
# A host that does not know its own name is none of our business
_NOISE = re.compile(r"^(sudo: unable to resolve host|file has vanished: |rsync warning: some files vanished)")


def _read_errors(said: bytes, finished: Finished, who: str) -> None:
    text = said.decode("utf-8", "replace").replace("\r\n", "\n")
    finished.lines = [line for line in text.split("\n") if line and not _NOISE.match(line)]
    for line in finished.lines:
        report = _REPORT.match(line)
        if report:
            finished.reports.append(Report(report.group(1).lower(), int(report.group(3)), report.group(2)))
        spared = _SPARED.match(line)
        if spared:
            finished.spared = int(spared.group(1))
    if finished.code == MAX_DELETE:
        finished.code = DONE
    for line in finished.lines[:30]:
        log(f"{who}: {line}")
