"""Brings what only other hosts hold to this one, the primary, and overwrites nothing.

From a former primary what its leave listed, from secondaries all that is not here. What differs is kept out of the
directories that are served.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from collections.abc import Sequence
from typing import Optional

from . import commands, epoch, files, held_names, kept_names, layout
from .conflicts import Conflicts
from .directories import Opened, expected_mounts, open_even_empty
from .errors import ExitCode, bad_request, not_ready
from .locks import Lock, try_lock
from .owner import die_with_parent
from .request import Request, Secondary
from .rescue_source import Outcome, Source
from .results import cut, emit, log, show
from .scratch import Scratch
from .verdict import Fault

_PROGRAMS = {
    "rsync": "rsync/rsync",
    "ssh": "openssh-client/openssh-clients",
    "find": "findutils/findutils",
    "sort": "coreutils/coreutils",
}
_KEPT_LISTS = 50
# The SSM agent keeps that many characters; the rest of a line are numbers and names
_OUTPUT_LIMIT, _REST_OF_A_LINE = 23_000, 350
_EXAMPLES = 5
_BUSY = Fault("busy", "a push to it, or an earlier run of this, is still in progress; nothing was done")


def run(request: Request) -> ExitCode:
    _require(request)
    request = kept_names.narrow(held_names.narrow(request))
    for path, mode in ((layout.STATE, 0o755), (layout.locks(request.group), 0o700), (layout.rescued(), 0o700)):
        files.make_directory(path, mode)
    with Scratch("rescue") as scratch:
        fit = _open_all(request)
        codes = _run_workers(request, fit, scratch)
    _clear_lists()
    if any(code == ExitCode.SECONDARY_FAILED for code in codes):
        return ExitCode.SECONDARY_FAILED
    return ExitCode.DONE if len(fit) == len(request.directories) else ExitCode.DIRECTORY_SKIPPED


def _require(request: Request) -> None:
    commands.need(_PROGRAMS)
    if not request.secondaries:
        raise bad_request("secondary is missing; add a line for each host to bring files from")
    epoch.require_not_older(request)
    key = show(layout.key())
    try:
        status = os.stat(layout.key())
    except FileNotFoundError:
        raise not_ready(f"{key} is missing; run promote on this host first") from None
    if status.st_uid != 0 or stat.S_IMODE(status.st_mode) & 0o077:
        raise not_ready(f"others can read {key}, and ssh refuses it; chown root {key}; chmod 600 {key}")


def _open_all(request: Request) -> list[Opened]:
    mounts = expected_mounts()
    fit: list[Opened] = []
    for directory in request.directories:
        opened = open_even_empty(directory.path, mounts)
        if isinstance(opened, Opened):
            fit.append(opened)
            continue
        path, error, message = show(opened.path), opened.problem.value, opened.explanation
        log(f"nothing is brought to {path}: {error}: {message}")
        emit("directory", directory=path, error=error, message=message)
    return fit


# --- one process a source: they work side by side, and what one does to its working directory is its own


def _run_workers(request: Request, fit: Sequence[Opened], scratch: bytes) -> list[int]:
    waiting = list(request.secondaries)
    running: dict[int, Secondary] = {}
    codes: list[int] = []
    try:
        while waiting or running:
            while waiting and len(running) < request.options.parallel:
                secondary = waiting.pop(0)
                running[_start(request, secondary, fit, scratch)] = secondary
            child, status = os.wait()
            ended = running.pop(child, None)
            if ended is not None:
                codes.append(_end(ended, status))
    finally:
        for child in running:
            os.kill(child, 9)
    return codes


def _start(request: Request, secondary: Secondary, fit: Sequence[Opened], scratch: bytes) -> int:
    child = os.fork()
    if child != 0:
        return child
    code = 1
    try:
        die_with_parent()
        code = _Worker(request, secondary, fit, scratch).work()
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        os._exit(code)


def _end(secondary: Secondary, status: int) -> int:
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
    if code in (ExitCode.DONE, ExitCode.SECONDARY_FAILED):
        return code
    text = "its worker ended without a result; see standard error"
    _report(secondary.id, Outcome(fault=Fault("failed", text)), 0.0, None, b"", _EXAMPLES * 100)
    return ExitCode.SECONDARY_FAILED


class _Worker:
    def __init__(self, request: Request, secondary: Secondary, fit: Sequence[Opened], scratch: bytes) -> None:
        self._request = request
        self._secondary = secondary
        self._fit = fit
        self._scratch = scratch
        self._began = time.monotonic()
        self._lines = len(request.secondaries) + len(request.directories)

    def work(self) -> ExitCode:
        # The lock of pushes to it
        lock = try_lock(layout.locks(self._request.group) + b"/" + self._secondary.id.encode())
        if lock is None:
            return self._end(Outcome(fault=_BUSY), None, b"")
        with lock:
            return self._rescue(lock)

    def _rescue(self, lock: Lock) -> ExitCode:
        started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path, brought = _new_list(f"{self._secondary.id}-{started}")
        conflicts = Conflicts(self._secondary.id, started)
        with brought:
            source = Source(self._request, self._secondary, self._scratch, conflicts, lock.fileno())
            outcome = source.rescue(self._fit, brought)
            os.fsync(brought.fileno())
            is_empty = os.fstat(brought.fileno()).st_size == 0
        if is_empty:
            files.remove(path)
        return self._end(outcome, None if is_empty else path, conflicts.path)

    def _end(self, outcome: Outcome, brought: Optional[bytes], kept_in: bytes) -> ExitCode:
        room = max(16, _OUTPUT_LIMIT // self._lines - _REST_OF_A_LINE)
        unfit = len(self._request.directories) - len(self._fit)
        is_whole = outcome.fault is None
        if is_whole and unfit > 0:
            text = f"{unfit} of {len(self._request.directories)} directories here are not fit, see there"
            outcome.fault = Fault("directory-skipped", text)
        _report(self._secondary.id, outcome, time.monotonic() - self._began, brought, kept_in, room)
        return ExitCode.DONE if is_whole else ExitCode.SECONDARY_FAILED


def _report(source: str, outcome: Outcome, seconds: float, brought: Optional[bytes], kept_in: bytes, room: int) -> None:
    """room: the characters that message and examples may take together."""
    fields: dict[str, object] = {"id": source, "ok": outcome.fault is None}
    if outcome.fault is not None:
        text = cut(outcome.fault.message, min(300, room))
        fields.update(error=outcome.fault.error, message=text)
        log(f"{source}: {outcome.fault.error}: {outcome.fault.message}")
    each = min(200, (room - 300) // _EXAMPLES)
    paths = [*outcome.kept, *outcome.new][:_EXAMPLES] if each >= 20 else []
    fields.update(files=outcome.files, conflicts=outcome.conflicts, bytes=outcome.received, seconds=round(seconds, 3))
    fields.update(examples=[cut(show(path), each) for path in paths], list=brought)
    if kept_in:
        fields["keptIn"] = kept_in
    if outcome.too_long:
        examples = [cut(text, max(20, each)) for text in outcome.too_long_examples[: 1 if each < 20 else _EXAMPLES]]
        fields.update(tooLong=outcome.too_long, tooLongExamples=examples)
        log(f"{source}: {outcome.too_long} paths are too long and were not brought: {', '.join(examples)}")
    emit("rescue", **fields)


def _new_list(name: str) -> tuple[bytes, io.FileIO]:
    number = 1
    while True:
        again = "" if number == 1 else f".{number}"
        path = layout.rescued() + f"/{name}{again}.list".encode()
        try:
            return path, io.FileIO(path, "xb")
        except FileExistsError:
            number += 1


def _clear_lists() -> None:
    """The newest stay. What is kept because it differs is nobody's but the operator's to remove."""
    with os.scandir(layout.rescued()) as entries:
        lists = [entry for entry in entries if entry.name.endswith(b".list") and entry.is_file(follow_symlinks=False)]
    for entry in sorted(lists, key=lambda entry: entry.stat().st_mtime_ns)[:-_KEPT_LISTS]:
        files.remove(entry.path)
