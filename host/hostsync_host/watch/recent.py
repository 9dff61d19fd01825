"""The names that changed lately. What comes while everything is compared may be sent, and be gone by the next look:
its name is all that can be known of it."""

from __future__ import annotations

import threading
import time
from typing import Dict, Optional, Tuple

MOST = 50_000


class Recent:
    """Filled by the main thread, asked by the crew. Times are of time.monotonic."""

    def __init__(self) -> None:
        self._names: Dict[Tuple[int, bytes], Tuple[float, bool]] = {}
        self._since = time.monotonic()
        """From then on nothing is missing."""
        self._seen = self._since
        """Up to then nothing is missing."""
        self._changed = threading.Condition()

    def add(self, root: int, directory: bytes, name: bytes, is_directory: bool, now: float) -> None:
        path = directory + b"/" + name if directory else name
        with self._changed:
            if len(self._names) >= MOST:
                self._names.clear()
                self._since = now
            _, was_directory = self._names.get((root, path), (0.0, False))
            self._names[root, path] = now, is_directory or was_directory

    def saw(self, until: float) -> None:
        """All that came before has been added."""
        with self._changed:
            self._seen = until
            self._changed.notify_all()

    def lose(self) -> None:
        """Events are missing."""
        with self._changed:
            self._names.clear()
            self._since = time.monotonic()

    def between(self, root: int, since: float, patience: float = 10.0) -> Optional[Dict[bytes, bool]]:
        """The names that changed from `since` to now, and whether one was a directory lately; nothing if they are not
        known. Waits until all are added."""
        until = time.monotonic()
        with self._changed:
            if not self._changed.wait_for(lambda: self._seen >= until, patience) or self._since > since:
                return None
            return {path: was for (its, path), (at, was) in self._names.items() if its == root and at >= since}
