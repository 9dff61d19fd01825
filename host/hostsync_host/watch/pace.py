"""How often a watch pushes: what it costs is a part of one processor's time."""

from __future__ import annotations

PAUSE = 1.0
"""Seconds between the beginnings of two cycles, at most, when the first one alone was costly."""
LEAST = 0.65
"""Seconds between them at the least, where as much as the usual part of the time may be used: while changes go on and
on, more cycles would double the costs here and over there for a quarter of a second. Whoever allows more has more."""
USUAL = 0.25


class Pace:
    """A look at everything, or a host that is given everything, costs as much as very many changes. Once, that holds up
    nobody; where one costly cycle follows the other, the pauses double until the costs are within the limit."""

    def __init__(self, share: float) -> None:
        """`share`: of one processor's time, 0 to 1."""
        self.share = share
        self.least = LEAST * min(1.0, USUAL / share)
        self.most = PAUSE

    def pause(self, cost: float) -> float:
        """Seconds from the beginning of a cycle to that of the next one. `cost`: CPU seconds since the last cycle."""
        needed = max(self.least, cost / self.share)
        if needed <= self.most:
            self.most = max(PAUSE, needed)
            return needed
        pause, self.most = self.most, self.most * 2
        return pause
