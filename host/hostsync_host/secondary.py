"""One secondary: what it has, what it lacks, and bringing it there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Set, Tuple

from . import layout, plan, ssh
from .compare import Comparison, Leftover, read_leftovers, split
from .context import Context, Deletion, Scanned, in_order
from .directories import problem_now
from .everything import Everything, Whole
from .locks import Lock, try_lock
from .request import Secondary
from .results import log
from .sending import Sending, Tally
from .store import Received, SecondaryMemory, sort_leftovers
from .verdict import Fault

CONTACT_EVERY = 300.0
"""Seconds after which a secondary with nothing to receive is logged in to: is its key still trusted, was it booted?"""


@dataclass
class Outcome:
    """What became of one secondary, for its line."""

    secondary: str
    result: str = "synced"
    """synced, failed, busy, skipped or held."""
    error: str = ""
    message: str = ""
    mode: str = "none"
    drift: int = 0
    tally: Tally = field(default_factory=Tally)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0


class Push:
    """The push to one secondary."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        self.context = context
        self.secondary = secondary
        self.id = secondary.id
        self.outcome = Outcome(secondary.id)
        self.connection: Optional[ssh.Connection] = None
        self.lock: Optional[Lock] = None
        self.memory = SecondaryMemory()
        self.known = False
        self.litter = False
        self.doubt = ""
        self.uneven = False
        self.withheld = False
        self.skipped = ""
        self.faults: List[Fault] = []
        self.sending = False
        self.large: List[Tuple[Scanned, Comparison]] = []
        self.old_left: List[str] = []
        self.deadline = time.monotonic() + context.request.options.push_timeout

    @property
    def lost(self) -> bool:
        return any(fault.lost for fault in self.faults)

    def run(self) -> Outcome:
        if not self.take_lock():
            self.outcome.result, self.outcome.error = "busy", "busy"
            self.outcome.message = "an earlier push to it still runs; nothing was done"
            return self._end()
        try:
            self._read()
            self._directories()
            if not self.sending and not self.skipped:
                self.look()
            self._finish()
        finally:
            self.leave()
        return self._end()

    def leave(self) -> None:
        """Gives up the connection and the lock."""
        if self.connection is not None:
            self.connection.close()
        if self.lock is not None:
            self.lock.release()

    def _end(self) -> Outcome:
        self.outcome.seconds = time.monotonic() - self.outcome.began
        return self.outcome

    def connect_early(self) -> None:
        """There will be something to send: the connection is made while the walk goes on."""
        if self.connection is None and self.take_lock():
            self.new_connection().start()

    def stop(self) -> None:
        if self.connection is not None and self.connection.process is not None:
            self.connection.process.terminate()

    def take_lock(self) -> bool:
        """rsync and ssh inherit it: as long as one of them runs, however we ended, nobody else pushes to this secondary."""
        if self.lock is None:
            locks = layout.locks(self.context.request.group)
            os.makedirs(locks, mode=0o700, exist_ok=True)
            self.lock = try_lock(os.path.join(locks, self.id.encode()))
        return self.lock is not None

    def lock_number(self) -> int:
        assert self.lock is not None
        return self.lock.fileno()

    def new_connection(self) -> ssh.Connection:
        options = self.context.request.options
        self.connection = ssh.Connection(self.secondary, self.context.scratch, options, (self.lock_number(),))
        return self.connection

    # --- what is known of it

    def _read(self) -> None:
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
        if self.known and self.memory.target != target or options.first:
            self.memory.received = {}
        self.memory.target = target
        self.old_left = [received.leftovers for received in self.memory.received.values()]
        if self.doubt and self.known:
            log(f"{self.id}: everything is compared: {self.doubt}")
        self.due = plan.is_due(self.id, self.memory.verified, context.started // 1_000_000, options.verify_every)
        if context.unfit:
            self.skipped = f"{context.unfit} of {len(context.request.directories)} directories, see there"

    def _plan(self, scan: Scanned) -> Tuple[plan.Plan, Optional[Tuple[Comparison, Deletion]]]:
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

    # --- the directories

    def _directories(self) -> None:
        """Goes on after an error that concerns one directory or single files."""
        full = False
        for scan in self.context.scans:
            if self.lost or self.context.stopped:
                return
            todo, compared = self._plan(scan)
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
        clean = not self.lost and not self.uneven and not self.skipped
        if full and clean:
            self.memory.verified = self.context.started // 1_000_000

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
        sending = Sending(
            self.context,
            scan,
            self.connection,
            self.outcome.tally,
            self.lock_number(),
            self.deadline,
            self.memory.fsync,
        )
        lists_well = True
        if compared is not None and received is not None:
            # also where everything is compared: what was decided by name is not judged again by its number
            lists_well = sending.by_lists(*compared, checked=self.litter)
            if compared[1].withheld:
                self.withheld = True
        self._mode(todo)
        changed = self.outcome.tally.changed
        whole: Optional[Everything] = None
        if todo.everything and not sending.lost:
            whole = self._everything(scan, sending)
        if self.outcome.mode == "verify":
            self.outcome.drift += self.outcome.tally.changed - changed
        self.faults += sending.faults
        self.memory.fsync = sending.fsync
        self._remember_boot(sending)
        self._remember(scan, sending, compared, lists_well, whole)

    def _mode(self, todo: plan.Plan) -> None:
        if todo.everything:
            doubtful = bool(self.doubt) or not self.due or todo.reason != "it is time to compare everything"
            self.outcome.mode = "full" if doubtful or self.outcome.mode == "full" else "verify"
        elif self.outcome.mode == "none":
            self.outcome.mode = "changes"

    def _everything(self, scan: Scanned, sending: Sending) -> Everything:
        # if we are killed, this tells what may have arrived
        self.memory.received[scan.module] = Received(scan.manifest, scan.owner)
        self._write(started=self.memory.started)
        whole = Everything(
            sending,
            self.memory,
            Whole(self.fresh, self.newcomer, self.litter, self.context.started * 1000),
        )
        whole.run()
        if whole.late:
            late = self.late_names(scan)
            sending.unsure += sort_leftovers(late or ())
            self.uneven = self.uneven or late is None
        self.uneven = self.uneven or whole.uneven
        self.withheld = self.withheld or whole.withheld
        self.uneven = self.uneven or whole.withheld
        return whole

    def late_names(self, _: Scanned) -> Optional[List[bytes]]:
        """What changed since the scan began; nothing where that is not known."""
        return None

    def _remember_boot(self, sending: Sending) -> None:
        """After a boot of the secondary it is not known whether what arrived just before it is there: the next push looks."""
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
        """What it has of the directory now. What was sent from a directory that had been moved away counts for nothing."""
        unfit = problem_now(scan.opened, self.context.mounts)
        if unfit is not None:
            self.skipped = f"{os.fsdecode(scan.opened.path)} {unfit.explanation}"
            self.memory.received.pop(scan.module, None)
            self.uneven = True
            return
        if sending.lost or not lists_well:
            self.uneven = True
            return
        left = list(sending.unsure)
        large = [whole.large] if whole is not None and whole.large is not None else []
        if compared is not None:
            left += read_leftovers(compared[1].kept)
            large += [compared[0]] if compared[0].counts["large"] + compared[0].counts["large_same"] else []
        for comparison in large:
            self.large.append((scan, comparison))
            for name in _large_names(comparison):
                left.append(Leftover(b"?", *split(name)))
        self._note_blocked(scan, sending)
        written = self.context.store.write_leftovers(self.id, in_order(_once(left)))
        self.memory.received[scan.module] = Received(scan.manifest, scan.owner, written)

    def _note_blocked(self, scan: Scanned, sending: Sending) -> None:
        fault = next((fault for fault in sending.faults if fault.blocked), None)
        if fault is None:
            self.memory.blocked.pop(scan.module, None)
            return
        tries = int(str(self.memory.blocked.get(scan.module, ["", "", 0, 0])[2])) + 1
        self.memory.blocked[scan.module] = [fault.error, fault.message, tries, time.time() + plan.retry_after(tries)]

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

    def _write(self, started: Optional[int] = None) -> None:
        context = self.context
        self.memory.started = context.started if started is None else started
        self.memory.boot = context.boot
        for scan in context.scans:
            received = self.memory.received.get(scan.module)
            if received is not None and received.manifest == scan.manifest:
                context.store.restore(scan.manifest, context.scratch)
        context.store.write_secondary(self.id, self.memory)

    def _finish(self) -> None:
        store = self.context.store
        if self.sending:
            self._write()
            kept = {received.leftovers for received in self.memory.received.values()}
            for name in self.old_left:
                if name != "-" and name not in kept:
                    os.unlink(store.path("left", name))
            # it stays where something went wrong on the way, or came too late to be known of
            if not (self.uneven or self.lost):
                store.mark("sending", self.id, False)
        if self.large and not self.lost:
            self._large()
        self._judge()
        store.mark("failed", self.id, bool(self.outcome.error) and self.outcome.result == "failed")

    def _judge(self) -> None:
        outcome = self.outcome
        if self.faults:
            first = self.faults[0]
            outcome.result, outcome.error, outcome.message = "failed", first.error, first.message
        elif self.withheld:
            outcome.result, outcome.error = "held", "deletions-held"
            outcome.message = "it received all that is new; deletions were held back, see the line deletions-held"
        elif self.skipped:
            outcome.result, outcome.error = "skipped", "directory-skipped"
            outcome.message = f"it received all that was sent; not sent: {self.skipped}"

    # --- large files

    def _large(self) -> None:
        """Large files hold up nobody: other pushes to this secondary may go on meanwhile."""
        assert self.connection is not None
        lock = try_lock(os.path.join(layout.locks(self.context.request.group), f"{self.id}.large".encode()))
        if lock is None:
            self.outcome.result, self.outcome.error = "busy", "busy"
            self.outcome.message = "a large file is still on its way; all else arrived"
            return
        with lock:
            done: Dict[str, bool] = {}
            self._give_lock_up()
            options = self.context.request.options
            self.connection = ssh.Connection(self.secondary, self.context.scratch, options, (lock.fileno(),))
            refusal = self.connection.ready(self.deadline)
            if refusal is not None:
                self.faults.append(Fault(refusal.failure.value, refusal.message, lost=True))
                return
            for scan, comparison in self.large:
                sending = Sending(self.context, scan, self.connection, self.outcome.tally, lock.fileno(), self.deadline)
                well = sending.large(comparison) and not sending.unsure
                done[scan.module] = done.get(scan.module, True) and well
                self.faults += sending.faults
            self._arrived(done)

    def _give_lock_up(self) -> None:
        # the connection inherited it, and would keep it
        if self.connection is not None:
            self.connection.close()
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def _arrived(self, done: Dict[str, bool]) -> None:
        """Takes the large files off the list of what is not known to be there, unless another push has gone on since."""
        again = self._lock_again()
        if again is None:
            return
        with again:
            store = self.context.store
            memory = store.read_secondary(self.id)
            if memory is None:
                return
            for scan, comparison in self.large:
                received = memory.received.get(scan.module)
                if not done.get(scan.module) or received is None or received.manifest != scan.manifest:
                    continue
                names = _large_names(comparison)
                left = [one for one in store.leftovers(received) if one.path not in names]
                old = received.leftovers
                received.leftovers = store.write_leftovers(self.id, left)
                store.write_secondary(self.id, memory)
                if old != "-":
                    os.unlink(store.path("left", old))

    def _lock_again(self) -> Optional[Lock]:
        path = os.path.join(layout.locks(self.context.request.group), self.id.encode())
        for _ in range(100):
            lock = try_lock(path)
            if lock is not None:
                return lock
            time.sleep(0.1)
        return None


def _once(leftovers: List[Leftover]) -> List[Leftover]:
    seen: Dict[bytes, Leftover] = {}
    for leftover in leftovers:
        seen.setdefault(leftover.path, leftover)
    return list(seen.values())


def _large_names(comparison: Comparison) -> Set[bytes]:
    return {name for kind in ("large", "large_same") for name in comparison.names(kind)}
