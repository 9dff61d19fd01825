"""Large files on their way to one secondary, beside the cycles of a watch: what comes after them does not wait."""

from __future__ import annotations

import contextlib
import threading
import traceback
from typing import TYPE_CHECKING, Callable, Generator, Optional

from ..large import LargeFiles
from ..locks import Lock
from ..verdict import Fault

if TYPE_CHECKING:
    from .shift import Shift


class Load(LargeFiles):
    """The large files of one cycle."""

    def run(self, lock: Lock) -> None:
        with lock:
            try:
                self.carry(lock.fileno())
                self.run_hook()
            except Exception:
                # what happens to one secondary is its own
                traceback.print_exc()
                self.faults.append(Fault("failed", "the worker of its large files ended; see standard error"))
        self._judge()

    def _judge(self) -> None:
        outcome = self.outcome
        if self.faults:
            first = self.faults[0]
            outcome.result, outcome.error, outcome.message = "failed", first.error, first.message
        elif not self.done or not all(self.done.values()):
            self.still_carried()


class Porter:
    """Of one secondary: carries one load at a time."""

    def __init__(self) -> None:
        self.on_end: Callable[[], None] = lambda: None
        self._load: Optional[Load] = None
        self._shift: Optional[Shift] = None
        self._thread: Optional[threading.Thread] = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def ended(self) -> bool:
        """Is there a load that was carried, and nobody has collected?"""
        return self._load is not None and not self.busy

    def take(self, load: Load, shift: Shift) -> bool:
        """Begins; not while another one is on its way, here or from an earlier command."""
        if self._load is not None:
            return False
        lock = load.lock_large()
        if lock is None:
            return False
        shift.enter()  # its lists are there

        def work() -> None:
            load.run(lock)
            self._thread = None
            self.on_end()

        self._load, self._shift = load, shift
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return True

    @contextlib.contextmanager
    def collected(self) -> Generator[Optional[Load], None, None]:
        """The load that was carried, once, with its connection and its lists."""
        load, shift = self._load, self._shift
        if load is None or shift is None or self.busy:
            yield None
            return
        self._load = self._shift = None
        try:
            yield load
        finally:
            load.give_lock_up()
            shift.leave()

    def stop(self) -> None:
        load = self._load
        if load is not None:
            load.stop()

    def join(self, seconds: float) -> bool:
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return not self.busy
