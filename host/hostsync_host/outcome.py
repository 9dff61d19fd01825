"""What became of one secondary."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import List

from . import rsync

EXAMPLES = 5


@dataclass
class Tally:
    """What was sent and deleted."""

    files: int = 0
    deleted: int = 0
    bytes: int = 0
    changed: int = 0
    """Entries that were not as they should have been: sent, made or deleted."""
    not_kept: str = ""
    """Why something that was deleted or replaced was not kept."""

    def add(self, finished: rsync.Finished) -> None:
        self.files += finished.files
        self.deleted += finished.deleted
        self.bytes += finished.bytes
        self.changed += finished.files + finished.created + finished.deleted


@dataclass(frozen=True)
class Extras:
    """What a secondary alone had, and what was therefore deleted there."""

    directory: bytes
    count: int
    examples: List[bytes]


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
    hook: str = ""
    """What became of the hook after-sync, if it was to run: none, ok or failed."""
    hook_message: str = ""
    extras: List[Extras] = field(default_factory=list[Extras])
    tally: Tally = field(default_factory=Tally)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def add(self, other: Outcome) -> None:
        """What was sent beside it."""
        for name in ("files", "deleted", "bytes", "changed"):
            setattr(self.tally, name, getattr(self.tally, name) + getattr(other.tally, name))
        if other.hook and self.hook != "failed":
            self.hook, self.hook_message = other.hook, other.hook_message

    def conclude(self, other: Outcome) -> None:
        """The end of what it was busy with."""
        self.add(other)
        if self.error == "busy" or other.result == "failed":
            self.result, self.error, self.message = other.result, other.error, other.message
