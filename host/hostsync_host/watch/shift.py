"""One cycle's push to one secondary, over a connection that stays."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional

from .. import ssh
from ..context import Context, Scanned
from ..secondary import Push
from .porter import Load

if TYPE_CHECKING:
    from .crew import Member


class Shift:
    """One cycle's context. Its scratch directory goes when the last secondary is through with it."""

    def __init__(
        self,
        context: Context,
        births: List[float],
        walked: bool,
        began: float,
        roots: Mapping[str, int],
        holds: int,
        held: Mapping[str, List[bytes]],
    ) -> None:
        self.held = held
        """Paths of files that are being written, by module: the manifest may not have them."""
        self.holds = holds
        """Microseconds since 1970: who has it, has what the primary held then."""
        self.began = began
        """Before the look, by time.monotonic."""
        self.roots = roots
        """The index of each directory, by module."""
        self.context = context
        self.births = births
        self.walked = walked
        self._users = 1
        self._guard = threading.Lock()

    def enter(self) -> None:
        with self._guard:
            self._users += 1

    def leave(self) -> None:
        with self._guard:
            self._users -= 1
            last = self._users == 0
        if last:
            shutil.rmtree(self.context.scratch, ignore_errors=True)


class KeptPush(Push):
    """A push over a connection that is there, and stays."""

    def __init__(self, shift: Shift, member: Member) -> None:
        super().__init__(shift.context, member.secondary)
        self.shift = shift
        self.member = member
        self.broken_off = False
        self.connection, self.lock = member.connection, member.lock
        if self.connection is not None and not self.connection.alive():
            self.connection.close()
            self.connection = None

    def new_connection(self) -> ssh.Connection:
        options = self.context.request.options
        self.connection = ssh.Connection(self.secondary, self.member.scratch, options, (self.lock_number(),))
        return self.connection

    def late_names(self, scan: Scanned, patience: float = 10.0) -> Optional[Dict[bytes, bool]]:
        if self.member.recent is None or scan.module not in self.shift.roots:
            return None
        return self.member.recent.between(self.shift.roots[scan.module], self.shift.began, patience)

    def held_names(self, scan: Scanned) -> List[bytes]:
        return self.shift.held.get(scan.module, [])

    @property
    def stopped(self) -> bool:
        return self.broken_off

    def read(self) -> None:
        with self.member.porter.collected() as load:
            if load is not None:
                load.settle(self.lock_number())
                # the connection of the cycles is another one
                self.faults += [replace(fault, lost=False) for fault in load.faults]
                self.outcome.add(load.outcome)
        super().read()

    def send_large(self) -> None:
        """Beside the cycles, which go on."""
        load = Load(self.context, self.secondary)
        load.large = self.large
        self.member.porter.take(load, self.shift)
        self.still_carried()

    def look(self) -> None:
        if self.shift.walked or self.member.asks:
            super().look()

    def leave(self) -> None:
        broken = self.connection is not None and not self.connection.alive()
        if self.lock is None or self.lost or broken:
            super().leave()
            self.connection = self.lock = None
        self.member.connection, self.member.lock = self.connection, self.lock
