"""So many secondaries are sent to at the same time; one that takes long does not count."""

from __future__ import annotations

import threading
import time
from typing import Optional

LONG = 3.0
"""Seconds after which a secondary gives its turn up: it may hang, and the others do not wait for it."""


class Turn:
    """The turn of one secondary."""

    def __init__(self, turns: threading.Semaphore) -> None:
        self._turns = turns
        self._guard = threading.Lock()
        self._since: Optional[float] = None

    def __enter__(self) -> None:
        self._turns.acquire()
        with self._guard:
            self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._give_up(float("inf"))

    def pass_on(self, now: float) -> None:
        """Gives it to another secondary if this one has had it for long. `now` is of time.monotonic."""
        self._give_up(now - LONG)

    def _give_up(self, taken_before: float) -> None:
        with self._guard:
            if self._since is not None and self._since <= taken_before:
                self._since = None
                self._turns.release()
