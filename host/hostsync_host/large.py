"""Large files come last, and hold up nobody: other pushes to the same secondary go on meanwhile."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from typing import Dict, List, Optional, Set, Tuple

from . import layout, ssh
from .arrived import LARGE, Arrivals, HookEnd, run_hook
from .blame import NOBODY
from .compare import Comparison
from .context import Context, Scanned
from .leftovers import join, split
from .link import Link
from .locks import Lock, try_lock
from .manifest import Damaged
from .outcome import Outcome
from .records import parse_record
from .request import Secondary
from .results import log
from .rsync import listed
from .sending import Sending
from .store import open_known
from .verdict import Fault


class LargeFiles(Link):
    """The part of a push to one secondary that sends large files."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        super().__init__(context, secondary)
        self.outcome = Outcome(secondary.id)
        self.faults: List[Fault] = []
        self.large: List[Tuple[Scanned, Comparison]] = []
        self.done: Dict[str, bool] = {}
        """By module: did all of its large files arrive?"""
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
        lock = self.lock_large()
        if lock is None:
            self.still_carried()
            return
        with lock:
            self.give_lock_up()
            self.carry(lock.fileno())
            self.settle_alone()
            self.run_hook()

    def lock_large(self) -> Optional[Lock]:
        """Nothing where large files are on their way to it already."""
        return try_lock(os.path.join(layout.locks(self.context.request.group), f"{self.id}.large".encode()))

    def still_carried(self) -> None:
        self.outcome.result, self.outcome.error = "busy", "busy"
        self.outcome.message = "a large file is still on its way; all else arrived"

    def carry(self, lock: int) -> None:
        """Sends them, over a connection of its own. What came of each directory is in `done`."""
        options = self.context.request.options
        self.connection = ssh.Connection(self.secondary, self.context.scratch, options, (lock,))
        refusal = self.connection.ready(self.deadline)
        if refusal is not None:
            self.faults.append(Fault(refusal.failure.value, refusal.message, lost=True))
            return
        for scan, comparison in self.large:
            sending = Sending(self.context, scan, self.connection, self.outcome.tally, lock, self.deadline)
            well = sending.large(comparison) and not sending.unsure
            self.done[scan.module] = self.done.get(scan.module, True) and well
            self.faults += sending.faults
            self.arrivals.add(scan, comparison, None, LARGE)

    def settle_alone(self) -> None:
        """When nobody else here has the lock of the secondary."""
        again = self._lock_again() if self.done else None
        if again is not None:
            with again:
                self.settle(again.fileno())

    def settle(self, lock: int) -> None:
        """Ends it, when the lock of the secondary is held: the large files are taken off the list of what may not be
        there, but for those that have changed since."""
        if not self.done or not self._restore_directories(lock):
            return
        store = self.context.store
        memory = store.read_secondary(self.id)
        if memory is None:
            return
        for scan, comparison in self.large:
            received = memory.received.get(scan.module)
            if not self.done.get(scan.module) or received is None:
                continue
            names = self._unchanged(scan, received.manifest, large_names(comparison))
            left = [one for one in store.leftovers(received) if one.path not in names]
            old = received.leftovers
            received.leftovers = store.write_leftovers(self.id, left)
            store.write_secondary(self.id, memory)
            if old != "-":
                os.unlink(store.path("left", old))

    def _restore_directories(self, lock: int) -> bool:
        """rsync gives the directories on the way to a file what they were when it began, and others went on since."""
        if self.connection is None or not self.connection.alive():
            return False
        well = True
        for number, (scan, comparison) in enumerate(self.large):
            directories = sorted({split(name)[0] for name in large_names(comparison)} - {b""})
            path = os.path.join(self.context.scratch, f"again.{self.id}.{number}".encode())
            with open(path, "wb") as file:
                # what the root is comes with any name
                file.write(b"".join(b"./" + name + b"\0" for name in directories) + NOBODY + b"\0")
            sending = Sending(self.context, scan, self.connection, self.outcome.tally, lock, self.deadline)
            well = sending.attempt(listed(path)) and well
        return well

    def _unchanged(self, scan: Scanned, received: str, names: Set[bytes]) -> Set[bytes]:
        """Another push may have gone on since. @returns those that are in both manifests as they were sent"""
        if received == scan.manifest:
            return names
        sent, now = (self._records(name, names) for name in (scan.manifest, received))
        return {name for name in names if name in sent and sent[name] == now.get(name)}

    def _records(self, manifest: str, names: Set[bytes]) -> Dict[bytes, Tuple[int, ...]]:
        opened = open_known(self.context.store.place, self.context.scratch, manifest)
        if opened is None:
            return {}
        directories = {split(name)[0] for name in names}
        found: Dict[bytes, Tuple[int, ...]] = {}
        with contextlib.closing(opened), contextlib.suppress(Damaged):
            for entry in opened.entries():
                if entry.path in directories:
                    for record in map(parse_record, opened.records(entry)):
                        found[join(entry.path, record.name)] = (*record[5:10],)
        return found

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
