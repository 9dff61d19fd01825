"""One thread a secondary: each goes on from what its secondary has to the newest manifest. None waits for another."""

from __future__ import annotations

import os
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import Callable, List, Optional

from .. import ssh
from ..locks import Lock
from ..outcome import Outcome
from ..request import Secondary
from .beat import Beat
from .lag import Lag
from .porter import Porter
from .recent import Recent
from .shift import KeptPush, Shift
from .turns import Turn

RETRY_LEAST, RETRY_MOST = 2.0, 15.0
"""Seconds until a secondary that failed is tried again."""
CHECK_EVERY = 2.0
FAULTLESS = ("", "deletions-held", "directory-skipped")


@dataclass
class Member:
    """One secondary, for the time of the watch."""

    secondary: Secondary
    scratch: bytes
    turn: Turn
    on_outcome: Callable[[Member], None]
    lag: Lag
    recent: Optional[Recent] = None
    """Where every change is seen."""
    connection: Optional[ssh.Connection] = None
    lock: Optional[Lock] = None
    outcome: Optional[Outcome] = None
    """Of the last push, with the totals of all."""
    holds: int = 0
    """Microseconds since 1970: it has what the primary held then."""
    asks: bool = False
    tries: int = 0
    beat: Beat = field(default_factory=Beat)
    porter: Porter = field(default_factory=Porter)
    stopping: bool = False
    _at_rest: bool = False
    _offered: Optional[Shift] = None
    _births: List[float] = field(default_factory=list[float])
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: Optional[threading.Thread] = None
    _pushing: Optional[KeptPush] = None

    def start(self) -> None:
        self.porter.on_end = self._wake
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def offer(self, shift: Shift) -> None:
        """The newest there is. One that was not begun yet is passed over."""
        shift.enter()
        with self._changed:
            old, self._offered = self._offered, shift
            if old is not None:
                shift.walked = shift.walked or old.walked
                old.leave()
            self._births += shift.births
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    @property
    def fresh(self) -> bool:
        """Has it everything that was offered?"""
        with self._changed:
            return self._offered is None and self.outcome is not None and self.outcome.error in FAULTLESS

    def rests(self, since: int) -> None:
        """Nothing that came before has not been offered."""
        with self._changed:
            if self._at_rest and self._offered is None:
                self.beat.rested = since

    def stop(self) -> None:
        """No push is begun any more; one that runs comes to its end."""
        with self._changed:
            self.stopping = True
            self._changed.notify()

    def break_off(self) -> None:
        """Ends the connection of the push that runs."""
        self.stop()
        push = self._pushing
        if push is not None:
            push.broken_off = True
            push.stop()
        self.porter.stop()

    @property
    def connects(self) -> bool:
        """Is it a connection alone that its push waits for? Nothing is lost if that is broken off."""
        push = self._pushing
        return push is not None and (push.connection is None or not push.connection.alive())

    def join(self, seconds: float) -> bool:
        """Its own thread; its large files may go on."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def carried(self, seconds: float) -> bool:
        """Waits for its large files when its thread has ended. @returns whether they are through"""
        if not self.porter.join(seconds):
            return False
        with self.porter.collected() as load:
            if load is not None and self.outcome is not None:
                load.settle_alone()
                self.outcome.conclude(load.outcome)
        return True

    # --- its thread

    def _work(self) -> None:
        again: Optional[Shift] = None
        retry_at = 0.0
        while True:
            shift = self._next(again, retry_at)
            if shift is None:
                break
            if again is not None and again is not shift:
                again.leave()
            again = shift
            with self._changed:
                births, self._births = self._births, []
            with self.turn:
                well = self._push(shift)
            self._at_rest = well
            busy = self.outcome is not None and self.outcome.error == "busy"
            if well or (busy and self.porter.busy):
                # what is on its way beside the cycles holds up nothing that comes after it
                done = time.monotonic()
                for born in births:
                    self.lag.add(done - born)
                self.tries = 0
                retry_at = 0.0
            else:
                with self._changed:
                    self._births = births + self._births
                self.tries += 1
                pause = 1.0 if busy else min(RETRY_MOST, RETRY_LEAST * 2 ** min(self.tries - 1, 10))
                retry_at = time.monotonic() + pause
        if again is not None:
            again.leave()
        self._close()

    def _next(self, again: Optional[Shift], retry_at: float) -> Optional[Shift]:
        """The next shift; the last one again, after a failure or when the connection broke."""
        while True:
            if again is not None and not retry_at:
                self._tell(again)
            with self._changed:
                if self.stopping:
                    return None
                now = time.monotonic()
                if self._offered is not None and now >= retry_at:
                    shift, self._offered = self._offered, None
                    self._at_rest = False
                    return shift
                if again is not None and ((retry_at and now >= retry_at) or self.porter.ended):
                    return again
                if again is not None and self.connection is not None and not self.connection.alive():
                    self.asks = True
                    return again
                self._changed.wait(max(0.01, min(CHECK_EVERY, retry_at - now if retry_at > now else CHECK_EVERY)))

    def _tell(self, shift: Shift) -> None:
        connection, lock = self.connection, self.lock
        if connection is None or lock is None or not self.beat.due(time.monotonic()) or not connection.alive():
            return
        place = os.path.join(self.scratch, b"fresh." + self.secondary.id.encode())
        self.beat.send(shift.context, connection, lock.fileno(), place)

    def _push(self, shift: Shift) -> bool:
        push = self._pushing = KeptPush(shift, self)
        try:
            outcome = push.run()
        except Exception:
            # what happens to one secondary is its own
            traceback.print_exc()
            outcome = push.outcome
            outcome.result, outcome.error = "failed", "failed"
            outcome.message = "its worker ended without a result; see standard error"
        finally:
            self._pushing = None
        self.asks = False
        well = outcome.error in FAULTLESS
        if well:
            self.holds = self.beat.holds = shift.holds
        self._total(outcome)
        self.on_outcome(self)
        return well

    def _total(self, outcome: Outcome) -> None:
        before = self.outcome
        if before is not None:
            for name in ("files", "deleted", "bytes", "changed"):
                setattr(outcome.tally, name, getattr(outcome.tally, name) + getattr(before.tally, name))
            outcome.seconds += before.seconds
            outcome.drift += before.drift
            outcome.extras[:0] = before.extras
            if before.hook == "failed" or not outcome.hook:
                outcome.hook, outcome.hook_message = before.hook, before.hook_message
            order = ("none", "changes", "verify", "full")
            outcome.mode = max(outcome.mode, before.mode, key=order.index)
        self.outcome = outcome

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if self.lock is not None:
            self.lock.release()
        self.connection = self.lock = None


def make_scratch(base: bytes, number: int) -> bytes:
    path = os.path.join(base, b"cycle.%d" % number)
    os.mkdir(path, 0o700)
    return path
