"""What cycles have to say beside the secondaries: each thing once, at the end."""

from __future__ import annotations

from typing import Dict, List, Tuple

from ..results import emit


class Collector:
    """Takes the place of `emit` for the walks of a watch."""

    def __init__(self) -> None:
        self._lines: Dict[Tuple[object, ...], Dict[str, object]] = {}
        self.held: frozenset[object] = frozenset()
        self._held_now: List[object] = []

    def emit(self, kind: str, **fields: object) -> None:
        if kind == "deletions-held":
            self._held_now.append(fields.get("id"))
        self._lines[kind, fields.get("directory"), fields.get("error"), fields.get("id")] = fields

    def begin(self, whole: bool) -> None:
        """A look begins: what is held is said afresh by each, what cannot be sent by those at everything."""
        stale = ("deletions-held", "directory", "too-large") if whole else ("deletions-held",)
        self._lines = {key: fields for key, fields in self._lines.items() if key[0] not in stale}
        self._held_now = []

    def end(self) -> bool:
        """@returns whether something is held that was not before"""
        before, self.held = self.held, frozenset(self._held_now)
        return not self.held <= before

    def write(self) -> None:
        for (kind, *_), fields in self._lines.items():
            emit(str(kind), **fields)
