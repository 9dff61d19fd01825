"""Pulling from another host what is not here: what differs, and then the files themselves, into a stage.

The other host is not trusted. rsync runs as the owner of the directory, and a symbolic link arrives with a target that
leads nowhere.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from . import rsync
from .directories import Opened
from .options import Options
from .ssh import Connection, environment
from .verdict import Fault, judge

# rsync holds that much of a path at most, and neither end can name more to the kernel
LONGEST_PATH = 4095
# Names that one rsync is given: its memory grows with them
CHUNK = 20_000
# A file of that many bytes may take the whole time there is: it comes in a run of its own, after all others
LARGE = 64 * 1024 * 1024
_LIST_LIMIT = "1G"
_NEVER_CONTENT = (b"", b".", b"..", rsync.TEMPORARY)
# %i %l %n of a file or link that is sent. rsync writes control characters, and what looks like one so written, as \#012
_DIFFERING = re.compile(rb"hostsync:[>c][fL].{9} (\d+) (.+)\n", re.DOTALL)
# Begins of lines in which a sender tells of paths that are too long for it; no name stands before them
_OVERLONG = ("filename overflows max-path len by ", "skipping overly long name: ")
_ESCAPED = re.compile(rb"\\#([0-7]{3})")


@dataclass(frozen=True)
class Differing:
    name: bytes
    size: int


def is_name(name: bytes) -> bool:
    """Whether it is a path below a directory, and not where rsync puts files together."""
    return not any(part in _NEVER_CONTENT for part in name.split(b"/"))


def is_too_long(directory: bytes, name: bytes) -> bool:
    """Whether no rsync can bring it, or the kernel be told of it by its whole path."""
    return len(directory) + 1 + len(name) > LONGEST_PATH


def parse_differing(line: bytes) -> Optional[Differing]:
    found = _DIFFERING.fullmatch(line)
    if found is None:
        return None
    name = _ESCAPED.sub(lambda escape: bytes([int(escape.group(1), 8) & 255]), found.group(2))
    return Differing(name, int(found.group(1))) if is_name(name) else None


def read_names(path: str) -> Iterator[bytes]:
    """Names of a file, each ended by NUL; holds one at a time."""
    with open(path, "rb") as file:
        rest = b""
        while True:
            block = file.read(1 << 20)
            if not block:
                return
            *names, rest = (rest + block).split(b"\0")
            yield from names


def write_names(path: str, names: Iterable[bytes]) -> None:
    with open(path, "wb") as file:
        for name in names:
            file.write(name + b"\0")


def chunks(names: Iterable[bytes], size: int = CHUNK) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for name in names:
        chunk.append(name)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def sort_names(path: str, scratch: str) -> None:
    """In order and each once, whatever their number."""
    words = ["sort", "-z", "-u", "-S", "32M", "-T", scratch, "-o", path, "--", path]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, env=environment())


class Fetch:
    """The runs of rsync of one source."""

    def __init__(self, connection: Connection, options: Options, deadline: float) -> None:
        self._connection = connection
        self._options = options
        self._deadline = deadline  # of time.monotonic
        self.received = 0
        # What the source says of paths that are too long to be sent
        self.too_long: list[str] = []
        # Nothing more can be had from there
        self.lost = False

    def file(self, module: str, name: str, into: str) -> Optional[Fault]:
        """Fetches one file of a module into a directory of root's."""
        words = ["--no-links", f"--max-size={_LIST_LIMIT}", f"{self._connection.secondary.id}::{module}/{name}"]
        return self._run([*words, into + "/"], place=into.encode())

    def differing(self, opened: Opened, selection: Sequence[object], output: str) -> Optional[Fault]:
        """What is not here, or differs; nothing is changed.

        --force is for a directory of ours where the source has a file: without it rsync would not tell of the file.
        """
        words = ["--dry-run", "--force", "--out-format=hostsync:%i %l %n", *_owner_words(opened), *selection]
        with open(output, "wb") as file:
            return self._run(
                [*words, self._module(opened), "./"], place=opened.place, opened=opened, keep=file.fileno()
            )

    def files(self, opened: Opened, stage: int, names: str) -> Optional[Fault]:
        """Fetches files into a stage below the directory."""
        shorn = "" if opened.owner == 0 else ",Fu-s,Fg-s"
        # what is kept lies in directories of root's own
        mode = "" if self._options.kept is None else f"D{_mode_of(opened):o},"
        words = ["--perms", "--hard-links", "--sparse", "--munge-links", f"--chmod={mode}Du+rwx{shorn}"]
        words += [*_owner_words(opened), *listed(names)]
        place = b"/proc/self/fd/%d" % stage
        return self._run([*words, self._module(opened), "./"], place=place, opened=opened, inherit=[stage])

    def _module(self, opened: Opened) -> str:
        host, kept = self._connection.secondary.id, self._options.kept
        return f"{host}::{opened.module}-read/" if kept is None else f"{host}::{opened.module}-kept/{kept}/"

    def _run(
        self,
        words: Sequence[object],
        *,
        place: bytes,
        opened: Optional[Opened] = None,
        inherit: Sequence[int] = (),
        keep: Optional[int] = None,
    ) -> Optional[Fault]:
        fixed = ["rsync", "--links", "--times", "--numeric-ids", "--modify-window=-1", "--stats", "--no-h"]
        fixed += ["--8-bit-output", f"--timeout={self._options.io_timeout}", f"--rsh={self._connection.remote_shell()}"]
        descriptors = [*self._connection.inherit, *inherit, *([opened.descriptor] if opened else [])]
        finished = rsync.execute(
            [*fixed, *words],
            place=place,
            connection=self._connection,
            deadline=self._deadline,
            inherit=descriptors,
            keep=keep,
        )
        self.received += finished.received
        return self._judge(finished)

    def _judge(self, all_of_it: rsync.Finished) -> Optional[Fault]:
        finished = self._without_overlong(all_of_it)
        denied = next((each for each in finished.reports if each.here and each.number == errno.EACCES), None)
        if finished.code == rsync.PARTIAL and denied is not None:
            # For a push that is no failure, for what only the other host has it is one
            words = f"{denied.text[:190]}; look at owner and mode there; the rest arrived"
            return Fault("permission-denied", words)
        fault = judge(finished, self._connection, self._options.push_timeout)
        if fault is None:
            return None
        message = fault.message.replace("the next push goes on", "the next run goes on")
        if fault.error == "disk-full":
            message = message.replace("free space there", "free space here")
        elif fault.error == "not-prepared":
            message += f" with the option readable={'yes' if self._options.kept is None else 'kept'}"
        self.lost = self.lost or fault.lost or time.monotonic() >= self._deadline
        return Fault(fault.error, message, fault.lost)

    def _without_overlong(self, finished: rsync.Finished) -> rsync.Finished:
        """Such a path never arrives, however often it is tried: it is named, and the rest is judged."""
        overlong = [line for line in finished.lines if line.startswith(_OVERLONG)]
        reports = [report for report in finished.reports if report.number != errno.ENAMETOOLONG]
        if not overlong and len(reports) == len(finished.reports):
            return finished
        self.too_long += overlong + [report.text for report in finished.reports if report not in reports]
        texts = {report.text for report in finished.reports} - {report.text for report in reports}
        rest = [
            line
            for line in finished.lines
            if line not in overlong
            and not line.startswith("rsync error: ")
            and not any(line.endswith(text) for text in texts)
        ]
        code = rsync.DONE if finished.code == rsync.PARTIAL and not rest else finished.code
        return replace(finished, code=code, lines=rest, reports=reports)


def _mode_of(opened: Opened) -> int:
    return stat.S_IMODE(os.fstat(opened.descriptor).st_mode)


def _owner_words(opened: Opened) -> list[str]:
    return [] if opened.owner == 0 else [f"--copy-as={opened.owner}:{opened.group}"]


@functools.cache
def _trust() -> tuple[str, ...]:
    """rsync 3.5 takes some long names of a list for names that nobody asked for, and ends.

    It need not look: what was not asked for stays in the stage, for names are placed by the list.
    """
    return ("--trust-sender",) if rsync.capabilities().version >= (3, 2, 5) else ()


def listed(names: str) -> list[str]:
    """The entries of a list, as far as they are there."""
    return [f"--files-from={names}", "--from0", "--ignore-missing-args", *_trust()]


def everything(excludes: Sequence[bytes]) -> list[object]:
    """All that is there, but what is older than ours."""
    filters = ["--filter=- .~tmp~", "--filter=- /lost+found", *rsync.exclude_arguments(excludes)]
    return ["--recursive", "--update", *filters]


def split_output(path: str, small: str, large: str) -> int:
    """Sorts what rsync said into two lists of names, by size; returns how many there are."""
    count = 0
    with open(path, "rb") as lines, open(small, "wb") as ordinary, open(large, "wb") as huge:
        for line in lines:
            entry = parse_differing(line)
            if entry is not None:
                (huge if entry.size >= LARGE else ordinary).write(entry.name + b"\0")
                count += 1
    return count
