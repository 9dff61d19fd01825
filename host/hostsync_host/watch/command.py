"""A tick's command that stays: it marks, walks and pushes as any push does, and then pushes each change at once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import signal
import time
from dataclasses import replace
from threading import BoundedSemaphore, stack_size
from typing import Dict, Iterator, List, Mapping, Optional

from .. import epoch, layout, push, report
from ..context import Context
from ..dirty import Dirty
from ..errors import ExitCode, HostError, not_ready
from ..excludes import compile_excludes
from ..look import Look
from ..outcome import Outcome
from ..results import emit, log
from . import lease
from .collector import Collector
from .crew import Member, Shift, make_scratch
from .eyes import Eyes, open_eyes
from .lag import Lag
from .pending import Batch, Pending, imported

EARLY_EVERY = 300.0
"""Seconds: so often at most a watch ends early to tell of a change."""
THREAD_STACK = 512 * 1024


def run(context: Context) -> ExitCode:
    """Pushes and watches. @raises HostError if nothing can be pushed at all"""
    opened = push.open_directories(context)
    options = context.request.options
    pending = Pending(quiet=options.quiet / 1000, longest=max(0.3, options.quiet * 2 / 1000), hold=float(options.hold))
    eyes = open_eyes(opened, compile_excludes(context.request.excludes), pending)
    post = lease.Post(context.store.path("watch"), options.tick)
    try:
        left = post.take()
    except lease.Superseded as error:
        eyes.close()
        return report.all_busy(context.request, context.started, str(error))
    watch = Watch(context, eyes, pending, post)
    try:
        with watch.signals():
            watch.begin(left)
            why = watch.stay()
    finally:
        eyes.close()
    return watch.end(why)


class Watch:
    """The main thread: it looks, and hands each cycle's manifest to the crew."""

    def __init__(self, context: Context, eyes: Eyes, pending: Pending, post: lease.Post) -> None:
        self.context = context
        self.request = context.request
        self.options = context.request.options
        self.eyes = eyes
        self.pending = pending
        self.post = post
        self.began = lease.now()
        self.walked = 0.0
        self.ended_early = 0.0
        self.number = self.walks = 0
        self.next_cycle = 0.0
        self.cpu = cpu_seconds()
        self.latest = context
        self.whole = (context.unfit, 0)
        """What of the directories is not sent, as the last look at everything found."""
        self.seen_at = context.started
        self.stopped = 0
        self.news = ""
        self.lag = Lag()
        self.collector = Collector()
        self.reported: Dict[str, str] = {}
        self.key = key_identity()
        turns = BoundedSemaphore(self.options.parallel)
        self.crew = [
            Member(secondary, context.scratch, turns, self._on_outcome, self.lag, eyes.recent)
            for secondary in self.request.secondaries
        ]

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        def stop(number: int, _frame: object) -> None:
            self.stopped = number

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)
        yield

    def scope(self) -> str:
        """What an unbroken chain must have in common."""
        directories = b"\0".join(one.path + one.volume.encode() for one in self.eyes.opened)
        whole = f"{self.context.scope}:{self.eyes.rung}:".encode() + directories
        return hashlib.sha256(whole).hexdigest()[:32]

    # --- cycles

    def begin(self, left: Optional[lease.Handover]) -> None:
        """The first cycle: a walk, unless events are complete since an earlier command's."""
        stack_size(THREAD_STACK)
        for member in self.crew:
            member.was_failed = self.context.store.marked("failed", member.secondary.id)
            self.reported[member.secondary.id] = "failed" if member.was_failed else ""
            member.start()
        dirty = imported(left.pending) if left is not None else None
        chain = (
            left is not None
            and dirty is not None
            and self.eyes.complete
            and (left.boot, left.scope) == (self.context.boot, self.scope())
        )
        if left is not None:
            self.ended_early = left.ended_early
        if chain and left is not None and dirty is not None:
            self.walked = left.walked
            self.pending.put_back(dirty, time.monotonic())
        if chain and self.walked + self.options.walk_every > lease.now():
            log("an unbroken chain: nothing is walked")
            self.cycle(self.pending.take(), first=True)
        else:
            self.walk("the first look")

    def walk(self, why: str) -> None:
        log(f"everything is walked: {why}")
        self.eyes.doubt = ""
        self.walks += 1
        began = lease.now()
        for scan in self.latest.scans:
            self.eyes.learn([scan], self.context.store.place)
        self._look(None, self.pending.take(), True)
        if self.eyes.rung == "times":
            self.eyes.learn(self.latest.scans, self.context.store.place)
        self.walked = began

    def cycle(self, batch: Batch, first: bool = False) -> None:
        modules = {index: one.module for index, one in enumerate(self.eyes.opened)}
        dirty = {modules[root]: places for root, places in batch.dirty.items() if root in modules}
        self._look(dirty, batch, first)

    def _look(self, dirty: Optional[Mapping[str, Mapping[bytes, Dirty]]], batch: Batch, walked: bool) -> None:
        used = cpu_seconds()
        began = time.monotonic()
        self.number += 1
        context = self.context
        if self.number > 1 or dirty is not None:
            context = self._again()
        else:
            context = replace(self.context, scratch=make_scratch(self.context.scratch, self.number))
        if dirty is not None:
            context.unfit, context.incomplete = self.whole
        with self.post.at_work():
            turn = push.take_turn(context)
            if turn is None:
                raise not_ready("other pushes look at the directories; the next tick watches")
            with turn:
                self.collector.begin(dirty is None)
                Look(context, self.eyes.opened, lambda: None, dirty, self.collector.emit).run()
        if len(context.scans) < len(self.eyes.opened):
            self.eyes.doubt = "a directory could not be looked at"
        if self.collector.end():
            self.news = "deletions are held"
        if dirty is None:
            self.whole = (context.unfit, context.incomplete)
        self.latest = context
        shift = Shift(context, batch.births, walked, began, {one.module: at for at, one in enumerate(self.eyes.opened)})
        for member in self.crew:
            member.offer(shift)
        shift.leave()
        # what was used since the last cycle, rsync's of the last one included, is a part of the time at most
        share = self.options.max_cpu / 100
        self.next_cycle = began + (used - self.cpu) / share
        self.cpu = used

    def _again(self) -> Context:
        base = self.context
        return Context(
            request=replace(self.request, options=replace(self.options, accept_deletions=None, first=False)),
            store=base.store,
            scratch=make_scratch(base.scratch, self.number),
            mounts=base.mounts,
            can=base.can,
            started=time.time_ns() // 1000,
            boot=base.boot,
            scope=base.scope,
            prefix=base.prefix,
            unfit=base.unfit,
        )

    # --- the time between them

    def stay(self) -> str:
        """Until something ends it. @returns what"""
        while True:
            why = self.over()
            if why:
                return why
            now = time.monotonic()
            due = self.pending.due()
            at = now + self.eyes.wake if due is None else max(due, self.next_cycle)
            if at > now:
                # a wait for the next cycle must not be cut short by each event
                if due is not None:
                    time.sleep(min(at - now, 0.05))
                else:
                    self.eyes.wait(min(at - now, self.eyes.wake))
            self._take_in()
            why = self.over()  # also after a frozen moment: the checks come right before a cycle
            if why:
                return why
            self._go_on()

    def _take_in(self) -> None:
        began = time.time_ns() // 1000
        self.eyes.look()
        self.pending.settle(time.monotonic(), self.eyes.is_written)
        if self.eyes.complete and not self.eyes.doubt:
            self.seen_at = began

    def _go_on(self) -> None:
        now = time.monotonic()
        if now < self.next_cycle:
            return
        if self.eyes.doubt or self.pending.overfull:
            self.walk(self.eyes.doubt or "very many names changed")
        elif lease.now() >= self.walked + self.options.walk_every:
            self.walk("it is time")
        elif self.pending.ready(now):
            self.cycle(self.pending.take())

    def over(self) -> str:
        """Why no further cycle may begin; empty if one may."""
        if self.stopped:
            return f"signal {self.stopped}"
        if lease.now() >= self.began + self.options.lease:
            return "lease"
        if self._fenced():
            return "fenced"
        if self.post.has_successor():
            return "successor"
        if self.eyes.remounted:
            return "mounts changed"
        if self.news and lease.now() >= self.ended_early + EARLY_EVERY:
            self.ended_early = lease.now()
            return "outcome changed"
        return ""

    def _fenced(self) -> bool:
        if key_identity() != self.key:
            return True
        try:
            return epoch.require_not_older(self.request) is not None and self._epoch_moved()
        except HostError as error:
            log(f"the watch ends: {error.message}")
            return True

    def _epoch_moved(self) -> bool:
        state = epoch.read_group()
        return state is not None and state.epoch != self.request.epoch

    def _on_outcome(self, member: Member) -> None:
        outcome = member.outcome
        if outcome is None or outcome.error == "busy":
            return
        error = "failed" if outcome.result == "failed" else outcome.error
        if self.reported.get(member.secondary.id, "") != error:
            self.reported[member.secondary.id] = error
            self.news = f"{member.secondary.id}: {error or 'all arrives again'}"

    # --- the end

    def end(self, why: str) -> ExitCode:
        for member in self.crew:
            member.stop()
        chain = why == "successor" and self.eyes.complete and not self.eyes.doubt and not self.pending.overfull
        pending = self.pending.export()
        early = why == "outcome changed"
        handover = lease.Handover(self.context.boot, self.scope(), self.walked, pending, self.ended_early)
        self._let_idle_go()
        self.post.leave(handover if chain else None)
        if early:
            log(f"ended early: {self.news}")
        for member in self.crew:
            while not member.join(1.0):
                if why in ("fenced",) or self.stopped:
                    raise HostError("internal", f"the watch ended: {why}")
        return self._report(why, bool(pending))

    def _let_idle_go(self) -> None:
        """A secondary at rest is free for the successor; one to which something is being sent is so when that is through."""
        end = time.monotonic() + 1.0
        for member in self.crew:
            member.join(max(0.0, end - time.monotonic()))

    def _report(self, why: str, pending: bool) -> ExitCode:
        outcomes: List[Outcome] = []
        self.collector.write()
        for member in self.crew:
            outcome = member.outcome
            if outcome is None:
                outcome = Outcome(member.secondary.id, "busy", "busy", "the watch ended before its turn came")
            context = member.context or self.context
            if member.fresh and not pending and self.eyes.complete:
                context = replace(context, started=max(context.started, self.seen_at))
            report.secondary(context, outcome)
            outcomes.append(outcome)
        emit(
            "watch",
            rung=self.eyes.rung,
            ended=why,
            cycles=self.number,
            walks=self.walks,
            arrivals=self.lag.count,
            p50=round(self.lag.quantile(0.5), 3),
            p99=round(self.lag.quantile(0.99), 3),
            max=round(self.lag.most, 3),
            cpu=round(cpu_seconds(), 3),
        )
        self.latest.unfit = max(self.latest.unfit, self.context.unfit)
        return report.close(replace(self.latest, started=self.context.started), outcomes)


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def key_identity() -> Optional[tuple[int, int]]:
    """Tells the primary's key from another one, and from none."""
    try:
        status = os.stat(layout.key())
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns
