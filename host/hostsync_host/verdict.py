"""What an ended run of rsync means for its secondary: the error of the contract, with words and a remedy."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Optional

from .rsync import IO, PARTIAL, PROTOCOL, TIMEOUT_CODE, VANISHED, Finished, Report
from .ssh import Connection, Failure

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM)
_CHMOD = "do_chmod: no symlink-safe chmod for "


@dataclass(frozen=True)
class Fault:
    """Why not everything arrived."""

    error: str
    message: str
    lost: bool = False
    """Nothing more can be sent to this secondary now."""
    blocked: bool = False
    """Something on the secondary stands in the way of single names; trying at every push does not move it."""


def mode_unset(finished: Finished) -> bool:
    """rsync 3.5 cannot give a new file a mode that keeps its own owner from reading it; to one that is there it can."""
    return any(line.startswith(_CHMOD) for line in finished.lines)


def refuses(finished: Finished, option: str) -> bool:
    """Does the other host's rsync not know an option, or not allow it? It says so before it hears of any name."""
    return any(option in line and ("refuse" in line or "unknown option" in line) for line in finished.lines[:5])


def refuses_missing(finished: Finished) -> bool:
    """Does the other host's rsync take the mark of what is missing here for a damaged list?"""
    return finished.code == 2 and any(line.startswith("invalid file mode 00 for ") for line in finished.lines)


def is_denied_there(finished: Finished) -> bool:
    return any(not report.here and report.number == errno.EACCES for report in finished.troubles)


def judge(finished: Finished, connection: Connection, timeout: int) -> Optional[Fault]:
    """Nothing, if everything arrived that was still there."""
    if finished.late:
        return Fault("timeout", f"push-timeout: {timeout} seconds passed; the next push goes on from there", lost=True)
    if finished.code in (0, VANISHED):
        if mode_unset(finished):
            return Fault("partial", f"{_first(finished, _CHMOD)}; the rest arrived")
        return None
    report = _first_of(finished, _NO_ROOM)
    if report is not None:
        return Fault("disk-full", f"{_short(report.text)}; free space there, or make the disk larger")
    if finished.stuck:
        words = "rsync waited for good for something that was a file when it was looked at"
        return Fault("timeout", f"{words}; the next push goes on from there", lost=True)
    if finished.code == PARTIAL:
        return _partial(finished)
    return _broken(finished, connection)


def _partial(finished: Finished) -> Optional[Fault]:
    troubles = finished.troubles
    if not troubles and finished.reports:
        return None
    report = _first_of(finished, _DENIED)
    if report is not None:
        return Fault("permission-denied", f"{_short(report.text)}; {_remedy(report)}", blocked=not report.here)
    if troubles:
        return Fault("partial", f"{_short(troubles[0].text)}; {_remedy(troubles[0])}", blocked=not troubles[0].here)
    words = _first(finished, "rsync: ") or (finished.lines[0] if finished.lines else "rsync exit code 23")
    return Fault("partial", f"{_short(words)}; the rest arrived", blocked=True)


def _remedy(report: Report) -> str:
    if report.number == errno.EBUSY:
        return "something is mounted there: unmount it, or exclude it; the rest arrived"
    if report.number == errno.EPERM and not report.here:
        return "look at owner and mode there, and with lsattr whether it is immutable (chattr -i); the rest arrived"
    if report.number == errno.EROFS:
        return "its file system is read-only there: mount it for writing; the rest arrived"
    if report.number in _DENIED:
        return "look at owner and mode here and there; the rest arrived"
    return "the rest arrived"


def _broken(finished: Finished, connection: Connection) -> Fault:
    if not connection.alive():
        refusal = connection.lost()
        timed_out = "not responding" in refusal.message
        return Fault("timeout" if timed_out else refusal.failure.value, refusal.message, lost=True)
    words = _short(finished.lines[0] if finished.lines else "")
    if finished.code in (TIMEOUT_CODE, 35):
        return Fault(
            "timeout", f"{words or 'no byte moved for io-timeout'}; the next push goes on from there", lost=True
        )
    if finished.code in (PROTOCOL, 126, 127) or not finished.reached:
        return Fault(Failure.NOT_PREPARED.value, f"{words}; run join there", lost=False)
    lost = finished.code not in (IO, 3)
    return Fault("failed", f"rsync exit code {finished.code}: {words}", lost=lost)


def _first_of(finished: Finished, numbers: tuple[int, ...]) -> Optional[Report]:
    return next((report for report in finished.troubles if report.number in numbers), None)


def _first(finished: Finished, start: str) -> str:
    return next((_short(line) for line in finished.lines if line.startswith(start)), "")


def _short(words: str) -> str:
    return words if len(words) <= 190 else f"{words[:190]}..."
