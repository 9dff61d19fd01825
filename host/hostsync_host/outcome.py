"""What became of one secondary."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .sending import Tally


@dataclass
class Outcome:
    """What became of one secondary, for its line."""

    secondary: str
    result: str = "synced"
    """synced, failed, busy, skipped or held."""
    error: str = ""
    message: str = ""
    mode: str = "none"
    drift: int = 0
    tally: Tally = field(default_factory=Tally)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
