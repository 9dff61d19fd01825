"""How often a watch pushes: what it costs is a part of one processor's time."""

from __future__ import annotations

PAUSE = 2.0
"""Seconds between the beginnings of two cycles, at most, when the first one alone was costly."""


class Pace:
    """A look at everything, or a host that is given everything, costs as much as very many changes. Once, that holds up
    nobody; where one costly cycle follows the other, the pauses double until the costs are within the limit."""

    def __init__(self, share: float) -> None:
        """`share`: of one processor's time, 0 to 1."""
        self.share = share
        self.most = PAUSE

    def pause(self, cost: float) -> float:
        """Seconds from the beginning of a cycle to that of the next one. `cost`: CPU seconds since the last cycle."""
        needed = cost / self.share
        if needed <= self.most:
            self.most = max(PAUSE, needed)
            return needed
        pause, self.most = self.most, self.most * 2
        return pause
