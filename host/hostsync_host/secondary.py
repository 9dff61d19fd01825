"""One secondary: what it has, what it lacks, and bringing it there."""

from __future__ import annotations

import os
import time
from typing import Dict, Optional, Sequence, Tuple

from . import files, moving, plan, ssh, to_keep
from .arrived import SMALL
from .compare import Comparison
from .context import Deletion, Scanned
from .directories import problem_now
from .everything import Everything, Whole
from .known import Known
from .large import large_names
from .leftovers import Leftover, in_order, once, split
from .outcome import Outcome
from .results import log
from .sending import FSYNC, Sending
from .store import Received
from .verdict import Fault
from .whereabouts import PATIENCE

CONTACT_EVERY = 300.0
"""Seconds after which a secondary with nothing to receive is logged in to: is its key still trusted, was it booted?"""


class Push(Known):
    """The push to one secondary."""

    def run(self) -> Outcome:
        if not self.take_lock():
            self.outcome.result, self.outcome.error = "busy", "busy"
            self.outcome.message = "an earlier push to it still runs; nothing was done"
            return self._end()
        try:
            self.read()
            self._directories()
            self.run_hook()
            if not self.sending and not self.skipped:
                self.look()
            self._finish()
        finally:
            self.leave()
        return self._end()

    @property
    def stopped(self) -> bool:
        """It shall come to its end."""
        return self.context.stopped

    def leave(self) -> None:
        """Gives up the connection and the lock."""
        self.give_lock_up()

    def _end(self) -> Outcome:
        self.outcome.seconds = time.monotonic() - self.outcome.began
        return self.outcome

    # --- the directories

    def _directories(self) -> None:
        """Goes on after an error that concerns one directory or single files."""
        full = False
        for scan in self.context.scans:
            if self.lost or self.stopped:
                return
            todo, compared = self.plan(scan)
            if todo.task is plan.Task.NOTHING:
                continue
            if todo.task is plan.Task.WAIT:
                error, message, *_ = self.memory.blocked[scan.module]
                self.faults.append(Fault(str(error), f"{message} (tried again later)", blocked=True))
                continue
            if not self._begin(scan):
                continue
            full = full or todo.everything
            self._directory(scan, todo, compared)
        if full and not self.lost and self.connection is not None and self.context.request.options.keep_deleted:
            to_keep.expire(self.connection, self.context.scratch, self.lock_number())
        clean = not self.lost and not self.uneven and not self.skipped
        if full and clean:
            self.memory.verified = self.context.started // 1_000_000
        if full and self.checksum:
            # also where something went wrong: to read everything again at each push would be worse
            self.memory.checked = self.context.started // 1_000_000

    def _begin(self, scan: Scanned) -> bool:
        unfit = problem_now(scan.opened, self.context.mounts)
        if unfit is not None:
            self.skipped = f"{os.fsdecode(scan.opened.path)} {unfit.explanation}"
            return False
        return self._connect()

    def _connect(self) -> bool:
        connection = self.connection or self.new_connection()
        if not self.sending:
            self.sending = True
            self.context.store.mark("sending", self.id, True)
            refusal = connection.ready(self.deadline)
            if refusal is not None:
                self.faults.append(Fault(refusal.failure.value, refusal.message, lost=True))
                return False
            self.memory.contact = time.time()
        return True

    def _directory(self, scan: Scanned, todo: plan.Plan, compared: Optional[Tuple[Comparison, Deletion]]) -> None:
        assert self.connection is not None
        received = self.memory.received.get(scan.module)
        sending = self._sending(scan, self.connection)
        whole: Optional[Everything] = None
        lists_well = True
        changed = 0
        if compared is not None and received is not None:
            self.begin_moves(scan, compared[0])
            # also where everything is compared: what was decided by name is not judged again by its number
            lists_well = sending.by_lists(*compared, checked=self.litter)
            if compared[1].withheld:
                self.withheld = True
        moving.settle(sending, self.memory, compared)
        self.note_mode(todo)
        if (todo.everything or not lists_well) and not sending.lost:
            if lists_well:
                self.note_begun(scan, sending, compared)
            changed = self.outcome.tally.changed
            whole = self._everything(scan, sending, todo.content)
        if compared is not None and not lists_well and not sending.lost:
            lists_well = self._again(sending, *compared)
        if self.outcome.mode == "verify":
            self.outcome.drift += self.outcome.tally.changed - changed
        self._note_arrivals(scan, compared, whole, self.outcome.tally.changed > changed)
        self.faults += sending.faults
        self.memory.fsync, self.memory.by_rules, self.memory.no_links = (
            FSYNC not in sending.refused,
            sending.by_rules,
            not sending.links,
        )
        self._remember_boot(sending)
        self._remember(scan, sending, compared, lists_well, whole)

    def _sending(self, scan: Scanned, connection: ssh.Connection) -> Sending:
        memory = self.memory
        can = (set[str]() if memory.fsync else {FSYNC}, memory.by_rules, not memory.no_links)
        common = (self.outcome.tally, self.lock_number(), self.deadline)
        return Sending(self.context, scan, connection, *common, *can, late=lambda: self.late_names(scan, PATIENCE))

    def _again(self, sending: Sending, comparison: Comparison, deletion: Deletion) -> bool:
        """A directory was in the way that has more in it than anybody knew. What else was on the lists, rsync may take
        for the same by size and time: when everything was compared, and cleared, they are sent after all."""
        if sending.by_lists(comparison, deletion, checked=self.litter):
            return True
        path = os.fsdecode(sending.scan.opened.path)
        self.faults.append(Fault("partial", f"{path}: a directory is in the way of something else; tried again later"))
        return False

    def _everything(self, scan: Scanned, sending: Sending, content: bool) -> Everything:
        # somebody may have run join since
        self.memory.no_links = False
        known = self.known_ns if content else None
        started = self.context.started * 1000
        situation = Whole(self.fresh, self.newcomer, self.litter, started, self.checksum, known)
        whole = Everything(sending, self.memory, situation, lambda: self.late_names(scan))
        whole.meanwhile.names.update(dict.fromkeys(self.held_names(scan), False))
        whole.run()
        self.uneven = self.uneven or whole.uneven
        self.withheld = self.withheld or whole.withheld
        if whole.extras is not None:
            self.outcome.extras.append(whole.extras)
        self.uneven = self.uneven or whole.withheld
        return whole

    def _note_arrivals(
        self, scan: Scanned, compared: Optional[Tuple[Comparison, Deletion]], whole: Optional[Everything], changed: bool
    ) -> None:
        if compared is not None:
            self.arrivals.add(scan, *compared, SMALL)
        if whole is not None and changed:
            self.arrivals.add_all(scan)

    def late_names(self, scan: Scanned, patience: float = 10.0) -> Optional[Dict[bytes, bool]]:
        """What changed since the scan began, and whether it was a directory lately; nothing where that is not known
        within so many seconds."""
        return None

    def held_names(self, scan: Scanned) -> Sequence[bytes]:
        """What is being written, and is not in the manifest for that: where everything is compared it is sent."""
        return ()

    def _remember_boot(self, sending: Sending) -> None:
        """After a boot of the secondary it is not known whether what arrived just before it is there: the next push
        looks."""
        if not sending.remote_boot:
            return
        if self.memory.remote_boot and self.memory.remote_boot != sending.remote_boot and not self.doubt:
            log(f"{self.id}: it was booted; everything is compared")
            self.uneven = True
        self.memory.remote_boot = sending.remote_boot

    def _remember(
        self,
        scan: Scanned,
        sending: Sending,
        compared: Optional[Tuple[Comparison, Deletion]],
        lists_well: bool,
        whole: Optional[Everything],
    ) -> None:
        """What it has of the directory now. What was sent from a directory that had been moved counts for nothing."""
        unfit = problem_now(scan.opened, self.context.mounts)
        if unfit is not None:
            self.skipped = f"{os.fsdecode(scan.opened.path)} {unfit.explanation}"
            self.memory.received.pop(scan.module, None)
            self.uneven = True
            return
        if sending.lost or not lists_well:
            self.uneven = True
            return
        left = self.left_over(sending, compared)
        large = [whole.large] if whole is not None and whole.large is not None else []
        if compared is not None:
            large += [compared[0]] if compared[0].counts["large"] + compared[0].counts["large_same"] else []
        for comparison in large:
            self.large.append((scan, comparison))
            for name in large_names(comparison):
                left.append(Leftover(b"?", *split(name)))
        self.note_blocked(scan, sending.faults)
        written = self.context.store.write_leftovers(self.id, in_order(once(left)))
        self.memory.received[scan.module] = Received(scan.manifest, scan.owner, written)

    # --- nothing to send, and the end

    def look(self) -> None:
        """A host that is gone is noticed also when there is nothing to send."""
        # one connection a push: one that was begun while something seemed to differ is used
        recent = self.connection is None and 0 <= time.time() - self.memory.contact < CONTACT_EVERY
        if recent and not self.context.store.marked("failed", self.id):
            timeout = float(self.context.request.options.connect_timeout)
            if ssh.greets(self.secondary, timeout) is None:
                return
        if not self.context.scans or not self._connect():
            return
        assert self.connection is not None
        scan = self.context.scans[0]
        sending = Sending(self.context, scan, self.connection, self.outcome.tally, self.lock_number(), self.deadline)
        sending.touch()
        self.faults += sending.faults
        self._remember_boot(sending)

    def _finish(self) -> None:
        store = self.context.store
        if self.sending:
            self.write()
            kept = {received.leftovers for received in self.memory.received.values()}
            for name in self.old_left:
                if name != "-" and name not in kept:
                    files.remove(store.path("left", name))
            # it stays where something went wrong on the way, or came too late to be known of
            if not (self.uneven or self.lost):
                store.mark("sending", self.id, False)
        if self.large and not self.lost:
            self.send_large()
        self._judge()
        store.mark("failed", self.id, bool(self.outcome.error) and self.outcome.result == "failed")

    def _judge(self) -> None:
        outcome = self.outcome
        if self.stopped and not self.faults:
            self.faults.append(Fault("failed", "the push was stopped before its end"))
        if self.faults:
            first = self.faults[0]
            outcome.result, outcome.error, outcome.message = "failed", first.error, first.message
        elif self.withheld:
            outcome.result, outcome.error = "held", "deletions-held"
            outcome.message = "it received all that is new; deletions were held back, see the line deletions-held"
        elif self.skipped:
            outcome.result, outcome.error = "skipped", "directory-skipped"
            outcome.message = f"it received all that was sent; not sent: {self.skipped}"
