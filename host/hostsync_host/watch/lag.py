"""How long changes took to arrive: from when the event came to when a secondary had it."""

from __future__ import annotations

import random
from typing import List

MOST = 20_000


class Lag:
    """Keeps a fair sample, so that memory does not grow."""

    def __init__(self) -> None:
        self.samples: List[float] = []
        self.count = 0
        self.most = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.most = max(self.most, seconds)
        if len(self.samples) < MOST:
            self.samples.append(seconds)
            return
        at = random.randrange(self.count)
        if at < MOST:
            self.samples[at] = seconds

    def quantile(self, share: float) -> float:
        if not self.samples:
            return 0.0
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
