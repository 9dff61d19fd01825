"""Empty files that say one thing each, of a secondary or a directory."""

from __future__ import annotations

import os
import time


class Marks:
    """Of a group, in its place."""

    place: bytes

    def path(self, *names: str) -> bytes:
        return os.path.join(self.place, *(name.encode() for name in names))

    def mark(self, kind: str, name: str, there: bool) -> None:
        path = self.path(kind, name)
        if there:
            with open(path, "wb"):
                pass
        elif os.path.exists(path):
            os.unlink(path)

    def known_ns(self, secondary: str) -> int:
        """The time of the last push of which something was remembered."""
        try:
            return os.stat(self.path("known", secondary)).st_mtime_ns
        except OSError:
            return 0

    def marked(self, kind: str, name: str) -> bool:
        return os.path.exists(self.path(kind, name))


def age(path: bytes) -> float:
    """Seconds since a file was written; none if there is none."""
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0
