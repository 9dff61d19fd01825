"""The cycles of a watch: each makes a manifest, of a walk or of what changed alone, for every secondary."""

from __future__ import annotations

import hashlib
import os
import resource
import time
from dataclasses import replace
from threading import BoundedSemaphore, stack_size
from typing import Dict, Mapping, Optional, Tuple

from .. import push
from ..context import Context
from ..dirty import Dirty
from ..errors import not_ready
from ..look import Look
from ..outcome import Outcome
from ..results import log
from . import lease, told
from .collector import Collector
from .crew import Member, Shift, make_scratch
from .eyes import Eyes
from .lag import Lag
from .pace import Pace
from .pending import Batch, Pending, imported
from .turns import Turn

THREAD_STACK = 512 * 1024


class Cycles:
    """Looks, at everything or at what changed, and hands each manifest to the crew."""

    def __init__(self, context: Context, eyes: Eyes, pending: Pending, post: lease.Post) -> None:
        self.context = context
        self.request = context.request
        self.options = context.request.options
        self.eyes = eyes
        self.pending = pending
        self.post = post
        self.began = lease.now()
        self.walked = 0.0
        self.number = self.walks = 0
        self.next_cycle = 0.0
        self.pace = Pace(self.options.max_cpu / 100)
        self.cpu = cpu_seconds()
        self.latest = context
        self.whole: Tuple[int, int] = (context.unfit, 0)
        """What of the directories is not sent, as the last look at everything found."""
        self.holds = self.seen_at = context.started
        self.news = ""
        self.lag = Lag()
        self.collector = Collector()
        self.reported: Dict[str, str] = {}
        turns = BoundedSemaphore(self.options.parallel)
        self.crew = [
            Member(secondary, context.scratch, Turn(turns), self._on_outcome, self.lag, eyes.recent)
            for secondary in self.request.secondaries
        ]

    def scope(self) -> str:
        """What an unbroken chain must have in common."""
        directories = b"\0".join(
            b"%s %s %d" % (one.path, one.volume.encode(), os.fstat(one.descriptor).st_ino) for one in self.eyes.opened
        )
        whole = f"{self.context.scope}:{self.eyes.rung}:".encode() + directories
        return hashlib.sha256(whole).hexdigest()[:32]

    # --- cycles

    def begin(self, left: Optional[lease.Handover]) -> None:
        """The first cycle: a walk, unless events are complete since an earlier command's."""
        stack_size(THREAD_STACK)
        self._recall()
        for member in self.crew:
            member.start()
        dirty = imported(left.pending) if left is not None else None
        chain = (
            left is not None
            and dirty is not None
            and self.eyes.complete
            and (left.boot, left.scope) == (self.context.boot, self.scope())
        )
        if chain and left is not None and dirty is not None:
            self.walked = left.walked
            self.pending.put_back(dirty, time.monotonic())
        # what was accepted is decided where everything is looked at
        accepts = self.options.accept_deletions is not None
        if chain and not accepts and self.walked + self.options.walk_every > lease.now():
            log("an unbroken chain: nothing is walked")
            self.cycle(self.pending.take(), first=True)
        else:
            self.walk("the first look")

    def _recall(self) -> None:
        """What the sender knows already."""
        known = told.read(self.context.store.path("watch", "told"))
        self.collector.held = frozenset(known.held)
        for member in self.crew:
            its = member.secondary.id
            failed = self.context.store.marked("failed", its)
            before = known.secondaries.get(its, "")
            # the mark is newer: a push without a watch may have come between
            self.reported[its] = "failed" if failed else "" if before == "failed" else before

    def walk(self, why: str) -> None:
        log(f"everything is walked: {why}")
        self.eyes.doubt = ""
        self.walks += 1
        began = lease.now()
        self._look(None, self.pending.take(), True)
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
        if dirty is not None and any(scan.linked for scan in context.scans):
            # its other names changed, too, and have no events
            self.eyes.doubt = self.eyes.doubt or "a file has several names"
        self.eyes.learn(context.scans, context.store.place)
        if self.collector.end():
            self.news = "deletions are held"
        if dirty is None:
            self.whole = (context.unfit, context.incomplete)
        self.latest = context
        if dirty is None or self.eyes.complete:
            # where not every change is seen, a walk alone knows all
            self.holds = context.started
        self._offer(context, batch, walked, began)
        # what was used since the last cycle, rsync's of the last one included
        self.next_cycle = began + self.pace.pause(used - self.cpu)
        self.cpu = used

    def _offer(self, context: Context, batch: Batch, walked: bool, began: float) -> None:
        roots = {one.module: index for index, one in enumerate(self.eyes.opened)}
        held = {module: self.pending.waiting(root) for module, root in roots.items()}
        shift = Shift(context, batch.births, walked, began, roots, self.holds, held)
        for member in self.crew:
            member.offer(shift)
        shift.leave()

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

    def _on_outcome(self, member: Member) -> None:
        outcome = member.outcome
        if outcome is None or outcome.error == "busy":
            return
        error = word(outcome)
        if self.reported.get(member.secondary.id, "") != error:
            self.reported[member.secondary.id] = error
            self.news = f"{member.secondary.id}: {error or 'all arrives again'}"


def word(outcome: Outcome) -> str:
    """What of an outcome is news when it changes: not which of many failures it is."""
    return "failed" if outcome.result == "failed" else outcome.error


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
