"""Tells a secondary how fresh it is: after a cycle, and now and then while nothing changes.

It takes a run of rsync, so it comes over a connection that is open, and not after each cycle.
"""

from __future__ import annotations

import os
import time

from .. import rsync, ssh
from ..context import Context
from ..freshness import MODULE, NAME, Freshness

AFTER_CYCLE, AT_REST = 3.0, 20.0
"""Seconds between two of them."""
COST = 30.0
"""Where one takes long, so many times as long."""


class Beat:
    """Of one secondary. Seconds are of time.monotonic, microseconds since 1970."""

    def __init__(self) -> None:
        self.holds = 0
        """Microseconds: the secondary has what the primary held then."""
        self.rested = 0
        """Microseconds: up to then nothing more came."""
        self._told = 0
        self._ended = 0.0
        self._cost = 0.0
        self._refused = False

    def due(self, now: float) -> bool:
        """Is it time, and is there something new to tell?"""
        newest = max(self.holds, self.rested)
        if self._refused or newest <= self._told:
            return False
        pause = AFTER_CYCLE if self.holds > self._told else AT_REST
        return now >= self._ended + max(pause, COST * self._cost) or not self._told

    def send(self, context: Context, connection: ssh.Connection, lock: int, place: bytes) -> None:
        """A failure is none of the push: what is wrong, the next push finds out."""
        request = context.request
        newest = max(self.holds, self.rested)
        began = time.monotonic()
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, NAME), "wb") as file:
            file.write(Freshness(newest, request.epoch, request.holder).text())
        words = ["rsync", "--ignore-times", f"--timeout={request.options.io_timeout}"]
        finished = rsync.execute(
            [*words, f"--rsh={connection.remote_shell()}", NAME, f"{connection.secondary.id}::{MODULE}/"],
            place=place,
            connection=connection,
            deadline=began + 2 * request.options.io_timeout,
            inherit=(lock,),
        )
        self._ended = time.monotonic()
        self._cost = self._ended - began
        if finished.code == rsync.DONE:
            self._told = newest
        # one that was joined by an earlier release takes none
        self._refused = finished.code == rsync.PROTOCOL and connection.alive()
