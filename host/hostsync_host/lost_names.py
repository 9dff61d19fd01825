"""The names that a push was sending when the other host fell silent: each may have arrived, or gone, or not.

They are all that can differ from what is known, so the next push looks at these names and not at everything. That does
not hold where a receiver was killed: it leaves temporary files of names that nobody knows.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from .compare import Comparison
from .leftovers import Leftover, in_order, join, read_leftovers, split
from .rsync import TEMPORARY
from .verdict import Fault

MOST = 20_000
"""With more names, comparing everything is cheaper."""
_SENT = ("send", "checksum", "anew", "dirs", "links", "shut", "large", "large_same", "swapped")
_SILENT = ("timeout", "unreachable")


def fell_silent(faults: List[Fault]) -> bool:
    """Was it the way to the host alone that was lost? Then rsync over there takes its temporary files away itself."""
    lost = [fault for fault in faults if fault.lost]
    return bool(lost) and all(fault.error in _SILENT for fault in lost)


def lost_names(comparison: Comparison) -> Optional[List[Leftover]]:
    """In order. Nothing if they are too many."""
    if sum(comparison.counts.values()) > MOST:
        return None
    names: Dict[bytes, Leftover] = {}
    for kind in _SENT:
        for path in comparison.names(kind):
            if path:
                names[path] = Leftover(b"?", *split(path))
    for leftover in read_leftovers(comparison.file("deleted")):
        names.setdefault(leftover.path, leftover)
    # where rsync keeps what it has received until all of it is there: what is not sent again would stay
    for directory in {leftover.directory for leftover in names.values()}:
        names.setdefault(join(directory, TEMPORARY), Leftover(b"D", directory, TEMPORARY))
    return in_order(list(names.values()))
