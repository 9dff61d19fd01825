"""A tick's command that stays: it marks, walks and pushes as any push does, and then pushes each change at once."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from dataclasses import replace
from typing import Dict, Generator, List, Optional, Tuple

from .. import epoch, layout, push, report
from ..context import Context
from ..errors import ExitCode, HostError
from ..excludes import compile_excludes
from ..outcome import Outcome
from ..results import cut, emit, log
from . import lease, told
from .cycles import Cycles, cpu_seconds, word
from .eyes import Eyes, open_eyes
from .pending import Pending

SLICE = 0.1
"""Seconds between two looks at what may end the watch, while a change waits for its cycle."""


def run(context: Context) -> ExitCode:
    """Pushes and watches. @raises HostError if nothing can be pushed at all"""
    opened = push.open_directories(context)
    options = context.request.options
    pending = Pending(quiet=options.quiet / 1000, longest=max(0.3, options.quiet * 2 / 1000), hold=float(options.hold))
    eyes = open_eyes(opened, compile_excludes(context.request.excludes), pending)
    post = lease.Post(context.store.path("watch"), options.tick)
    try:
        left = post.take()
    except lease.SupersededError as error:
        eyes.close()
        return report.all_busy(context.request, context.started, str(error))
    watch = Watch(context, eyes, pending, post)
    try:
        with watch.signals():
            watch.begin(left)
            why = watch.stay()
            # what came until the successor's marks stood is seen by this command alone
            watch.take_in()
    finally:
        eyes.close()
    return watch.end(why)


class Watch(Cycles):
    """The time between the cycles, and the end."""

    def __init__(self, context: Context, eyes: Eyes, pending: Pending, post: lease.Post) -> None:
        super().__init__(context, eyes, pending, post)
        self.stopped = 0
        self.key = key_identity()

    @contextlib.contextmanager
    def signals(self) -> Generator[None, None, None]:
        def stop(number: int, _frame: object) -> None:
            self.stopped = number

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)
        yield

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
                    time.sleep(min(at - now, SLICE))
                else:
                    self.eyes.wait(min(at - now, self.eyes.wake))
            self.take_in()
            why = self.over()  # also after a frozen moment: the checks come right before a cycle
            if why:
                return why
            self._go_on()

    def take_in(self) -> None:
        for member in self.crew:
            member.turn.pass_on(time.monotonic())
        began = time.time_ns() // 1000
        self.eyes.look()
        self.pending.settle(time.monotonic(), self.eyes.is_written)
        if self.eyes.complete and not self.eyes.doubt:
            self.seen_at = began
            if self.pending.due() is None:
                for member in self.crew:
                    member.rests(began)

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
        if self.post.is_lost():
            return "memory lost"
        if self.eyes.remounted:
            return "mounts changed"
        if self.eyes.exchanged():
            return self._exchanged()
        if self.news and self.post.may_end_early():
            self.post.note_early()
            return "outcome changed"
        return ""

    def _exchanged(self) -> str:
        """Whoever can write the parent can do it a hundred times a second: after some early ends the tick comes."""
        if not self.post.may_end_early():
            return "directory moved again"
        self.post.note_early()
        return "directory moved"

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

    # --- the end

    def end(self, why: str) -> ExitCode:
        for member in self.crew:
            member.stop()
        chain = why == "successor" and self.eyes.complete and not self.eyes.doubt and not self.pending.overfull
        pending = self.pending.export()
        early = why == "outcome changed"
        handover = lease.Handover(self.context.boot, self.scope(), self.walked, pending)
        self._let_idle_go()
        self.post.leave(handover if chain else None)
        if early:
            log(f"ended early: {self.news}")
        for member in self.crew:
            if why == "fenced" or self.stopped or (early and member.connects):
                member.break_off()
            while not (member.join(1.0) and member.carried(1.0)):
                pass
        return self._report(why, bool(pending))

    def _let_idle_go(self) -> None:
        """A secondary at rest is free for the successor; one to which something is sent is so when that is through."""
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
            started = member.holds or self.context.started
            if member.fresh and not pending and self.eyes.complete:
                started = max(started, self.seen_at)
            report.secondary(replace(self.context, started=started), outcome)
            outcomes.append(outcome)
        if why != "memory lost":
            self._note_told(outcomes)
        self._emit(why, sum(outcome.tally.files for outcome in outcomes))
        self.latest.unfit = max(self.latest.unfit, self.context.unfit)
        return report.close(replace(self.latest, started=self.context.started), outcomes)

    def _note_told(self, outcomes: List[Outcome]) -> None:
        said = {outcome.secondary: word(outcome) for outcome in outcomes if outcome.error not in ("", "busy")}
        told.write(
            self.context.store.path("watch", "told"), told.Told(said, sorted(str(one) for one in self.collector.held))
        )

    def _emit(self, why: str, files: int) -> None:
        better: Dict[str, object] = {"because": cut(self.eyes.because, 200)} if self.eyes.because else {}
        emit(
            "watch",
            rung=self.eyes.rung,
            **better,
            ended=why,
            cycles=self.number,
            walks=self.walks,
            files=files,
            arrivals=self.lag.count,
            p50=round(self.lag.quantile(0.5), 3),
            p99=round(self.lag.quantile(0.99), 3),
            max=round(self.lag.most, 3),
            cpu=round(cpu_seconds(), 3),
            memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )


def key_identity() -> Optional[Tuple[int, int]]:
    """Tells the primary's key from another one, and from none."""
    try:
        status = os.stat(layout.key())
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns
