"""What an ended run of rsync said, and what that means.

Names of files stand in rsync's words, and the web server's user chooses them. So nothing is concluded from words that a
name can hold: only from exit codes, from lines that begin as only rsync's own error reports do and end in an error
number, and from the totals.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, field
from typing import Dict, List, Optional

from .results import log

OUT_LIMIT = 16 * 1024
"""Bytes of the output that are read, half of them from its beginning."""

DONE, PROTOCOL, IO, TIMEOUT_CODE, PARTIAL, VANISHED, MAX_DELETE = 0, 5, 11, 30, 23, 24, 25


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
    named: List[bytes] = field(default_factory=list[bytes])
    """Some of what was deleted, where rsync was asked to name it."""
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
    greeting: List[str] = field(default_factory=list[str])
    """What the daemon said before anything was sent, the boot id left out."""

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
    def blind(self) -> bool:
        """Something here or there could not be listed: after that rsync deletes nothing, and counts nothing that it
        would."""
        return self.code == PARTIAL and any(
            (report.here and report.number != errno.ENOENT) or report.text.startswith(("opendir ", "readdir"))
            for report in self.reports
        )

    @property
    def troubles(self) -> List[Report]:
        return [report for report in self.reports if not report.vanished]


_BOOT = re.compile(rb"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$", re.M)
_TOTALS: Dict[str, re.Pattern[bytes]] = {
    "entries": re.compile(rb"^Number of files: (\d+)", re.M),
    "files": re.compile(rb"^Number of regular files transferred: (\d+)$", re.M),
    "deleted": re.compile(rb"^Number of deleted files: (\d+)", re.M),
    "bytes": re.compile(rb"^Total bytes sent: (\d+)$", re.M),
    "received": re.compile(rb"^Total bytes received: (\d+)$", re.M),
}
DELETING = b"deleting "
_CREATED = re.compile(rb"^Number of created files: \d+ \((.*)\)$", re.M)


def read_totals(out: bytes, finished: Finished) -> None:
    boot = _BOOT.search(out[:OUT_LIMIT])
    finished.boot = boot.group(1).decode() if boot else None
    if finished.code == PROTOCOL:
        said = out[:OUT_LIMIT].decode("utf-8", "replace").splitlines()
        finished.greeting = [line for line in said if line and line != finished.boot][:5]
    # names may come before, and the middle of a long output is left out: the totals stand at the end
    for name, pattern in _TOTALS.items():
        for found in pattern.finditer(out):
            setattr(finished, name, int(found.group(1)))
    for created in _CREATED.finditer(out):
        parts = (part.split(b": ") for part in created.group(1).split(b", "))
        finished.created = sum(int(number) for kind, number in parts if kind != b"reg")
    lines = out[: OUT_LIMIT // 2].split(b"\n")[:-1]
    finished.named = [plain(line[len(DELETING) :]) for line in lines if line.startswith(DELETING)]


def plain(name: bytes) -> bytes:
    """rsync writes \\#012 for what cannot be printed."""
    return re.sub(rb"\\#([0-7]{3})", lambda found: bytes([int(found.group(1), 8) & 255]), name)


_REPORT = re.compile(r"^rsync: \[([A-Za-z]+)\] (.*: [^:()]+ \((\d+)\))$")
_SPARED = re.compile(r"^Deletions stopped due to --max-delete limit \((\d+) skipped\)")
# A host that does not know its own name is none of our business
_NOISE = re.compile(r"^(sudo: unable to resolve host|file has vanished: |rsync warning: some files vanished)")


def read_errors(said: bytes, finished: Finished, who: str) -> None:
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
