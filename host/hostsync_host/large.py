"""Large files come last, and hold up nobody: other pushes to the same secondary go on meanwhile."""

from __future__ import annotations

import os
import time
import traceback
from typing import Dict, List, Optional, Set, Tuple

from . import layout, ssh
from .arrived import LARGE, Arrivals, HookEnd, run_hook
from .compare import Comparison
from .context import Context, Scanned
from .link import Link
from .locks import Lock, try_lock
from .outcome import Outcome
from .request import Secondary
from .results import log
from .sending import Sending
from .verdict import Fault


class LargeFiles(Link):
    """The part of a push to one secondary that sends large files."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        super().__init__(context, secondary)
        self.outcome = Outcome(secondary.id)
        self.faults: List[Fault] = []
        self.large: List[Tuple[Scanned, Comparison]] = []
        self.arrivals = Arrivals()
        self.deadline = time.monotonic() + context.request.options.push_timeout

    def run_hook(self) -> None:
        """What came of the hook is told, and changes nothing else."""
        arrivals, self.arrivals = self.arrivals, Arrivals()
        if not arrivals or not self.context.request.options.after_sync or self.lost or self.connection is None:
            return
        inherited = self.connection.inherit[0]
        try:
            end = run_hook(arrivals, self.connection, self.context.scratch, inherited)
        except Exception:
            traceback.print_exc()
            end = HookEnd("failed", "the hook could not be asked for; see standard error")
        if end.status == "failed":
            log(f"{self.id}: hook after-sync: {end.message}")
        if self.outcome.hook != "failed":
            self.outcome.hook, self.outcome.hook_message = end.status, end.message

    @property
    def lost(self) -> bool:
        return any(fault.lost for fault in self.faults)

    def send_large(self) -> None:
        """Large files hold up nobody: other pushes to this secondary may go on meanwhile."""
        assert self.connection is not None
        lock = try_lock(os.path.join(layout.locks(self.context.request.group), f"{self.id}.large".encode()))
        if lock is None:
            self.outcome.result, self.outcome.error = "busy", "busy"
            self.outcome.message = "a large file is still on its way; all else arrived"
            return
        with lock:
            done: Dict[str, bool] = {}
            self.give_lock_up()
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
                self.arrivals.add(scan, comparison, None, LARGE)
            self._arrived(done)
            self.run_hook()

    def _arrived(self, done: Dict[str, bool]) -> None:
        """Takes the large files off the list of what may not be there, unless another push has gone on since."""
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
                names = large_names(comparison)
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


def large_names(comparison: Comparison) -> Set[bytes]:
    return {name for kind in ("large", "large_same") for name in comparison.names(kind)}
