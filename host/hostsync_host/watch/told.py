"""What the sender has heard already of each secondary: only what is not so any more is worth an early end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Dict, List

from ..files import read_small, write_atomic

LIMIT = 1024 * 1024


@dataclass
class Told:
    """Of the last command that watched."""

    secondaries: Dict[str, str] = field(default_factory=dict[str, str])
    """The id of each that was not wholly served, and why."""
    held: List[str] = field(default_factory=list[str])
    """Ids of held deletions."""


def read(path: bytes) -> Told:
    """What cannot be read is as if nothing had been told."""
    try:
        told = Told(**json.loads(read_small(path, LIMIT) or b"{}"))
        well = isinstance(told.secondaries, dict) and isinstance(told.held, list)  # type: ignore[redundant-expr]
        return told if well else Told()
    except (OSError, ValueError, TypeError):
        return Told()


def write(path: bytes, told: Told) -> None:
    write_atomic(path, json.dumps(asdict(told)).encode("ascii"), sync=False)
