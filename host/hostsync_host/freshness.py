"""How fresh a secondary is, in a file there: a primary that dies cannot be asked any more.

The primary writes it through the rsync daemon, so nothing in it is believed but its form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional

from . import files, layout

MODULE = "fresh"
NAME = b"last"
_LIMIT = 1024
_FORM = re.compile(rb"(\d{1,17})\t([1-9]\d{0,14})\t([A-Za-z0-9][A-Za-z0-9.-]{0,252})?\n")


@dataclass(frozen=True)
class Freshness:
    at: int
    """Microseconds since 1970, by the primary's clock: what the primary held then is here."""
    epoch: int
    holder: Optional[str]
    """The primary's id, where its request had one."""

    def text(self) -> bytes:
        return f"{self.at}\t{self.epoch}\t{self.holder or ''}\n".encode("ascii")


def read() -> Optional[Freshness]:
    """None where no primary that watches has written one."""
    try:
        found = _FORM.fullmatch(files.read_small(layout.fresh() + b"/" + NAME, _LIMIT) or b"")
    except OSError:
        return None
    if found is None:
        return None
    return Freshness(int(found[1]), int(found[2]), found[3].decode("ascii") if found[3] else None)


def said() -> Dict[str, object]:
    """The field of an answer, if there is something to say."""
    fresh = read()
    if fresh is None:
        return {}
    its: Dict[str, object] = {"at": round(fresh.at / 1_000_000, 3), "epoch": fresh.epoch}
    if fresh.holder is not None:
        its["holder"] = fresh.holder
    return {"synced": its}
