"""What is known of one secondary, and what is to be done for it."""

from __future__ import annotations

import time
from typing import List, Optional, Tuple

from . import plan
from .compare import Comparison
from .context import Context, Deletion, Scanned
from .large import LargeFiles
from .request import Secondary
from .results import log
from .store import SecondaryMemory

CHECKSUM_EVERY = 30 * 86400
"""Seconds between two comparisons of all content, with verify=checksum."""


class Known(LargeFiles):
    """The part of a push to one secondary that remembers."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        super().__init__(context, secondary)
        self.memory = SecondaryMemory()
        self.known = False
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
        self.fresh = not self.known and not self.litter
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
        if received is not None and differs:
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
            damaged=bool(differs) and compared is None,
            unsure=scan.unsure,
            same_owner=received is None or received.owner == scan.owner,
            doubt=self.doubt,
            due=self.due,
            only_held=only_held,
            waiting=blocked is not None and time.time() < float(str(blocked[3])),
        )
        if only_held:
            self.withheld = True
        return plan.plan(situation), compared
