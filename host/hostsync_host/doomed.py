"""What a comparison of everything deletes. Nobody knows its names: a run that changes nothing says them. So they can be
looked for here, kept there, and then deleted by name."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from dataclasses import replace
from typing import List, Optional, Sequence

from . import deleting, verdict
from .blame import NOBODY
from .context import sort_out
from .finished import DELETING, plain
from .leftovers import Leftover, in_order, read_leftovers, split
from .outcome import Tally
from .results import show
from .rsync import NAMED, is_temporary, listed
from .sending import Sending
from .specials import is_sent
from .verdict import Fault
from .whereabouts import Lookup, Whereabouts

MOST = 100_000
"""So many names are kept."""
UNTOLD = "it is not known what is deleted, and nothing of it is kept; run join there"


def find(sending: Sending, arguments: Sequence[object]) -> Optional[List[bytes]]:
    """What a run with these arguments would delete; a directory's name ends in a slash. Nothing if that is not known,
    or not all of it is what the secondary has alone."""
    since = time.time_ns() - 20_000_000
    try:
        names = _find(sending, arguments)
    except OSError as error:
        return _nothing_goes(sending, f"it is not known what would be deleted there: {error}")
    here = _one_that_is_here(names or (), sending.scan.opened.descriptor, since)
    if here is not None:
        return _nothing_goes(sending, f"rsync would have deleted {show(here)} there, which is here")
    return names


def keep(sending: Sending, names: Optional[Sequence[bytes]]) -> None:
    """Keeps them over there, where the operator wants that. What fails here is said, and changes nothing else."""
    if not sending.context.request.options.keep_deleted:
        return
    try:
        problem = UNTOLD if names is None else _keep(sending, [name.rstrip(b"/") for name in names])
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    sending.tally.not_kept = sending.tally.not_kept or problem


def delete(sending: Sending, names: Sequence[bytes], place: bytes) -> None:
    """By name: what rsync passes over in another run cannot be meant. `place`: scratch space."""
    leftovers = [Leftover(b"D" if name.endswith(b"/") else b"-", *split(name.rstrip(b"/"))) for name in names]
    deletion = sort_out(sending.scan, place, ((leftover, False) for leftover in in_order(leftovers)))
    # they came back meanwhile
    sending.unsure += [leftover._replace(kind=b"?") for leftover in read_leftovers(deletion.kept)]
    if not deletion.topmost:
        return
    if not deleting.delete(sending, deletion.list, deletion.allowed):
        sending.unsure += read_leftovers(deletion.names)
    if not sending.lost:
        with open(deletion.parents, "ab") as file:
            file.write(NOBODY + b"\0")
        sending.attempt(listed(deletion.parents))


def _nothing_goes(sending: Sending, why: str) -> None:
    words = f"{show(sending.scan.opened.path)}: {why}; nothing is deleted, and the next push looks again"
    sending.faults.append(Fault("partial", words))


def _find(sending: Sending, arguments: Sequence[object]) -> Optional[List[bytes]]:
    """A directory's name ends in a slash. Nothing if these are not all."""
    # of its own, so that what this run counts and meets is not the push's
    other = replace(sending, tally=Tally(), faults=[], unsure=[], named=[])
    with tempfile.TemporaryFile(dir=os.fsdecode(sending.context.scratch)) as said:
        finished = other.run([*arguments, "--dry-run", NAMED], output=said.fileno())
        said.seek(0)
        lines = (line[len(DELETING) : -1] for line in said if line.startswith(DELETING) and line.endswith(b"\n"))
        names = [plain(line) for line in lines]
    if verdict.refuses(finished, "info"):
        sending.refused.add(NAMED)
    return names if finished.whole and not finished.blind else None


def _one_that_is_here(names: Sequence[bytes], root: int, since: int) -> Optional[bytes]:
    """One that was here before, as what it is there: rsync passed over it."""
    whereabouts = Whereabouts(root, since)
    with contextlib.closing(Lookup(root)) as lookup:
        for name in names:
            path = name.rstrip(b"/")
            status = lookup.stat(path)
            if status is None or not is_sent(status) or stat.S_ISDIR(status.st_mode) != name.endswith(b"/"):
                continue
            if status.st_ctime_ns < since and not whereabouts.may_have_moved(split(path)[0]):
                return path
    return None


def _keep(sending: Sending, found: Sequence[bytes]) -> str:
    names = [name for name in found if not is_temporary(name)]
    more = len(names) - MOST
    sending.keep(names[:MOST])
    return f"{more} of {len(names)} not kept: so many are not told of" if more > 0 else ""
