"""The names of what a comparison of everything is about to delete, which nobody knows: a run that changes nothing says
them, so that they are kept before."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from typing import List, Sequence

from .finished import DELETING, plain
from .outcome import Tally
from .rsync import NAMED, is_temporary
from .sending import Sending

MOST = 100_000
"""So many names are told of."""


def keep(sending: Sending, arguments: Sequence[object]) -> None:
    """What fails here is said, and changes nothing else."""
    if not sending.context.request.options.keep_deleted:
        return
    try:
        names, problem = _find(sending, arguments)
    except Exception as error:
        names, problem = [], f"{type(error).__name__}: {error}"
    sending.keep(names)
    sending.tally.not_kept = sending.tally.not_kept or problem


def _find(sending: Sending, arguments: Sequence[object]) -> tuple[List[bytes], str]:
    """@returns names, and why these are not all"""
    # of its own, so that what this run counts and meets is not the push's
    other = replace(sending, tally=Tally(), faults=[], unsure=[], named=[])
    with tempfile.TemporaryFile(dir=os.fsdecode(sending.context.scratch)) as said:
        finished = other.run([*arguments, "--dry-run", NAMED], output=said.fileno())
        said.seek(0)
        lines = (line[len(DELETING) : -1] for line in said if line.startswith(DELETING) and line.endswith(b"\n"))
        found = [plain(line).rstrip(b"/") for line in lines]
    if not finished.whole:
        return [], "it is not known what will be deleted; nothing of that is kept"
    names = [name for name in found if not is_temporary(name)]
    more = len(names) - MOST
    return names[:MOST], f"{more} of {len(names)} not kept: so many are not told of" if more > 0 else ""
