"""What is known of one secondary, and what is to be done for it."""

from __future__ import annotations

import time
from typing import List, Optional, Sequence, Tuple

from . import moving, plan
from .compare import Comparison
from .context import Context, Deletion, Scanned
from .large import LargeFiles, large_names
from .leftovers import Leftover, in_order, once, read_leftovers, split
from .request import Secondary
from .results import log
from .sending import Sending
from .store import Received, SecondaryMemory
from .verdict import Fault

CHECKSUM_EVERY = 30 * 86400
"""Seconds between two comparisons of all content, with verify=checksum."""


class Known(LargeFiles):
    """The part of a push to one secondary that remembers."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        super().__init__(context, secondary)
        self.memory = SecondaryMemory()
        self.known = False
        self.forgotten = False
        self.known_ns = 0
        self.litter = False
        self.doubt = ""
        self.checksum = False
        self.uneven = False
        self.withheld = False
        self.skipped = ""
        self.sending = False
        self.old_left: List[str] = []

    def read(self) -> None:
        context, store = self.context, self.context.store
        memory = store.read_secondary(self.id)
        self.known = memory is not None
        self.litter = store.marked("sending", self.id)
        options = context.request.options
        where = self.secondary.host_key or f"{self.secondary.address} {self.secondary.port}"
        target = f"{context.scope} {where}"
        self.memory = memory or SecondaryMemory()
        self.newcomer = options.first and self.memory.verified == 0
        self.doubt = plan.doubt(
            plan.Knowledge(
                known=self.known,
                target=self.memory.target,
                target_now=target,
                broken_off=self.litter,
                boot=self.memory.boot,
                boot_now=context.boot,
                began=self.memory.started,
                began_now=context.started,
                first=options.first,
            )
        )
        self.forgotten = not self.known and not options.first and store.marked("known", self.id)
        self.known_ns = self.memory.started * 1000 if self.known else store.known_ns(self.id)
        self.fresh = not self.known and not self.litter and not self.forgotten
        if (self.known and self.memory.target != target) or options.first:
            self.memory.received = {}
        self.memory.target = target
        self.old_left = [received.leftovers for received in self.memory.received.values()]
        if self.doubt and self.known:
            log(f"{self.id}: everything is compared: {self.doubt}")
        self.due = plan.is_due(self.id, self.memory.verified, context.started // 1_000_000, options.verify_every)
        self._plan_checksum(options.verify == "checksum", context.started // 1_000_000)
        if context.unfit:
            self.skipped = f"{context.unfit} of {len(context.request.directories)} directories, see there"

    def _plan_checksum(self, wanted: bool, now: int) -> None:
        """Each secondary has its own moment of the month, the first one from now on."""
        if not wanted:
            self.memory.checked = 0
            return
        self.memory.checked = self.memory.checked or now
        self.checksum = plan.is_due(self.id, self.memory.checked, now, CHECKSUM_EVERY)
        self.due = self.due or self.checksum

    def plan(self, scan: Scanned) -> Tuple[plan.Plan, Optional[Tuple[Comparison, Deletion]]]:
        received = self.memory.received.get(scan.module)
        compared = None
        differs = received is not None and (received.manifest != scan.manifest or received.leftovers != "-")
        # what is gone was not judged where the last push is not known: then it is counted over there, and judged
        if received is not None and differs and not scan.unsure:
            compared = self.context.compared(scan, received)
        only_held = False
        if compared is not None:
            comparison, deletion = compared
            rest = comparison.sends or deletion.allowed or deletion.swaps or deletion.spared
            only_held = bool(deletion.withheld) and not rest
        blocked = self.memory.blocked.get(scan.module)
        situation = plan.Situation(
            received=received.manifest if received is not None else None,
            newest=scan.manifest,
            leftovers=received is not None and received.leftovers != "-",
            damaged=bool(differs) and compared is None and not scan.unsure,
            unsure=scan.unsure,
            same_owner=received is None or received.owner == scan.owner,
            doubt=self.doubt,
            due=self.due,
            only_held=only_held,
            forgotten=self.forgotten,
            waiting=blocked is not None and time.time() < float(str(blocked[3])),
        )
        if only_held:
            self.withheld = True
        return plan.plan(situation), compared

    def note_mode(self, todo: plan.Plan) -> None:
        if todo.everything:
            doubtful = bool(self.doubt) or not self.due or todo.reason != "it is time to compare everything"
            self.outcome.mode = "full" if doubtful or self.outcome.mode == "full" else "verify"
        elif self.outcome.mode == "none":
            self.outcome.mode = "changes"

    def note_blocked(self, scan: Scanned, faults: Sequence[Fault]) -> None:
        fault = next((fault for fault in faults if fault.blocked), None)
        if fault is None:
            self.memory.blocked.pop(scan.module, None)
            return
        tries = int(str(self.memory.blocked.get(scan.module, ["", "", 0, 0])[2])) + 1
        self.memory.blocked[scan.module] = [fault.error, fault.message, tries, time.time() + plan.retry_after(tries)]

    def begin_moves(self, scan: Scanned, comparison: Comparison) -> None:
        doubtful = moving.begin(self.memory, self.context.store, self.id, scan.module, comparison)
        if doubtful is not None:
            self.old_left.append(doubtful)
            self.write(started=self.memory.started)

    def note_begun(self, scan: Scanned, sending: Sending, compared: Optional[Tuple[Comparison, Deletion]]) -> None:
        """If we are killed, this tells what may have arrived. Where the lists failed, what was known stays known: what
        rsync takes for the same by size and time is on them alone."""
        left = self.left_over(sending, compared)
        large = compared is not None and compared[0].counts["large"] + compared[0].counts["large_same"]
        if compared is not None and large:
            left += [Leftover(b"?", *split(name)) for name in large_names(compared[0])]
        written = self.context.store.write_leftovers(self.id, in_order(once(left)))
        self.old_left.append(written)
        self.memory.received[scan.module] = Received(scan.manifest, scan.owner, written)
        self.write(started=self.memory.started)

    def left_over(self, sending: Sending, compared: Optional[Tuple[Comparison, Deletion]]) -> List[Leftover]:
        """Names of which it is not known what they are over there."""
        return list(sending.unsure) + (list(read_leftovers(compared[1].kept)) if compared is not None else [])

    def write(self, started: Optional[int] = None) -> None:
        context = self.context
        self.memory.started = context.started if started is None else started
        self.memory.boot = context.boot
        for scan in context.scans:
            received = self.memory.received.get(scan.module)
            if received is not None and received.manifest == scan.manifest:
                context.store.restore(scan.manifest, context.scratch)
        context.store.write_secondary(self.id, self.memory)
