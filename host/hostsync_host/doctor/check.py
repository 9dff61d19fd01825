"""One thing that was looked at on this host, and what to do about it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Optional

from .. import commands, results

TEXT_LIMIT = 400
# What needs a person comes first: SSM keeps the first characters of an output alone
LEVELS = ("error", "warning", "unknown", "ok")


@dataclass(frozen=True)
class Check:
    """`unknown` is neither fine nor a fault. `why` and `mend` are those of an error or a warning."""

    check: str
    level: str
    what: str
    why: Optional[str] = None
    mend: Optional[str] = None

    def emit(self) -> None:
        words = {name: results.cut(text, TEXT_LIMIT) for name, text in self._words() if text is not None}
        results.emit("check", check=self.check, level=self.level, **words)

    def _words(self) -> Iterable[tuple[str, Optional[str]]]:
        return (("what", self.what), ("why", self.why), ("mend", self.mend))


def ok(check: str, what: str) -> Check:
    return Check(check, "ok", what)


def warning(check: str, what: str, why: str, mend: str) -> Check:
    return Check(check, "warning", what, why, mend)


def error(check: str, what: str, why: str, mend: str) -> Check:
    return Check(check, "error", what, why, mend)


def unknown(check: str, what: str) -> Check:
    return Check(check, "unknown", what)


def guarded(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """A check that cannot be made is not known, and keeps no other from being made."""
    try:
        yield from look()
    except Exception as problem:
        traceback.print_exc()
        yield unknown(name, f"{type(problem).__name__}: {problem}")


def has_apt() -> bool:
    return commands.find("apt-get") is not None


def install_line(debian: str, other: str) -> str:
    return f"apt-get install -y {debian}" if has_apt() else f"dnf install -y {other}"


def update_line(package: str) -> str:
    return f"apt-get install -y --only-upgrade {package}" if has_apt() else f"dnf upgrade -y {package}"
