"""The lines of a push. SSM keeps the first 24,000 characters, so that for many secondaries they are put together."""

from __future__ import annotations

import threading
import time
from typing import Dict, List, Tuple

from .context import Context
from .errors import ExitCode
from .outcome import EXAMPLES, Extras, Outcome
from .request import Request
from .results import cut, emit, log

SINGLE_MOST = 60
"""So many secondaries have a line each."""
ROOM = 23_000
MESSAGE_MOST, MESSAGE_LEAST = 300, 16
EXTRAS_NAMED = 10
"""So many secondaries are named that had something of their own."""

_guard = threading.Lock()
_started = time.monotonic()


def _message_limit(context: Context) -> int:
    lines = len(context.request.secondaries) + len(context.request.directories)
    return max(MESSAGE_LEAST, min(MESSAGE_MOST, ROOM // max(1, lines) - 180))


def _seconds(microseconds: int) -> float:
    return round(microseconds / 1_000_000, 3)


def secondary(context: Context, outcome: Outcome) -> None:
    """The line of one secondary, as soon as it has ended."""
    if outcome.error:
        log(f"{outcome.secondary}: {outcome.error}: {outcome.message}")
    if len(context.request.secondaries) <= SINGLE_MOST:
        emit("secondary", **_line(context, outcome))


def _line(context: Context, outcome: Outcome) -> Dict[str, object]:
    line: Dict[str, object] = {"id": outcome.secondary, "ok": not outcome.error}
    if outcome.error:
        line["error"] = outcome.error
        line["message"] = cut(outcome.message, _message_limit(context))
    if outcome.hook in ("ok", "failed"):
        line["hook"] = outcome.hook
    if outcome.hook == "failed":
        line["hookMessage"] = cut(outcome.hook_message, _message_limit(context))
    if outcome.tally.not_kept:
        line["notKept"] = cut(outcome.tally.not_kept, _message_limit(context))
    line["mode"] = outcome.mode
    if outcome.mode == "verify":
        line["drift"] = outcome.drift
    line["started"] = _seconds(context.started)
    line["files"] = outcome.tally.files
    line["deleted"] = outcome.tally.deleted
    line["bytes"] = outcome.tally.bytes
    line["seconds"] = round(outcome.seconds, 3)
    return line


def close(context: Context, outcomes: List[Outcome]) -> ExitCode:
    """The last lines and the exit code."""
    results = [outcome.result for outcome in outcomes]
    code = ExitCode.DONE
    if "failed" in results:
        code = ExitCode.SECONDARY_FAILED
    elif context.unfit + context.incomplete + results.count("skipped") + results.count("held") > 0:
        code = ExitCode.DIRECTORY_SKIPPED
    many = len(context.request.secondaries) > SINGLE_MOST
    if not many:
        _extras(outcomes)
    _summary(context.request, context.started, results, code)
    if many:
        _grouped(context, outcomes)
        _extras(outcomes)
    return code


def _extras(outcomes: List[Outcome]) -> None:
    """What only secondaries had and was deleted there, a line for each directory."""
    directories: Dict[bytes, List[Tuple[str, Extras]]] = {}
    for outcome in outcomes:
        for extras in outcome.extras:
            directories.setdefault(extras.directory, []).append((outcome.secondary, extras))
    for directory, found in directories.items():
        ids = sorted({secondary for secondary, _ in found})
        examples = dict.fromkeys(name for _, extras in found for name in extras.examples)
        emit(
            "extras-deleted",
            directory=directory,
            count=sum(extras.count for _, extras in found),
            secondaries=len(ids),
            ids=ids[:EXTRAS_NAMED],
            examples=list(examples)[:EXAMPLES],
        )


def _summary(request: Request, started: int, results: List[str], code: ExitCode) -> None:
    emit(
        "push",
        group=request.group,
        epoch=request.epoch,
        ok=code == ExitCode.DONE,
        started=_seconds(started),
        seconds=round(time.time() - started / 1_000_000, 3),
        secondaries=len(request.secondaries),
        synced=results.count("synced"),
        failed=results.count("failed"),
        busy=results.count("busy"),
    )


def _grouped(context: Context, outcomes: List[Outcome]) -> None:
    """Secondaries of which the same is to be said, in one line: what failed first."""
    groups: Dict[Tuple[str, str, int, str], List[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.error, outcome.mode, outcome.drift, outcome.hook), []).append(outcome)
    ids = sum(len(outcome.secondary) + 3 for outcome in outcomes)
    limit = max(40, min(MESSAGE_MOST, (ROOM - ids) // max(1, len(groups)) - 260))
    for (error, *_), members in sorted(groups.items(), key=lambda item: not item[0][0]):
        line = _line(context, members[0])
        if error:
            line["message"] = cut(members[0].message, limit)
        if "hookMessage" in line:
            line["hookMessage"] = cut(members[0].hook_message, limit)
        del line["id"]
        line["files"] = max(outcome.tally.files for outcome in members)
        line["deleted"] = max(outcome.tally.deleted for outcome in members)
        line["bytes"] = max(outcome.tally.bytes for outcome in members)
        line["seconds"] = round(max(outcome.seconds for outcome in members), 3)
        emit("secondaries", ids=sorted(outcome.secondary for outcome in members), **line)


WAITING = "an earlier push still looks at the directories, and another one waits for it"


def all_busy(request: Request, started: int, why: str = WAITING) -> ExitCode:
    """Another push waits for its turn already, or watches, and will see what this one would have seen."""
    message = f"{why}; nothing was done"
    log(message)
    for each in request.secondaries if len(request.secondaries) <= SINGLE_MOST else ():
        emit(
            "secondary",
            id=each.id,
            ok=False,
            error="busy",
            message=message,
            mode="none",
            started=_seconds(started),
            files=0,
            deleted=0,
            bytes=0,
            seconds=0.0,
        )
    _summary(request, started, ["busy"] * len(request.secondaries), ExitCode.DONE)
    return ExitCode.DONE
