"""Brings every directory of the request to every secondary: one walk of this host tells what each of them lacks, and
rsync over SSH sends that to the daemon that join prepared there.

Everything stays in this process's own process group: the SSM agent ends a command with SIGKILL to the group, and what
had left the group would live on. Request, output, exit codes and what is kept between two pushes: docs/host-package.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import traceback
from typing import List, Optional, Union

from . import agent_folders, directories, layout, processes, report, rsync
from .commands import need
from .context import Context
from .epoch import require_not_older
from .errors import ExitCode, HostError, not_ready
from .locks import Lock, try_lock, wait_for_lock
from .look import Look
from .outcome import Outcome
from .request import Request
from .results import emit, log, show
from .secondary import Push
from .store import Store
from .watch import lease

NEVER_FILLED = (
    "is empty, and no push has ever found a file in it: the directory of a new site looks like this, and so does a "
    "volume that is not mounted. It is sent once a file is in it"
)
PROGRAMS = {"rsync": "rsync/rsync", "ssh": "openssh-client/openssh-clients"}


def run(request: Request) -> ExitCode:
    """Pushes. @raises HostError if nothing can be pushed at all"""
    started = time.time_ns() // 1000
    need(PROGRAMS)
    require_not_older(request)
    _check_key()
    with _Scratch() as scratch:
        return _push(request, started, scratch)


def _check_key() -> None:
    path = layout.key()
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise not_ready(f"{show(path)} is missing; run promote on this host first") from error
    if status.st_uid != 0 or status.st_mode & 0o077:
        raise not_ready(
            f"others can read {show(path)}, and ssh refuses it; chown root {show(path)}; chmod 600 {show(path)}"
        )


class _Scratch:
    """A run and its children hold a lock on its scratch directory: so what a killed run left is told from what is in
    use."""

    def __enter__(self) -> bytes:
        place = layout.scratch()
        os.makedirs(place, mode=0o755, exist_ok=True)
        guard = wait_for_lock(place, 60)
        for name in os.listdir(place):
            if name.startswith(b"push."):
                self._clear(os.path.join(place, name))
        self.path = tempfile.mkdtemp(dir=place, prefix=b"push.")
        self.lock = try_lock(self.path)
        if guard is not None:
            guard.release()
        return self.path

    def _clear(self, path: bytes) -> None:
        held = try_lock(path) if os.path.isdir(path) else None
        if held is not None:
            with held:
                processes.end_idle(path)
                self._remove(path)

    def _remove(self, path: bytes) -> None:
        # deeper than Python's recursion, and than a path may be long
        subprocess.run(["rm", "-rf", "--", path], check=False)

    def __exit__(self, *_: object) -> None:
        self._remove(self.path)
        if self.lock is not None:
            self.lock.release()


def _push(request: Request, started: int, scratch: bytes) -> ExitCode:
    context = make_context(request, started, scratch)
    agent_folders.clear(scratch)
    if request.options.watch == "auto":
        from .watch import command

        return command.run(context)
    if request.options.watch != "beside":
        try:
            lease.end_watch(context.store.path("watch"), request.options.tick)
        except lease.SupersededError as error:
            return report.all_busy(request, started, str(error))
    if request.options.watch == "end" and not request.secondaries:
        return report.close(context, [])
    return push_once(context)


def push_once(context: Context) -> ExitCode:
    """One push, and no watch."""
    workers = _Workers(context)
    opened = open_directories(context)
    turn = take_turn(context)
    if turn is None:
        return report.all_busy(context.request, context.started)
    with turn:
        Look(context, opened, workers.connect).run()
    outcomes = workers.run()
    return report.close(context, outcomes)


def make_context(request: Request, started: int, scratch: bytes) -> Context:
    # what is sent at all: another choice has everything compared
    chosen = [*request.excludes, *([b"\0max-size %d" % request.options.max_size] if request.options.max_size else [])]
    digest = hashlib.sha256(b"".join(pattern + b"\0" for pattern in chosen)).hexdigest()[:16]
    return Context(
        request=request,
        store=Store(request.group),
        scratch=scratch,
        mounts=directories.expected_mounts(),
        can=rsync.capabilities(),
        started=started,
        boot=_boot(),
        scope=f"{request.epoch}:{digest}",
        prefix=_nicely(request.options.nice),
    )


def take_turn(context: Context) -> Optional[Lock]:
    """One push walks at a time, and one waits. More would only walk again, one after the other."""
    lock = try_lock(context.store.path("lock"))
    if lock is not None:
        return lock
    os.makedirs(layout.locks(context.request.group), mode=0o700, exist_ok=True)
    waiting = try_lock(os.path.join(layout.locks(context.request.group), b".waiting"))
    if waiting is None:
        return None
    with waiting:
        lock = wait_for_lock(context.store.path("lock"), context.request.options.push_timeout)
    if lock is None:
        raise HostError("internal", "an earlier push has been walking for push-timeout seconds; see what holds it up")
    return lock


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "-"


def _nicely(nice: int) -> tuple[str, ...]:
    return ("nice", "-n", str(nice), "ionice", "-c", "2", "-n", "7") if nice else ()


def open_directories(context: Context) -> List[directories.Opened]:
    opened: List[directories.Opened] = []
    known = context.store.read_group().directories
    for directory in context.request.directories:
        found: Union[directories.Opened, directories.Unfit] = directories.open_directory(directory.path, context.mounts)
        if isinstance(found, directories.Opened):
            opened.append(found)
            continue
        before = known.get(layout.module_name(found.path))
        # One that never had anything, as of a site that was just installed: who has all of nothing lacks nothing
        if found.problem is directories.Problem.EMPTY and (before is None or before.entries == 0):
            found = dataclasses.replace(found, explanation=NEVER_FILLED)
            context.incomplete += 1
        else:
            context.unfit += 1
        log(f"{show(found.path)} is not pushed: {found.problem.value}: {found.explanation}")
        emit("directory", directory=found.path, error=found.problem.value, message=found.explanation)
    return opened


class _Workers:
    """The threads that serve the secondaries, as many at a time as `parallel` says."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.pushes = [Push(context, secondary) for secondary in context.request.secondaries]
        self.todo: queue.SimpleQueue[Optional[Push]] = queue.SimpleQueue()
        self.outcomes: List[Outcome] = []

    def connect(self) -> None:
        """Something changed: connections take a while, and the walk goes on meanwhile."""
        self.context.changed = True
        for push in self.pushes[: self.context.request.options.parallel]:
            push.connect_early()

    def run(self) -> List[Outcome]:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        for push in self.pushes:
            self.todo.put(push)
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(self.context.request.options.parallel, len(self.pushes)))
        ]
        for thread in threads:
            self.todo.put(None)
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1.0)
        return self.outcomes

    def _work(self) -> None:
        while True:
            push = self.todo.get()
            if push is None:
                return
            try:
                outcome = push.run()
            except Exception:  # what happens to one secondary is its own
                traceback.print_exc()
                outcome = push.outcome
                outcome.result, outcome.error = "failed", "failed"
                outcome.message = "its worker ended without a result; see standard error"
            report.secondary(self.context, outcome)
            self.outcomes.append(outcome)

    def _stop(self, number: int, _frame: object) -> None:
        self.context.stopped = True
        for push in self.pushes:
            push.stop()
        raise HostError("internal", f"stopped by signal {number}")
